import type { FinishReason } from "../core/events.ts";
import { outcomeOf } from "../core/events.ts";
import { promptOf, textOf } from "../core/request.ts";
import type { StreamSource } from "../core/source.ts";
import type { UserModel } from "../core/user-model.ts";

/** Makes a source of a user-written model: adds what a generator of plain text leaves out. */
export function createUserModelSource(name: string, model: UserModel): StreamSource {
  return async function* userModel(request, { signal }) {
    const system = request.messages
      .filter(({ role }) => role === "system" || role === "developer")
      .map(({ content }) => textOf(content))
      .join("\n\n");
    const finished = new Map<number, FinishReason>();
    yield { type: "attempt-start", provider: "models", model: name };
    for await (const step of model({ ...request, prompt: promptOf(request), system, signal }, { signal })) {
      if (typeof step === "string") {
        if (step !== "") yield { type: "text-delta", text: step };
        continue;
      }
      if (step.type === "stream-end") break;
      // Header and attempt are ours: a generator that forwards another stream's events may contain them.
      if (step.type === "stream-start" || step.type === "attempt-start") continue;
      if (step.type === "finish") finished.set(step.choice ?? 0, step.reason);
      yield step;
    }
    if (finished.size === 0) yield { type: "finish", reason: "stop" };
    yield { type: "stream-end", outcome: outcomeOf(finished.values()) };
  };
}
