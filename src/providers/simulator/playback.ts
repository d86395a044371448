import type { StreamEvent } from "../../core/events.ts";
import type { Clock } from "../../core/time.ts";
import type { Plan } from "./plan.ts";

// What is due at once is handed over together, but not more than this: readers need a chance to stop.
const maxBatch = 256;

/** Goes through a plan in its own time, with one timer at most. */
export class Playback {
  readonly #steps: Plan["steps"];
  readonly #clock: Clock;
  #next = 0;
  #dueAt: number;

  constructor({ steps }: Plan, clock: Clock) {
    this.#steps = steps;
    this.#clock = clock;
    this.#dueAt = clock.elapsed();
  }

  /**
   * Waits for the next step, and returns its event with all others that are due by then; an empty list at the end.
   * Rejects with the signal's reason.
   */
  async next(signal: AbortSignal): Promise<StreamEvent[]> {
    signal.throwIfAborted();
    const first = this.#steps[this.#next];
    if (first === undefined) return [];
    this.#dueAt += first.waitMs;
    this.#next++;
    const waitMs = this.#dueAt - this.#clock.elapsed();
    if (waitMs > 0) await this.#clock.sleep(waitMs, { signal });

    const events = [first.event];
    const now = this.#clock.elapsed();
    for (
      let step = this.#steps[this.#next];
      step !== undefined && events.length < maxBatch;
      step = this.#steps[this.#next]
    ) {
      if (this.#dueAt + step.waitMs > now) break;
      this.#dueAt += step.waitMs;
      this.#next++;
      events.push(step.event);
    }
    return events;
  }
}

/** A body that is written while the plan is played; leaving it, or aborting the signal, stops the timer at once. */
export function playAsBody(
  playback: Playback,
  signal: AbortSignal | undefined,
  write: (events: StreamEvent[]) => Uint8Array<ArrayBuffer>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const stopping = new AbortController();
  let onAbort = () => {};
  const release = () => signal?.removeEventListener("abort", onAbort);
  return new ReadableStream(
    {
      start(controller) {
        onAbort = () => {
          stopping.abort(signal?.reason);
          controller.error(signal?.reason);
        };
        signal?.addEventListener("abort", onAbort, { once: true });
        if (signal?.aborted) onAbort();
      },
      async pull(controller) {
        try {
          while (true) {
            const events = await playback.next(stopping.signal);
            if (events.length === 0) {
              release();
              return controller.close();
            }
            const bytes = write(events);
            if (bytes.length > 0) return controller.enqueue(bytes);
          }
        } catch (error) {
          // Whoever stopped the body has seen to it already.
          if (!stopping.signal.aborted) throw error;
        }
      },
      cancel(reason) {
        release();
        stopping.abort(reason);
      },
    },
    // Nothing is made ahead of its reader.
    { highWaterMark: 0 },
  );
}
