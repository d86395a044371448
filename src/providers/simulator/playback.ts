import type { Clock } from "../../core/time.ts";
import type { Piece } from "./faults/byte-form.ts";
import { BrokenConnection, forever } from "./faults/connection.ts";
import type { Plan, Step } from "./plan.ts";

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
   * Waits for the next step, and returns it with all others that are due by then; an empty list at the end.
   * Rejects with the signal's reason.
   */
  async next(signal: AbortSignal): Promise<Step[]> {
    signal.throwIfAborted();
    const first = this.#take();
    if (first === undefined) return [];
    if (first.waitMs === Number.POSITIVE_INFINITY) await forever(signal);
    const waitMs = this.#dueAt - this.#clock.elapsed();
    if (waitMs > 0) await this.#clock.sleep(waitMs, { signal });

    const steps = [first];
    const now = this.#clock.elapsed();
    for (
      let step = this.#steps[this.#next];
      step !== undefined && steps.length < maxBatch;
      step = this.#steps[this.#next]
    ) {
      if (this.#dueAt + step.waitMs > now) break;
      this.#take();
      steps.push(step);
    }
    return steps;
  }

  #take(): Step | undefined {
    const step = this.#steps[this.#next];
    if (step === undefined) return undefined;
    this.#dueAt += step.waitMs;
    if (!("repeats" in step)) this.#next++;
    return step;
  }
}

/** Where a body's pieces come from, each time some. Rejects with the signal's reason. */
export type NextPieces = (signal: AbortSignal) => Promise<Piece[]>;

/** A body that is written while it is read; leaving it, or aborting the signal, stops the timer at once. */
export function playAsBody(
  nextPieces: NextPieces,
  signal: AbortSignal | undefined,
  clock: Clock,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const stopping = new AbortController();
  let onAbort = () => {};
  const release = () => signal?.removeEventListener("abort", onAbort);
  let pieces: Piece[] = [];
  let taken = 0;
  const nextPiece = async (): Promise<Piece> => {
    while (taken === pieces.length) {
      pieces = await nextPieces(stopping.signal);
      taken = 0;
    }
    return pieces[taken++] as Piece;
  };
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
            const piece = await nextPiece();
            if ("end" in piece) {
              if (piece.end === "never") await forever(stopping.signal);
              release();
              if (piece.end === "cut" || piece.end === "reset") throw new BrokenConnection(piece.end, "terminated");
              return controller.close();
            }
            if (piece.waitMs !== undefined) await clock.sleep(piece.waitMs, { signal: stopping.signal });
            if (piece.bytes.length > 0) return controller.enqueue(piece.bytes);
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
