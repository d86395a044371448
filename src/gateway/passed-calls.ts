import { HeadraceError, nobodyWaits, toHeadraceError } from "../core/errors.ts";
import type { Outcome, StreamEvent } from "../core/events.ts";
import type { Observe, StreamOrigin, StreamTap, TapStream } from "../core/observer.ts";
import type { PassedProtocol } from "../core/operation.ts";
import type { StreamContext } from "../core/source.ts";
import type { Clock } from "../core/time.ts";
import { Places } from "../streams/places.ts";

export interface PassedCallsOptions {
  clock: Clock;
  createStreamId: () => string;
  observe: Observe;
  tap?: TapStream;
  /** Resolves when what was observed until now is stored. Default: nothing is stored. */
  noted?: () => Promise<void>;
  /** What counts as a limit for streams counts for these calls, all of them together. */
  limits: { openStreams: number; streamsPerKey: number };
}

export interface NewCall {
  owner: string;
  /** As asked for. */
  model: string;
  protocol: PassedProtocol;
  origin: StreamOrigin;
  tags?: Readonly<Record<string, string>>;
}

/**
 * Calls whose answers pass as they are. They have no log, and are otherwise observed, limited and stopped as streams are:
 * each has an id, attempts, and exactly one end.
 */
export class PassedCalls {
  readonly #options: PassedCallsOptions;
  readonly #open = new Map<string, OpenCall>();
  readonly #places: Places;
  #isClosing = false;

  constructor(options: PassedCallsOptions) {
    this.#options = options;
    const { openStreams, streamsPerKey } = options.limits;
    this.#places = new Places({ inAll: openStreams, perOwner: streamsPerKey, what: "calls" });
  }

  /** How many are under way. */
  get openCount(): number {
    return this.#open.size;
  }

  /** @throws HeadraceError `overloaded`, `rate-limited`. */
  start(asked: NewCall): OpenCall {
    const { clock, createStreamId, observe, tap, noted } = this.#options;
    const { owner } = asked;
    if (this.#isClosing) {
      throw new HeadraceError("overloaded", "Headrace is shutting down; ask again in a moment", {
        retryAfterMs: 1_000,
      });
    }
    const givePlaceBack = this.#places.take(owner);
    const id = createStreamId();
    observe({ type: "stream-started", streamId: id, startedAt: clock.now(), ...asked });
    const onLeave = (): void => {
      givePlaceBack();
      this.#open.delete(id);
    };
    const call = new OpenCall({ id, observe, tap: tap?.(id), noted, onLeave });
    this.#open.set(id, call);
    return call;
  }

  /** Stops a call, and waits until it is over. */
  async stop(id: string): Promise<void> {
    const call = this.#open.get(id);
    call?.stop(new HeadraceError("cancelled", "the call was stopped"));
    await call?.over;
  }

  /** Takes no new calls, waits up to `drainMs` for open ones, then ends the rest as `interrupted`. */
  async close({ drainMs }: { drainMs: number }): Promise<void> {
    this.#isClosing = true;
    const over = Promise.all([...this.#open.values()].map((call) => call.over));
    if (drainMs > 0 && this.#open.size > 0) {
      const patience = new AbortController();
      const timeUp = this.#options.clock.sleep(drainMs, { signal: patience.signal }).catch(() => {});
      await Promise.race([over, timeUp]);
      patience.abort(nobodyWaits);
    }
    for (const call of this.#open.values()) {
      call.stop(new HeadraceError("stream-interrupted", "Headrace is shutting down"));
    }
    await over;
  }
}

interface OpenCallParts {
  id: string;
  observe: Observe;
  tap: StreamTap | undefined;
  noted: (() => Promise<void>) | undefined;
  onLeave: () => void;
}

/** A call under way. It is over for its record when its provider has said everything, and gone when its client has it. */
export class OpenCall {
  readonly id: string;
  readonly stream: StreamContext;
  /** Resolves when it is gone. */
  readonly over: Promise<void>;
  readonly #parts: OpenCallParts;
  readonly #stop = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  #hasEnded = false;
  #hasReader = false;
  #isGone = false;

  constructor(parts: OpenCallParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.stream = { id: parts.id, attempts: 0 };
    this.over = this.#over.promise;
  }

  /** Aborted when it is stopped. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Resolves when what happened until now is kept durably. */
  async noted(): Promise<void> {
    await this.#parts.noted?.();
  }

  stop(reason: HeadraceError): void {
    this.#stop.abort(reason);
  }

  /** Takes note of what was understood of the answer. */
  see(event: StreamEvent): void {
    if (event.type === "stream-end") this.#end(event);
    else this.#parts.tap?.see(event);
  }

  /** Its client is about to read the answer. */
  beginReading(): void {
    this.#hasReader = true;
    this.#parts.observe({ type: "reader-attached", streamId: this.id, resumed: false });
  }

  /**
   * Nothing more happens to it; only the first time counts.
   *
   * @param thrown - why there is no whole answer.
   */
  leave(thrown?: unknown): void {
    if (this.#isGone) return;
    this.#isGone = true;
    if (thrown !== undefined) this.#fail(toHeadraceError(thrown));
    // An answer that was read to its end without one has been cut off on the way here.
    else this.#end({ outcome: "interrupted" });
    if (this.#hasReader) {
      this.#parts.observe({ type: "reader-left", streamId: this.id, complete: thrown === undefined });
    }
    this.#parts.onLeave();
    this.#over.resolve();
  }

  #fail(error: HeadraceError): void {
    if (error.code === "cancelled") this.#end({ outcome: "cancelled" });
    else {
      const isBroken = this.#hasReader || error.code === "stream-interrupted";
      this.#end({ outcome: isBroken ? "interrupted" : "failed", error: error.report() });
    }
  }

  #end({ outcome, error }: { outcome: Outcome; error?: ReturnType<HeadraceError["report"]> }): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const ended = { type: "stream-ended", streamId: this.id, outcome } as const;
    this.#parts.observe(error === undefined ? ended : { ...ended, error });
    // What its provider counted is worth more than the estimate that would take its place.
    void this.noted();
  }
}
