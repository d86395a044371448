import type { Clock } from "../core/time.ts";
import { SlidingCount } from "./sliding-count.ts";

export interface BreakerOptions {
  clock: Clock;
  /** Failures in a row that open it. Default 5. */
  failuresInARow?: number;
  /** How long it stays open at first; grows with each failed probe in a row, to ten times as long. Default 30 s. */
  openMs?: number;
}

const windowMs = 30_000;
const minCalls = 20;
const failureShare = 0.5;
const longestFactor = 10;

/** Keeps calls away from a target that keeps failing; after a while a single one, the probe, finds out whether it is back. */
export class Breaker {
  readonly #clock: Clock;
  readonly #failuresInARow: number;
  readonly #openMs: number;
  readonly #calls: SlidingCount;
  readonly #failures: SlidingCount;
  #inARow = 0;
  #openUntil: number | undefined;
  #failedProbes = 0;
  #isProbing = false;

  constructor({ clock, failuresInARow = 5, openMs = 30_000 }: BreakerOptions) {
    this.#clock = clock;
    this.#failuresInARow = failuresInARow;
    this.#openMs = openMs;
    this.#calls = new SlidingCount(clock, windowMs);
    this.#failures = new SlidingCount(clock, windowMs);
  }

  /** When calls are let through again, by the clock's `elapsed()`; undefined while they are. */
  get closedUntil(): number | undefined {
    if (this.#openUntil === undefined) return undefined;
    if (this.#openUntil > this.#clock.elapsed()) return this.#openUntil;
    return this.#isProbing ? this.#openUntil : undefined;
  }

  /** A call is under way that finds out whether the target is back. */
  get isProbing(): boolean {
    return this.#isProbing;
  }

  /** A call begins. Whoever comes while it is half open is the probe. */
  begin(): void {
    if (this.#openUntil !== undefined && this.#openUntil <= this.#clock.elapsed()) this.#isProbing = true;
  }

  succeed(): void {
    this.#calls.add();
    this.#inARow = 0;
    if (this.#openUntil === undefined) return;
    this.#openUntil = undefined;
    this.#isProbing = false;
    this.#failedProbes = 0;
    this.#calls.clear();
    this.#failures.clear();
  }

  fail(): void {
    this.#calls.add();
    this.#failures.add();
    this.#inARow++;
    const now = this.#clock.elapsed();
    if (this.#openUntil !== undefined) {
      // Calls that began before it opened, or that had nowhere else to go, say nothing new.
      if (!this.#isProbing) return;
      this.#isProbing = false;
      this.#failedProbes++;
      this.#openUntil = now + this.#openMs * Math.min(this.#failedProbes, longestFactor);
      return;
    }
    const calls = this.#calls.total;
    const tooMany = calls >= minCalls && this.#failures.total >= calls * failureShare;
    if (this.#inARow >= this.#failuresInARow || tooMany) this.#openUntil = now + this.#openMs;
  }

  /** A call ended without telling anything about its target. */
  abandon(): void {
    this.#isProbing = false;
  }
}
