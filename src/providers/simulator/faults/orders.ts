import type { Clock } from "../../../core/time.ts";
import { SeededRandom } from "../random.ts";
import { type Fault, numberOf } from "./fault.ts";
import type { Scenario } from "./scenario.ts";
import { parseWishes, splitModel, type Wishes } from "./wishes.ts";

/** What is to be done with one call. */
export interface Order extends Wishes {
  /** The model's name without wishes. */
  model: string;
}

export interface OrdersOptions {
  clock: Clock;
  seed: string;
  scenario: Scenario | undefined;
}

interface Past {
  calls: number;
  firstAt: number;
}

// Names come from requests, so that there is no end to them.
const mostRemembered = 1_000;
const longestName = 200;

/** Decides what goes wrong with which call; remembers how often it was asked for the same. */
export class Orders {
  readonly #options: OrdersOptions;
  readonly #startedAt: number;
  readonly #past = new Map<string, Past>();

  constructor(options: OrdersOptions) {
    this.#options = options;
    this.#startedAt = options.clock.elapsed();
  }

  /**
   * What this call asked for: in its model's name, in its header, and what the scenario has for it.
   *
   * @throws HeadraceError `invalid-request` - there is no such fault.
   */
  take(name: string, header: string): Order {
    const { model, query } = splitModel(name);
    if (query === "" && header === "" && this.#options.scenario === undefined) return { model, faults: [] };
    const asked = parseWishes(header === "" ? query : `${query}&${header}`);
    const own = this.#active(asked, `${model.slice(0, longestName)}?${query} ${header}`);
    const planned = this.#planned(model);
    return { ...planned, ...own, model, faults: [...own.faults, ...planned.faults] };
  }

  #planned(model: string): Wishes {
    const { scenario, clock } = this.#options;
    const elapsed = clock.elapsed() - this.#startedAt;
    let found: Wishes | undefined;
    for (const [index, rule] of (scenario?.rules ?? []).entries()) {
      if (!rule.model.test(model)) continue;
      // Rules count all calls of their model, also those that another rule is for.
      const { calls } = this.#note(`rule ${index}`);
      const isItsTime = elapsed >= rule.fromMs && elapsed < rule.untilMs;
      if (found !== undefined || !isItsTime || calls < rule.calls[0] || calls > rule.calls[1]) continue;
      found = this.#active(rule.wishes, `rule ${index} applied`);
    }
    return found ?? { faults: [] };
  }

  /** Only what is to happen now. */
  #active(wishes: Wishes, key: string): Wishes {
    if (wishes.faults.length === 0) return wishes;
    const { calls, firstAt } = this.#note(key);
    const sinceMs = this.#options.clock.elapsed() - firstAt;
    const faults = wishes.faults.filter((fault, index) => {
      const [from, to] = fault.condition.calls ?? [1, Number.POSITIVE_INFINITY];
      const { forMs = Number.POSITIVE_INFINITY, chance = 1 } = fault.condition;
      if (calls < from || calls > to || sinceMs >= forMs || !isDown(fault, sinceMs)) return false;
      return chance === 1 || new SeededRandom(`${this.#options.seed}/${key}/${calls}/${index}`).number() < chance;
    });
    return { ...wishes, faults };
  }

  #note(key: string): Past {
    const past = this.#past.get(key) ?? { calls: 0, firstAt: this.#options.clock.elapsed() };
    past.calls++;
    // Set anew, so that what was asked for last is forgotten last.
    this.#past.delete(key);
    this.#past.set(key, past);
    const [oldest] = this.#past.keys();
    if (this.#past.size > mostRemembered && oldest !== undefined) this.#past.delete(oldest);
    return past;
  }
}

/** Whether a provider that comes and goes is away; of every other fault, true. */
function isDown(fault: Fault, sinceMs: number): boolean {
  if (fault.name !== "flap") return true;
  const downMs = numberOf(fault, "down", 60_000);
  const upMs = numberOf(fault, "up", Number.POSITIVE_INFINITY);
  return sinceMs % (downMs + upMs) < downMs;
}
