import { nobodyWaits, toHeadraceError } from "../core/errors.ts";
import type { HeadraceError } from "../core/errors.ts";
import type { StreamEvent } from "../core/events.ts";
import { untilFirst, whenOpen } from "../core/opened-source.ts";
import type { SourceOptions, StreamSource } from "../core/source.ts";
import type { Clock } from "../core/time.ts";
import { anotherWasFaster } from "./attempt.ts";

export interface HedgeOptions {
  clock: Clock;
  /** How long the first call has to begin its answer before it is raced. */
  afterMs: number;
  /** Permission for the second call, once it is due; undefined when it must not be made. */
  take: () => (() => void) | undefined;
}

/**
 * Calls the source a second time when it takes long to begin its answer. Whichever has content first is the answer, the
 * other one is aborted then and there; nobody ever sees a word of it.
 *
 * @param source - leads each call somewhere else, as `createFailover` does.
 */
export function withHedge(source: StreamSource, options: HedgeOptions): StreamSource {
  return (request, sourceOptions) =>
    whenOpen(() => {
      const start = (callOptions: SourceOptions) => untilFirst(source(request, callOptions));
      return new Race(start, sourceOptions, options).run();
    });
}

type Start = (options: SourceOptions) => Promise<AsyncIterator<StreamEvent>>;

class Race {
  readonly #start: Start;
  readonly #source: SourceOptions;
  readonly #hedge: HedgeOptions;
  readonly #result = Promise.withResolvers<AsyncIterator<StreamEvent>>();
  readonly #runners = new Set<AbortController>();
  /** Ends the wait for the second start. */
  readonly #waiting = new AbortController();
  #isDecided = false;

  constructor(start: Start, source: SourceOptions, hedge: HedgeOptions) {
    this.#start = start;
    this.#source = source;
    this.#hedge = hedge;
  }

  run(): Promise<AsyncIterator<StreamEvent>> {
    this.#run(this.#source);
    void this.#startSecond();
    return this.#result.promise;
  }

  async #startSecond(): Promise<void> {
    const { clock, afterMs, take } = this.#hedge;
    try {
      await clock.sleep(afterMs, { signal: this.#waiting.signal });
    } catch {
      // The first one was quick enough, or nobody waits any more.
      return;
    }
    const release = take();
    if (release !== undefined) this.#run({ ...this.#source, reason: "hedge" }, release);
  }

  #run(options: SourceOptions, release?: () => void): void {
    const runner = new AbortController();
    const { signal } = this.#source;
    const onAbort = (): void => runner.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    this.#runners.add(runner);
    this.#start({ ...options, signal: runner.signal })
      .then(
        (events) => this.#win(runner, events),
        (error: unknown) => {
          signal.removeEventListener("abort", onAbort);
          this.#lose(runner, toHeadraceError(error));
        },
      )
      .finally(release);
  }

  #win(winner: AbortController, events: AsyncIterator<StreamEvent>): void {
    if (this.#isDecided) {
      winner.abort(anotherWasFaster);
      return;
    }
    this.#isDecided = true;
    this.#waiting.abort(nobodyWaits);
    for (const runner of this.#runners) if (runner !== winner) runner.abort(anotherWasFaster);
    this.#result.resolve(events);
  }

  #lose(runner: AbortController, error: HeadraceError): void {
    this.#runners.delete(runner);
    if (this.#runners.size > 0 || this.#isDecided) return;
    this.#isDecided = true;
    this.#waiting.abort(nobodyWaits);
    this.#result.reject(error);
  }
}
