import type { AttemptStart, StreamEvent } from "../core/events.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { Resumption } from "../core/resumption.ts";
import type { SourceOptions, StreamContext } from "../core/source.ts";
import type { AttemptCall, Guard } from "./attempt.ts";
import type { ServedTarget } from "./target.ts";

/**
 * Keeps what may be gone on with of an attempt that broke in mid-answer, for as long as somebody may want it, and sees to it
 * that a provider does not go on with what nobody will fetch.
 */
export function keepResumption({ stream, progress, options, number }: AttemptCall): Guard {
  const { signal, resume } = options;
  return {
    ended(outcome) {
      if (outcome === "completed") return;
      const { resumption } = progress;
      // What came together with the break counts, too, though nobody has taken it yet.
      const hasBegun = progress.steps > 0 || resume !== undefined;
      if (outcome !== "failed" || !hasBegun || signal.aborted) {
        void (resumption ?? resume)?.abandon();
        return;
      }
      if (resumption === undefined) return;
      (stream.resumptions ??= new Map()).set(number, resumption);
      signal.addEventListener("abort", () => void takeResumption(stream, number)?.abandon(), { once: true });
    },
  };
}

/** What is left of an attempt at its provider. Whoever takes it is in charge of it. */
function takeResumption({ resumptions }: StreamContext, attempt: number): Resumption | undefined {
  const resumption = resumptions?.get(attempt);
  resumptions?.delete(attempt);
  return resumption;
}

/** Nobody will go on with any of the attempts that broke. */
export function abandonResumptions({ resumptions }: StreamContext): void {
  for (const resumption of resumptions?.values() ?? []) void resumption.abandon();
  resumptions?.clear();
}

export interface ResumedAttempt {
  /** Number of the attempt that goes on. */
  attempt: number;
  /** What was not given yet. */
  events: AsyncIterator<StreamEvent>;
}

/**
 * Goes on with the very generation that an attempt has begun. Undefined where the provider does not have it, or does not
 * have it any more; it has been told then that nobody wants it.
 */
export async function resumeAttempt(
  attempt: number,
  target: ServedTarget,
  request: GenerateRequest,
  options: SourceOptions & { stream: StreamContext },
): Promise<ResumedAttempt | undefined> {
  const resume = takeResumption(options.stream, attempt);
  if (resume === undefined) return undefined;
  const asked: SourceOptions = { ...options, reason: "recovery", rung: "native-resume", resume };
  const events = target.source(request, asked)[Symbol.asyncIterator]();
  try {
    // Comes with the first content.
    const { value, done } = await events.next();
    if (done !== true) return { attempt: (value as AttemptStart).attempt ?? 0, events };
  } catch (error) {
    if (options.signal.aborted) throw error;
  }
  abandonResumptions(options.stream);
  void resume.abandon();
  return undefined;
}
