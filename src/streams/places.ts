import { HeadraceError } from "../core/errors.ts";

export interface PlacesOptions {
  /** At once. */
  inAll: number;
  perOwner: number;
  /** What takes a place, in the plural; for messages. */
  what: string;
}

/**
 * How much is under way, in all and by owner. A place is taken before the first thing that is waited for, so that a burst
 * cannot get past a limit, and kept until the end.
 */
export class Places {
  readonly #options: PlacesOptions;
  readonly #byOwner = new Map<string, number>();
  #taken = 0;

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  /**
   * Returns the function that gives the place back; calling it again does nothing.
   *
   * @param owner - the empty string is nobody in particular, whose places only the limit on all of them counts.
   * @throws HeadraceError `overloaded`, `rate-limited`.
   */
  take(owner: string): () => void {
    const { inAll, perOwner, what } = this.#options;
    if (this.#taken >= inAll) {
      throw new HeadraceError("overloaded", `too many ${what} are open; try again in a moment`, {
        retryAfterMs: 2_000,
      });
    }
    const own = this.#byOwner.get(owner) ?? 0;
    if (owner !== "" && own >= perOwner) {
      throw new HeadraceError("rate-limited", `this key has ${perOwner} open ${what}, which is its limit`, {
        retryAfterMs: 2_000,
      });
    }
    this.#taken++;
    this.#byOwner.set(owner, own + 1);
    let isBack = false;
    return () => {
      if (isBack) return;
      isBack = true;
      this.#taken--;
      const left = (this.#byOwner.get(owner) ?? 1) - 1;
      if (left > 0) this.#byOwner.set(owner, left);
      else this.#byOwner.delete(owner);
    };
  }
}
