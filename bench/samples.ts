/** Every measured value of one kind, so that percentiles are exact and not those of a histogram's buckets. */
export class Samples {
  #values = new Uint32Array(1 << 16);
  #count = 0;

  /** Takes a non-negative number; fractions are dropped. */
  add(value: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Uint32Array(this.#values.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count++] = value < 0 ? 0 : value;
  }

  clear(): void {
    this.#count = 0;
  }

  summary(): Summary {
    const sorted = this.#values.subarray(0, this.#count).toSorted();
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return { count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
  }
}

export interface Summary {
  count: number;
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

/** The middle value; of an even number of values the mean of the middle two. Undefined when there are none. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((left, right) => left - right);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2;
}
