import { HeadraceError } from "../core/errors.ts";
import type { Clock } from "../core/time.ts";
import type { AttemptCall, Guard } from "./attempt.ts";

/** The longest that each kind of silence may last, in milliseconds. */
export interface WatchdogLimits {
  /** Until anything comes; left out, the first content decides. */
  firstEventMs?: number;
  firstContentMs: number;
  /** Until then, while the provider says that the answer waits for its turn. Default: no other limit. */
  queuedMs?: number;
  /** Without a byte, once there was content. A source that does not report has no bytes, only progress. */
  stallMs: number;
  /** The same before the first word, where a model may think without a sign of it. Default: as `stallMs`. */
  stallBeforeTextMs?: number;
  /** Without a step of the answer, once there was content, though bytes may flow. */
  progressMs: number;
  /** Between a complete answer and the end of its body, where usage may follow. */
  drainMs: number;
}

/** One clock for all attempts: it looks at them now and then, so that no event needs a timer. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #watched = new Set<Watched>();
  #stop: (() => void) | undefined;

  /** @param options.tickMs - how late a limit may be noticed. */
  constructor({ clock, tickMs = 50 }: { clock: Clock; tickMs?: number }) {
    this.#clock = clock;
    this.#tickMs = tickMs;
  }

  /** Looks after one attempt. `name` is the target's, for messages. */
  guard(call: AttemptCall, name: string, limits: WatchdogLimits): Guard {
    const watched = new Watched(call, name, limits, this.#clock.elapsed());
    this.#watched.add(watched);
    this.#stop ??= this.#clock.every(this.#tickMs, this.#look);
    return {
      firstContent: () => watched.begin(this.#clock.elapsed()),
      ended: () => this.#forget(watched),
    };
  }

  #forget(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }

  readonly #look = (): void => {
    const now = this.#clock.elapsed();
    for (const watched of this.#watched) watched.look(now);
  };
}

class Watched {
  readonly #call: AttemptCall;
  readonly #name: string;
  readonly #limits: WatchdogLimits;
  readonly #startedAt: number;
  #hasContent = false;
  #reads = 0;
  #readAt: number;
  #steps = 0;
  #steppedAt: number;

  constructor(call: AttemptCall, name: string, limits: WatchdogLimits, now: number) {
    this.#call = call;
    this.#name = name;
    this.#limits = limits;
    this.#startedAt = this.#readAt = this.#steppedAt = now;
  }

  begin(now: number): void {
    this.#hasContent = true;
    this.#readAt = this.#steppedAt = now;
  }

  look(now: number): void {
    const { progress, stream } = this.#call;
    if (progress.reads !== this.#reads || progress.isPaused) {
      this.#reads = progress.reads;
      this.#readAt = now;
    }
    if (progress.steps !== this.#steps || progress.isPaused) {
      this.#steps = progress.steps;
      this.#steppedAt = now;
    }
    if (stream.deadline !== undefined && now >= stream.deadline) {
      this.#end("total-timeout", "the answer took longer than reliability.totalTimeoutMs allows");
    } else if (this.#hasContent) this.#lookInside(now);
    else this.#lookBefore(now);
  }

  #lookBefore(now: number): void {
    const { firstEventMs, firstContentMs, queuedMs } = this.#limits;
    const waitedMs = now - this.#startedAt;
    if (firstEventMs !== undefined && waitedMs >= firstEventMs && this.#reads === 0) {
      this.#end("provider-timeout", `${this.#name} sent nothing at all for ${inSeconds(firstEventMs)}`);
    } else if (queuedMs !== undefined && waitedMs >= queuedMs && this.#call.progress.isQueued?.() === true) {
      this.#end("provider-timeout", `${this.#name} let the answer wait in its queue for ${inSeconds(queuedMs)}`);
    } else if (waitedMs >= firstContentMs) {
      this.#end("provider-timeout", `${this.#name} sent no token for ${inSeconds(firstContentMs)}`);
    }
  }

  #lookInside(now: number): void {
    const { progressMs, drainMs } = this.#limits;
    const { progress, request } = this.#call;
    const { stallMs, stallBeforeTextMs = stallMs } = this.#limits;
    const silenceMs = progress.hasText ? stallMs : stallBeforeTextMs;
    const isComplete = progress.finished >= (request.choices ?? 1);
    if (isComplete && now - this.#steppedAt >= drainMs && progress.conclude !== undefined) progress.conclude();
    else if (progress.reports && now - this.#readAt >= silenceMs) {
      this.#end("stream-stalled", `${this.#name} fell silent in mid-answer for ${inSeconds(silenceMs)}`);
    } else if (now - this.#steppedAt >= progressMs) {
      this.#end(
        "stream-stalled",
        `${this.#name} kept the connection but made no progress for ${inSeconds(progressMs)}`,
      );
    }
  }

  #end(code: "provider-timeout" | "stream-stalled" | "total-timeout", message: string): void {
    this.#call.abort(new HeadraceError(code, message));
  }
}

function inSeconds(ms: number): string {
  return `${ms / 1000} s`;
}
