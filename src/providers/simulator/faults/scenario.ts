import { HeadraceError } from "../../../core/errors.ts";
import { isJsonObject } from "../../../core/json.ts";
import { readCalls, readDuration } from "./fault.ts";
import { parseWishes, readWords, type Wishes } from "./wishes.ts";

/** A rule as it is written in a file; numbers may be text, and text numbers. */
export interface ScenarioRuleInput {
  /** A model's name, with `*` for anything. Left out: every model. */
  model?: string;
  /** Which of the calls to that model, such as `1`, `1-3`, `4-`. Left out: all. */
  calls?: string | number;
  /** Not before, counted from the simulator's start: `10s`, or milliseconds. */
  from?: string | number;
  /** Only for so long. */
  for?: string | number;
  faults?: string | number | readonly (string | number)[];
  words?: number;
  interval?: string | number;
}

/** What goes wrong when: the first rule that fits a call counts. */
export interface ScenarioInput {
  /** As the simulator's own. */
  seed?: string | number;
  rules: readonly ScenarioRuleInput[];
}

export interface ScenarioRule {
  model: RegExp;
  calls: readonly [from: number, to: number];
  fromMs: number;
  untilMs: number;
  wishes: Wishes;
}

export interface Scenario {
  seed?: string | number;
  rules: readonly ScenarioRule[];
}

const ruleKeys = ["model", "calls", "from", "for", "faults", "words", "interval"];

/**
 * Reads a scenario: `{ seed, rules: [...] }`, or the rules alone.
 *
 * @throws HeadraceError `invalid-request` - says which rule, and what is known instead.
 */
export function readScenario(input: unknown): Scenario {
  const written = Array.isArray(input) ? { rules: input } : input;
  if (!isJsonObject(written) || !Array.isArray(written["rules"])) {
    throw wrong("is a list of rules, or an object with `rules` and perhaps `seed`");
  }
  const unknown = Object.keys(written).find((key) => key !== "rules" && key !== "seed");
  if (unknown !== undefined) throw wrong(`has no ${JSON.stringify(unknown)}; known are seed, rules`);
  const { seed, rules } = written;
  if (seed !== undefined && typeof seed !== "string" && typeof seed !== "number")
    throw wrong("seed is a text or a number");
  return {
    ...(seed !== undefined && { seed }),
    rules: rules.map((rule, index) => {
      try {
        return readRule(rule);
      } catch (error) {
        if (error instanceof HeadraceError) throw wrong(`rule ${index + 1}: ${error.message}`);
        throw error;
      }
    }),
  };
}

function readRule(rule: unknown): ScenarioRule {
  if (!isJsonObject(rule)) throw invalid(`is an object with some of ${ruleKeys.join(", ")}`);
  const unknown = Object.keys(rule).find((key) => !ruleKeys.includes(key));
  if (unknown !== undefined) throw invalid(`there is no ${JSON.stringify(unknown)}; known are ${ruleKeys.join(", ")}`);
  const { faults = [] } = rule;
  const { model = "*", calls = "1-", from = "0", for: duration, words, interval } = rule;
  const fromMs = readDuration(textOf("from", from));
  const wishes = parseWishes((Array.isArray(faults) ? faults : [faults]).map((one) => textOf("faults", one)).join("&"));
  return {
    model: patternOf(textOf("model", model)),
    calls: readCalls(textOf("calls", calls)),
    fromMs,
    untilMs: duration === undefined ? Number.POSITIVE_INFINITY : fromMs + readDuration(textOf("for", duration)),
    wishes: {
      ...wishes,
      ...(words !== undefined && { words: readWords(textOf("words", words)) }),
      ...(interval !== undefined && { intervalMs: readDuration(textOf("interval", interval)) }),
    },
  };
}

function textOf(key: string, value: unknown): string {
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw invalid(`${key} is a text or a number, but is ${JSON.stringify(value)}`);
}

function patternOf(model: string): RegExp {
  const escaped = model.replace(/[.*+?^${}()|[\]\\]/g, (character) => (character === "*" ? ".*" : `\\${character}`));
  return new RegExp(`^${escaped}$`, "s");
}

function invalid(problem: string): HeadraceError {
  return new HeadraceError("invalid-request", problem);
}

function wrong(problem: string): HeadraceError {
  return invalid(`the scenario ${problem}`);
}
