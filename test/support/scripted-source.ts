import { HeadraceError } from "../../src/core/errors.ts";
import type { StreamEvent } from "../../src/core/events.ts";
import type { AttemptEnded, Observation } from "../../src/core/observer.ts";
import type { GenerateRequest } from "../../src/core/request.ts";
import type { StreamContext, StreamSource } from "../../src/core/source.ts";
import type { Randomness } from "../../src/core/time.ts";
import type { VirtualClock } from "../../src/testing.ts";

/** One thing that a scripted provider does. A string is a word, a number a wait in milliseconds. */
export type Step = string | number | HeadraceError | StreamEvent | typeof hang | typeof deaf | typeof pings;

/** Silence without end; `deaf` does not even listen to its signal. */
export const hang = Symbol("hang");
export const deaf = Symbol("deaf");
/** Bytes without an event every second, without end. */
export const pings = Symbol("pings");

export const request: GenerateRequest = {
  model: "asked",
  messages: [{ role: "user", content: [{ type: "text", text: "hello" }] }],
};

/** Always in the middle, so that jitter is no surprise. */
export const evenRandomness: Randomness = { number: () => 0.5, bytes: (length) => new Uint8Array(length) };

/**
 * A provider that follows a script: one list of steps for each call, the last one for all further calls. Reports its
 * progress as real providers do.
 */
export function scriptedSource(name: string, clock: VirtualClock, scripts: readonly (readonly Step[])[]) {
  const calls: { at: number; abortedAt?: number }[] = [];
  const source: StreamSource = async function* scripted(_request, { signal, progress }) {
    const call: { at: number; abortedAt?: number } = { at: clock.elapsed() };
    const script = scripts[Math.min(calls.length, scripts.length - 1)] ?? [];
    calls.push(call);
    signal.addEventListener("abort", () => (call.abortedAt = clock.elapsed()), { once: true });
    if (progress !== undefined) progress.reports = true;
    const give = (event: StreamEvent): StreamEvent => {
      if (progress !== undefined) progress.reads++;
      progress?.see(event);
      return event;
    };
    let started = false;
    try {
      for (const step of script) {
        if (typeof step === "number") await clock.sleep(step, { signal });
        else if (step === deaf) await new Promise(() => {});
        else if (step === hang) await clock.sleep(1e9, { signal });
        else if (step === pings) {
          for (;;) {
            await clock.sleep(1_000, { signal });
            if (progress !== undefined) progress.reads++;
          }
        } else if (step instanceof HeadraceError) throw step;
        else {
          if (!started) yield give({ type: "attempt-start", provider: name, model: name });
          started = true;
          yield give(typeof step === "string" ? { type: "text-delta", text: step } : step);
        }
      }
      yield give({ type: "finish", reason: "stop" });
    } catch (error) {
      progress?.end(error);
      throw error;
    }
    progress?.end();
    yield { type: "stream-end", outcome: "completed" };
  };
  return {
    source,
    calls,
    /** Calls that nobody has aborted and that were not told their end. */
    get count() {
      return calls.length;
    },
  };
}

/** Reads a source to its end, keeping what came and how it ended. */
export function read(source: StreamSource, signal: AbortSignal = new AbortController().signal) {
  const stream: StreamContext = { id: "st_test", attempts: 0 };
  const observations: Observation[] = [];
  const reading = {
    text: "",
    events: [] as StreamEvent[],
    error: undefined as HeadraceError | undefined,
    isOver: false,
    stream,
    observations,
    get ended(): AttemptEnded[] {
      return observations.filter((observation) => observation.type === "attempt-ended");
    },
    done: Promise.resolve(),
  };
  reading.done = (async () => {
    try {
      const observe = (observation: Observation): number => observations.push(observation);
      for await (const event of source(request, { signal, observe, stream })) {
        reading.events.push(event);
        if (event.type === "text-delta") reading.text += event.text;
        if (event.type === "stream-end") break;
      }
    } catch (error) {
      if (!(error instanceof HeadraceError)) throw error;
      reading.error = error;
    } finally {
      reading.isOver = true;
    }
  })();
  return reading;
}

/** What a provider's refusals look like once its protocol has read them. */
export const refusal = {
  rateLimited: (retryAfterMs?: number) =>
    new HeadraceError("provider-rate-limited", "limited", {
      providerStatus: 429,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    }),
  serverError: () => new HeadraceError("provider-error", "failed", { providerStatus: 500 }),
  overloaded: () => new HeadraceError("provider-overloaded", "overloaded", { providerStatus: 503 }),
  unreachable: () => new HeadraceError("provider-unreachable", "no answer"),
  errorEvent: () => new HeadraceError("provider-error", "the provider reported an error"),
  truncated: () => new HeadraceError("stream-truncated", "broke off"),
  tooLong: () => new HeadraceError("context-too-long", "too long", { providerStatus: 400 }),
  contentFiltered: () => new HeadraceError("content-filtered", "filtered", { providerStatus: 400 }),
  rejected: (providerStatus: number) => new HeadraceError("provider-rejected", "invalid", { providerStatus }),
  auth: () => new HeadraceError("provider-auth", "refused", { providerStatus: 401 }),
  notFound: () => new HeadraceError("model-not-found", "unknown", { providerStatus: 404 }),
};
