/** Numbers that must have come one by one before they are relied on: some servers give all events the same one. */
const enoughInOrder = 3;

/** Tells by their numbers whether events come once and in order. */
export class EventOrder {
  #last = -1;
  #inOrder = 0;
  readonly #skipped = new Set<number>();

  /** The last number; undefined where numbers cannot be relied on. */
  get last(): number | undefined {
    return this.#inOrder >= enoughInOrder ? this.#last : undefined;
  }

  /** `again`: it was here already. `late`: what comes after it was here already. */
  take(number: number): "fine" | "again" | "late" {
    const last = this.#last;
    if (number === last + 1) this.#inOrder++;
    else if (this.#inOrder >= enoughInOrder) {
      if (number <= last) return this.#skipped.has(number) ? "late" : "again";
      // Proxies leave events out, so that a gap alone is no harm.
      for (let skipped = Math.max(last + 1, number - 100); skipped < number; skipped++) this.#skipped.add(skipped);
    }
    this.#last = number;
    return "fine";
  }
}
