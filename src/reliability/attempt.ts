import { AttemptProgress, isStepOfAnswer } from "../core/attempt-progress.ts";
import { HeadraceError, nobodyWaits, toHeadraceError } from "../core/errors.ts";
import type { StreamEvent } from "../core/events.ts";
import { isWhole } from "../core/events.ts";
import type { AttemptOutcome } from "../core/observer.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { SourceOptions, StreamContext, StreamSource } from "../core/source.ts";

/** Looks after an attempt from outside. Each hook is called at most once, `ended` always. */
export interface Guard {
  firstEvent?(): void;
  /** What is held back until here is handed out. */
  firstContent?(): void;
  ended?(outcome: AttemptOutcome, error?: HeadraceError): void;
}

/** What a guard is told of the attempt that it looks after. */
export interface AttemptCall {
  request: GenerateRequest;
  options: SourceOptions;
  stream: StreamContext;
  /** Number of the attempt within its stream. */
  number: number;
  progress: AttemptProgress;
  /** Ends the attempt with this error. */
  abort: (error: HeadraceError) => void;
}

/** Why the slower of two attempts is aborted. */
export const anotherWasFaster = new HeadraceError("cancelled", "another attempt was faster");

/** Events that may come before the first content; a source that sends more is taken at its word that it has begun. */
const maxHeld = 1_000;

/**
 * One call of a source, as an attempt that guards look after.
 *
 * Nothing comes before the first content: what fails earlier is thrown by the first `next()`, as if the source had
 * refused at once. From then on an attempt whose source reports its progress costs nothing.
 */
export function withGuards(source: StreamSource, guards: readonly ((call: AttemptCall) => Guard)[]): StreamSource {
  return (request, options) => ({
    [Symbol.asyncIterator]: () => new Attempt(source, request, options, guards),
  });
}

type Result = IteratorResult<StreamEvent, undefined>;

class Attempt implements AsyncIterator<StreamEvent> {
  readonly #controller = new AbortController();
  readonly #progress = new AttemptProgress();
  readonly #parent: AbortSignal;
  readonly #guards: readonly Guard[];
  readonly #number: number;
  readonly #isResumed: boolean;
  readonly #events: AsyncIterator<StreamEvent>;
  #isCalled = false;
  /** What came before the first content. */
  #held: StreamEvent[] = [];
  #taken = 0;
  #isOpen = false;
  #hasEnded = false;
  /** Settles the `next()` that waits for a source which may never answer. */
  #reject: ((error: HeadraceError) => void) | undefined;

  constructor(
    source: StreamSource,
    request: GenerateRequest,
    options: SourceOptions,
    guards: readonly ((call: AttemptCall) => Guard)[],
  ) {
    const progress = this.#progress;
    const stream = options.stream ?? { id: "", attempts: 0 };
    this.#number = stream.attempts++;
    this.#isResumed = options.resume !== undefined;
    this.#parent = options.signal;
    const call: AttemptCall = { request, options, stream, number: this.#number, progress, abort: this.#abort };
    this.#guards = guards.map((guard) => guard(call));
    progress.onEnd = this.#onEnd;
    this.#parent.addEventListener("abort", this.#onParentAbort, { once: true });
    if (this.#parent.aborted) this.#onParentAbort();
    const { signal } = this.#controller;
    this.#events = source(request, { ...options, signal, progress, attempt: this.#number })[Symbol.asyncIterator]();
    this.#isCalled = true;
  }

  next(): Promise<IteratorResult<StreamEvent>> {
    if (!this.#isOpen) return this.#open();
    const held = this.#held[this.#taken];
    if (held !== undefined) {
      this.#taken++;
      if (this.#taken === this.#held.length) this.#held = [];
      return Promise.resolve({ value: held, done: false });
    }
    return this.#progress.reports ? this.#events.next() : this.#step();
  }

  return(): Promise<Result> {
    if (this.#hasEnded) this.#leave();
    else this.#abort(nobodyWaits);
    return Promise.resolve({ value: undefined, done: true });
  }

  /** Waits for the first content, holding back what comes before it. */
  async #open(): Promise<IteratorResult<StreamEvent>> {
    while (!this.#isOpen) {
      const { value, done } = await this.#step();
      if (done === true) throw this.#fail(cutBeforeContent());
      if (this.#held.length === 0) for (const guard of this.#guards) guard.firstEvent?.();
      this.#held.push(this.#numbered(value));
      this.#isOpen = this.#isContent(value) || this.#held.length > maxHeld;
    }
    for (const guard of this.#guards) guard.firstContent?.();
    return this.next();
  }

  /** An answer that is gone on with has begun already, so anything new of it will do. */
  #isContent(event: StreamEvent): boolean {
    if (isStepOfAnswer(event)) return true;
    return this.#isResumed && event.type !== "attempt-start" && this.#progress.isQueued?.() !== true;
  }

  /** The next event of a source that may not report and may not listen to its signal. */
  #step(): Promise<Result> {
    const progress = this.#progress;
    if (!progress.reports) progress.isPaused = false;
    return new Promise<Result>((resolve, reject) => {
      const { signal } = this.#controller;
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      this.#reject = reject;
      this.#events.next().then(
        (result) => resolve(this.#seen(result as Result)),
        (error: unknown) => reject(this.#fail(error)),
      );
    });
  }

  #seen(result: Result): Result {
    const progress = this.#progress;
    if (progress.reports) return result;
    progress.isPaused = true;
    if (result.done === true) {
      this.#end("failed", cutBeforeContent());
      return result;
    }
    progress.reads++;
    progress.see(result.value);
    if (result.value.type === "stream-end") this.#end(isWhole(result.value.outcome) ? "completed" : "failed");
    return result;
  }

  #numbered(event: StreamEvent): StreamEvent {
    return event.type === "attempt-start" && this.#number > 0 ? { ...event, attempt: this.#number } : event;
  }

  #fail(error: unknown): HeadraceError {
    const failure = toHeadraceError(error);
    this.#end("failed", failure);
    return failure;
  }

  readonly #onParentAbort = (): void => this.#abort(toHeadraceError(this.#parent.reason));

  readonly #onEnd = (error?: unknown): void => {
    if (error === undefined) this.#end("completed");
    else this.#fail(error);
  };

  readonly #abort = (error: HeadraceError): void => {
    if (this.#hasEnded) return;
    const cancelled = error.code === "cancelled" || this.#parent.aborted;
    if (error === anotherWasFaster) this.#end("lost");
    else if (cancelled) this.#end("cancelled");
    else this.#end("failed", error);
    // The upstream call is over before anybody hears of it, so that the next one never runs beside it.
    this.#controller.abort(error);
    this.#reject?.(error);
    this.#leave();
  };

  #leave(): void {
    // Not waited for: a generator returns only after its pending next() settles, and a stalled one may never do so.
    if (this.#isCalled) this.#events.return?.().catch(() => {});
  }

  #end(outcome: AttemptOutcome, error?: HeadraceError): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#progress.onEnd = undefined;
    this.#parent.removeEventListener("abort", this.#onParentAbort);
    for (const guard of this.#guards) guard.ended?.(outcome, error);
  }
}

function cutBeforeContent(): HeadraceError {
  return new HeadraceError("stream-truncated", "the source stopped without saying how the answer ended");
}
