import { HeadraceError } from "../../core/errors.ts";
import type { StreamEvent, Usage } from "../../core/events.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import type { GenerateRequest } from "../../core/request.ts";
import { promptRequest } from "../../core/request.ts";
import type { Clock } from "../../core/time.ts";
import { BodyFields } from "../../protocols/body-fields.ts";
import { respond } from "./perform.ts";
import type { Plan, Step } from "./plan.ts";
import { planAnswer } from "./plan.ts";
import { playAsBody, Playback } from "./playback.ts";

export interface CompletionOptions {
  clock: Clock;
  seed: string;
  signal: AbortSignal | undefined;
}

/** What OpenAI's old endpoint takes for granted. */
const defaultMaxTokens = 16;

/**
 * Answers `POST /v1/completions`, OpenAI's API from before there were chats.
 *
 * @throws HeadraceError `invalid-request`, `model-not-found`.
 */
export async function complete(body: JsonObject, { clock, seed, signal }: CompletionOptions): Promise<Response> {
  const fields = new BodyFields(body);
  const requests = readRequests(fields);
  const createdAt = clock.now();
  const plans = requests.map((request) => planAnswer(request, { createdAt, seed }));
  const perPrompt = requests[0]?.choices ?? 1;
  const steps = plans.flatMap((plan, prompt) => stepsTold(plan, prompt * perPrompt));
  const answerId = plans[0]?.answerId ?? "";
  const writer = new CompletionWriter({
    id: `cmpl-${answerId}`,
    created: Math.floor(createdAt / 1000),
    model: fields.requiredString("model"),
  });
  const playback = new Playback({ answerId, steps }, clock);
  if (fields.boolean("stream") !== true) return whole(playback, writer, signal);
  const withUsage = fields.object("stream_options")?.boolean("include_usage") === true;
  let isOver = false;
  const stream = playAsBody(
    async (stopping) => {
      if (isOver) return [{ end: "eof" }];
      const due = await playback.next(stopping);
      isOver = due.length === 0;
      const frames = isOver
        ? [...(withUsage ? [writer.usage()] : []), "[DONE]"]
        : due.flatMap((step) => writer.chunk(step));
      return [{ bytes: utf8.encode(frames.map((data) => `data: ${data}\n\n`).join("")) }];
    },
    signal,
    clock,
  );
  return new Response(stream, { headers: { "content-type": "text/event-stream", "cache-control": "no-cache" } });
}

const utf8 = new TextEncoder();

function readRequests(fields: BodyFields): GenerateRequest[] {
  const prompt = fields.value("prompt");
  const prompts: Json[] = Array.isArray(prompt) ? prompt : [prompt ?? ""];
  if (prompts.length === 0 || !prompts.every((text) => typeof text === "string")) {
    throw new HeadraceError(
      "invalid-request",
      "`prompt` must be a text or a list of texts; the simulator has no tokens",
      {
        param: "prompt",
      },
    );
  }
  const stop = fields.value("stop");
  const seed = fields.integer("seed", { min: Number.MIN_SAFE_INTEGER });
  return prompts.map((text) => ({
    ...promptRequest(fields.requiredString("model"), text),
    maxOutputTokens: fields.integer("max_tokens", { min: 0 }) ?? defaultMaxTokens,
    choices: fields.integer("n", { min: 1, max: 128 }) ?? 1,
    ...(seed !== undefined && { seed }),
    ...(typeof stop === "string" && { stop: [stop] }),
    ...(Array.isArray(stop) && { stop: stop.filter((item) => typeof item === "string") }),
  }));
}

/** What of a plan this API can say, when it would have been said. */
function stepsTold(plan: Plan, firstChoice: number): Step[] {
  const steps: Step[] = [];
  let waitMs = 0;
  for (const step of plan.steps) {
    waitMs += step.waitMs;
    const event = "event" in step ? toldOf(step.event, firstChoice) : undefined;
    if (event === undefined) continue;
    steps.push({ waitMs, event });
    waitMs = 0;
  }
  return steps;
}

/** The event with its number among the choices of all prompts; undefined for what this API cannot say. */
function toldOf(event: StreamEvent, firstChoice: number): StreamEvent | undefined {
  if (event.type === "usage") return event;
  if (event.type !== "text-delta" && event.type !== "finish") return undefined;
  return { ...event, choice: firstChoice + (event.choice ?? 0) };
}

async function whole(playback: Playback, writer: CompletionWriter, signal: AbortSignal | undefined): Promise<Response> {
  const never = new AbortController().signal;
  for (let due = await playback.next(signal ?? never); due.length > 0; due = await playback.next(signal ?? never)) {
    for (const step of due) writer.chunk(step);
  }
  return respond(200, writer.document());
}

/** Writes `text_completion` objects, and remembers what they add up to. */
class CompletionWriter {
  readonly #head: JsonObject;
  readonly #choices: { text: string; finishReason: string | null }[] = [];
  readonly #usage: Usage = { inputTokens: 0, outputTokens: 0 };

  constructor({ id, created, model }: { id: string; created: number; model: string }) {
    this.#head = { id, object: "text_completion", created, model };
  }

  chunk(step: Step): string[] {
    if (!("event" in step)) return [];
    const { event } = step;
    if (event.type === "usage") {
      this.#usage.inputTokens += event.usage.inputTokens;
      this.#usage.outputTokens += event.usage.outputTokens;
      return [];
    }
    if (event.type !== "text-delta" && event.type !== "finish") return [];
    const index = event.choice ?? 0;
    const choice = (this.#choices[index] ??= { text: "", finishReason: null });
    const text = event.type === "text-delta" ? event.text : "";
    const finishReason = event.type === "finish" ? (event.reason === "length" ? "length" : "stop") : null;
    choice.text += text;
    choice.finishReason = finishReason;
    return [JSON.stringify({ ...this.#head, choices: [writeChoice(index, text, finishReason)] })];
  }

  usage(): string {
    return JSON.stringify({ ...this.#head, choices: [], usage: this.#writeUsage() });
  }

  document(): JsonObject {
    const choices = this.#choices.map(({ text, finishReason }, index) => writeChoice(index, text, finishReason));
    return { ...this.#head, choices, usage: this.#writeUsage() };
  }

  #writeUsage(): JsonObject {
    const { inputTokens, outputTokens } = this.#usage;
    return {
      prompt_tokens: inputTokens,
      completion_tokens: outputTokens,
      total_tokens: inputTokens + outputTokens,
    };
  }
}

function writeChoice(index: number, text: string, finishReason: string | null): JsonObject {
  return { index, text, logprobs: null, finish_reason: finishReason };
}
