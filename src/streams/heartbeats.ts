import type { Clock } from "../core/time.ts";
import type { Reader } from "./broadcast.ts";

/** Slices of one round; each reader is looked at once a round, so that 20,000 of them never wake in the same instant. */
const slices = 32;

export interface HeartbeatOptions {
  clock: Clock;
  /** Longest silence towards a reader. */
  heartbeatMs: number;
  /** A reader that takes nothing for this long is disconnected; it can resume. */
  writeStallMs: number;
}

/** One coarse clock for all readers: heartbeats in silence, and an end for connections that are stuck. */
export class Heartbeats {
  readonly #slots: Set<Reader>[] = Array.from({ length: slices }, () => new Set<Reader>());
  readonly #maxStalledBeats: number;
  readonly #stop: () => void;
  #slot = 0;
  #nextSlot = 0;

  constructor({ clock, heartbeatMs, writeStallMs }: HeartbeatOptions) {
    // A round is half the allowed silence: whoever wrote just after a visit is silent for two rounds at most.
    const roundMs = heartbeatMs / 2;
    this.#maxStalledBeats = Math.ceil(writeStallMs / roundMs);
    this.#stop = clock.every(Math.max(1, Math.floor(roundMs / slices)), () => this.#visit());
  }

  /** Returns the function that takes the reader out again. */
  add(reader: Reader): () => void {
    const slot = this.#slots[this.#nextSlot] as Set<Reader>;
    this.#nextSlot = (this.#nextSlot + 1) % slices;
    slot.add(reader);
    return () => slot.delete(reader);
  }

  close(): void {
    this.#stop();
  }

  #visit(): void {
    this.#slot = (this.#slot + 1) % slices;
    for (const reader of this.#slots[this.#slot] as Set<Reader>) {
      reader.beat();
      if (reader.stalledBeats >= this.#maxStalledBeats) reader.drop();
    }
  }
}
