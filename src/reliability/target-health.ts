import type { ErrorCode, HeadraceError } from "../core/errors.ts";
import type { AttemptOutcome } from "../core/observer.ts";
import type { Clock } from "../core/time.ts";
import type { AttemptCall, Guard } from "./attempt.ts";
import type { BreakerOptions } from "./breaker.ts";
import { Breaker } from "./breaker.ts";
import { Latencies } from "./latencies.ts";

const truncationsInARow = 3;
const restMs = 5 * 60_000;
const firstCoolDownMs = 5_000;
const longestCoolDownMs = 60_000;

/** Errors that say something about the target, rather than about the request. A limit on calls is no failure. */
const failures: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "provider-error",
  "provider-unreachable",
  "provider-overloaded",
  "provider-timeout",
  "provider-auth",
  "provider-quota",
  "stream-truncated",
  "stream-stalled",
]);

/** What is known of a target from the calls so far: whether another one is likely to be answered. */
export class TargetHealth {
  readonly latencies = new Latencies();
  readonly #clock: Clock;
  readonly #breaker: Breaker;
  #coolUntil = 0;
  #limitedInARow = 0;
  #restUntil = 0;
  #truncations = 0;
  #successes = 0;
  #failures = 0;

  constructor(options: BreakerOptions) {
    this.#clock = options.clock;
    this.#breaker = new Breaker(options);
  }

  /** When it is worth a call again, by the clock's `elapsed()`; undefined when it is now. */
  get restsUntil(): number | undefined {
    const until = Math.max(this.#coolUntil, this.#restUntil, this.#breaker.closedUntil ?? 0);
    return until > this.#clock.elapsed() || this.#breaker.closedUntil !== undefined ? until : undefined;
  }

  /** A call is under way that finds out whether it is back. */
  get isProbing(): boolean {
    return this.#breaker.isProbing;
  }

  /** Attempts that ended with a whole answer, and those that failed, since the start. */
  get counts(): { successes: number; failures: number } {
    return { successes: this.#successes, failures: this.#failures };
  }

  /** Learns from an attempt. */
  guard(_call: AttemptCall): Guard {
    const startedAt = this.#clock.elapsed();
    let hasContent = false;
    this.#breaker.begin();
    return {
      firstContent: () => {
        hasContent = true;
        this.#limitedInARow = 0;
        this.#breaker.succeed();
        this.latencies.add(this.#clock.elapsed() - startedAt);
      },
      ended: (outcome, error) => {
        const isDrill = error?.code === "broken-on-request";
        if (outcome === "completed") this.#successes++;
        if (outcome === "failed" && !isDrill) this.#failures++;
        if (hasContent && !isDrill) this.#endedInside(outcome);
        if (!hasContent) this.#endedBefore(outcome, error);
      },
    };
  }

  #endedBefore(outcome: AttemptOutcome, error: HeadraceError | undefined): void {
    if (outcome !== "failed" || error === undefined) this.#breaker.abandon();
    else if (error.code === "provider-rate-limited") this.#coolDown(error.retryAfterMs);
    else if (failures.has(error.code)) this.#breaker.fail();
    else this.#breaker.abandon();
  }

  #endedInside(outcome: AttemptOutcome): void {
    if (outcome === "completed") this.#truncations = 0;
    if (outcome !== "failed") return;
    this.#truncations++;
    if (this.#truncations < truncationsInARow) return;
    this.#truncations = 0;
    this.#restUntil = this.#clock.elapsed() + restMs;
  }

  #coolDown(askedForMs: number | undefined): void {
    const ownMs = Math.min(firstCoolDownMs * 2 ** this.#limitedInARow, longestCoolDownMs);
    this.#limitedInARow++;
    this.#coolUntil = this.#clock.elapsed() + Math.min(askedForMs ?? ownMs, longestCoolDownMs);
    this.#breaker.abandon();
  }
}
