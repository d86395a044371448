import type { Clock } from "../core/time.ts";

/** Counts what happened in the last so many milliseconds, in steps, in constant memory. */
export class SlidingCount {
  readonly #clock: Clock;
  readonly #stepMs: number;
  readonly #steps: number[];
  /** Number of the newest step since the clock's origin. */
  #newest: number;
  #total = 0;

  constructor(clock: Clock, windowMs: number, steps = 10) {
    this.#clock = clock;
    this.#stepMs = windowMs / steps;
    this.#steps = Array.from({ length: steps }, () => 0);
    this.#newest = this.#now();
  }

  add(): void {
    this.#forget();
    const index = this.#newest % this.#steps.length;
    this.#steps[index] = (this.#steps[index] ?? 0) + 1;
    this.#total++;
  }

  get total(): number {
    this.#forget();
    return this.#total;
  }

  clear(): void {
    this.#steps.fill(0);
    this.#total = 0;
  }

  #now(): number {
    return Math.floor(this.#clock.elapsed() / this.#stepMs);
  }

  #forget(): void {
    const now = this.#now();
    if (now - this.#newest >= this.#steps.length) {
      this.#newest = now;
      this.clear();
    }
    while (this.#newest < now) {
      this.#newest++;
      const index = this.#newest % this.#steps.length;
      this.#total -= this.#steps[index] ?? 0;
      this.#steps[index] = 0;
    }
  }
}
