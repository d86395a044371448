import type { HeadraceError } from "../core/errors.ts";
import type { Clock } from "../core/time.ts";
import { SlidingCount } from "./sliding-count.ts";

const windowMs = 10_000;

/**
 * How many calls may be made beside the first one of each request: a share of the requests, so that a provider in
 * trouble is not called many times as often because of it. A few at once are always allowed, or quiet hours would have none.
 */
export class RetryBudget {
  readonly #requests: SlidingCount;
  readonly #extra: SlidingCount;
  readonly #share: number;
  readonly #atOnce: number;
  #underWay = 0;

  constructor({ clock, share = 0.1, atOnce = 3 }: { clock: Clock; share?: number; atOnce?: number }) {
    this.#requests = new SlidingCount(clock, windowMs);
    this.#extra = new SlidingCount(clock, windowMs);
    this.#share = share;
    this.#atOnce = atOnce;
  }

  countRequest(): void {
    this.#requests.add();
  }

  /**
   * Permission for one more call; what is returned has to be called once it has begun to answer, or failed.
   *
   * @param after - what makes it necessary. A call that was broken on request is replaced free of charge: it says
   * nothing about the provider, and others must not go without because of it.
   */
  take(after?: HeadraceError): (() => void) | undefined {
    if (after?.code === "broken-on-request") return () => {};
    const withinShare = this.#extra.total < this.#requests.total * this.#share;
    if (!withinShare && this.#underWay >= this.#atOnce) return undefined;
    this.#extra.add();
    this.#underWay++;
    let isOver = false;
    return () => {
      if (!isOver) this.#underWay--;
      isOver = true;
    };
  }
}
