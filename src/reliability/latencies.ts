const kept = 500;
const enough = 200;
const recomputeEvery = 50;

/** How long the first content of a target took, of late. */
export class Latencies {
  readonly #samples: number[] = [];
  #next = 0;
  #added = 0;
  #p95: number | undefined;

  add(ms: number): void {
    this.#samples[this.#next] = ms;
    this.#next = (this.#next + 1) % kept;
    this.#added++;
    if (this.#samples.length < enough || this.#added % recomputeEvery !== 0) return;
    const sorted = this.#samples.toSorted((a, b) => a - b);
    this.#p95 = sorted[Math.ceil(sorted.length * 0.95) - 1];
  }

  /** What 95 of 100 stay below; undefined until there are enough of them to tell. */
  get p95(): number | undefined {
    return this.#p95;
  }
}
