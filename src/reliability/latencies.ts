const kept = 500;
const enough = 200;
const recomputeEvery = 50;

/** How long the first content of a target took, of late. */
export class Latencies {
  readonly #samples: number[] = [];
  #added = 0;
  #p95: number | undefined;
  #computedAt = 0;

  add(ms: number): void {
    this.#samples[this.#added % kept] = ms;
    this.#added++;
  }

  /** What 95 of 100 stay below; undefined until there are enough of them to tell. */
  get p95(): number | undefined {
    if (this.#added < enough) return undefined;
    if (this.#p95 === undefined || this.#added - this.#computedAt >= recomputeEvery) {
      const sorted = this.#samples.toSorted((a, b) => a - b);
      this.#p95 = sorted[Math.ceil(sorted.length * 0.95) - 1];
      this.#computedAt = this.#added;
    }
    return this.#p95;
  }
}
