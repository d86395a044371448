/** Buckets for each doubling, which makes a quantile at most 4.5 % wrong. */
const perDoubling = 8;
/** Up to four hours, in milliseconds. */
const buckets = 24 * perDoubling;

/** Counts numbers from 0 up without keeping them, and tells their quantiles. */
export class Histogram {
  max = 0;
  total = 0;
  readonly #counts: Uint16Array | Uint32Array;
  readonly #most: number;

  /** With `many` numbers it takes twice the memory; without, each bucket is full at 65,535. */
  constructor({ many = false } = {}) {
    this.#counts = many ? new Uint32Array(buckets) : new Uint16Array(buckets);
    this.#most = many ? 0xffff_ffff : 0xffff;
  }

  add(value: number): void {
    if (value > this.max) this.max = value;
    const bucket = value <= 0 ? 0 : Math.min(buckets - 1, (Math.log2(value + 1) * perDoubling) | 0);
    const count = this.#counts[bucket] as number;
    if (count < this.#most) this.#counts[bucket] = count + 1;
    this.total++;
  }

  /** Counts everything that another one has counted. */
  merge(other: Histogram): void {
    for (let bucket = 0; bucket < buckets; bucket++) {
      const sum = (this.#counts[bucket] as number) + (other.#counts[bucket] as number);
      this.#counts[bucket] = Math.min(sum, this.#most);
    }
    this.total += other.total;
    this.max = Math.max(this.max, other.max);
  }

  /** Undefined when nothing was counted. */
  quantile(share: number): number | undefined {
    if (this.total === 0) return undefined;
    const wanted = Math.ceil(this.total * share);
    let seen = 0;
    for (let bucket = 0; bucket < buckets; bucket++) {
      seen += this.#counts[bucket] as number;
      if (seen >= wanted) return Math.min(2 ** ((bucket + 0.5) / perDoubling) - 1, this.max);
    }
    return this.max;
  }
}
