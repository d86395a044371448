import type { HeadraceError } from "../core/errors.ts";
import type { RetryBudget } from "./retry-budget.ts";
import type { ServedTarget } from "./target.ts";

export interface AttemptPlanOptions {
  /** In the order in which they are to be tried. */
  targets: readonly ServedTarget[];
  /** Before the first content, all targets together. */
  maxAttempts: number;
  budget: RetryBudget;
}

/** What the attempts of one stream before its first content share: which targets are left, and how many attempts. */
export class AttemptPlan {
  readonly #options: AttemptPlanOptions;
  readonly #untried: ServedTarget[];
  /** Attempts that were allowed, the first one included; a hedge may be due while a retry waits for its turn. */
  #allowed = 1;

  constructor(options: AttemptPlanOptions) {
    this.#options = options;
    this.#untried = [...options.targets];
  }

  /**
   * The next target to try; undefined when there is none left. One that rests is left out, unless all do: the last
   * target is never refused.
   */
  next(): ServedTarget | undefined {
    const isFirst = this.#untried.length === this.#options.targets.length;
    const index = this.#untried.findIndex(isAwake);
    if (index >= 0) return this.#untried.splice(index, 1)[0];
    if (!isFirst) return undefined;
    const soonest = this.#untried.reduce((best, target) => (restOf(target) < restOf(best) ? target : best));
    return this.#untried.splice(this.#untried.indexOf(soonest), 1)[0];
  }

  /** Whether another target than those tried so far would be called. */
  hasAlternative(): boolean {
    return this.#untried.some(isAwake);
  }

  /** Permission for one more attempt, as from `RetryBudget`. */
  take(after?: HeadraceError): (() => void) | undefined {
    if (this.#allowed >= this.#options.maxAttempts) return undefined;
    const release = this.#options.budget.take(after);
    if (release !== undefined) this.#allowed++;
    return release;
  }
}

function isAwake({ health }: ServedTarget): boolean {
  return health.restsUntil === undefined;
}

function restOf({ health }: ServedTarget): number {
  return health.restsUntil ?? 0;
}
