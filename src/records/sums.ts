import { fromNanos } from "./cost.ts";
import { Histogram } from "./histogram.ts";
import type { Summary, Sums } from "./trace.ts";

/** How the aggregate is called in SQL. */
export const sumsName = "headrace_sums";

/** What is added up of each stream, in this order. `bucketMs` is how long a point of the series is. */
export const summedColumns = [
  "key",
  "started_at",
  "bucket_ms",
  "is_open",
  "outcome",
  "input_tokens",
  "output_tokens",
  "cost",
  "first_token_ms",
  "tokens_per_second",
] as const;

const maxGroups = 1_000;
const hourMs = 3_600_000;

/** Adds up streams: all together, by key, and by time. */
export class SumsOfStreams {
  readonly #totals = new Adder();
  readonly #groups = new Map<string, Adder>();
  readonly #series = new Map<number, Adder>();

  /** Takes the columns of one stream. The key of a group by time is left out: it is made from the time. */
  add(columns: readonly unknown[]): this {
    const [givenKey, startedAt, bucketMs, isOpen, outcome, input, output, cost, firstToken, speed] = columns;
    const at = Math.floor((startedAt as number) / (bucketMs as number)) * (bucketMs as number);
    const key = givenKey === null ? timeKey(at, bucketMs as number) : (givenKey as string);
    for (const adder of [this.#totals, this.#group(key), found(this.#series, at)]) {
      adder.requests++;
      if (outcome === "failed" || outcome === "interrupted") adder.errors++;
      if (input !== null) adder.inputTokens += input as number;
      if (output !== null) adder.outputTokens += output as number;
      if (cost !== null) adder.cost += cost as number;
      else if (isOpen === 0) adder.costUnknown++;
      if (firstToken !== null) adder.firstTokens.add(firstToken as number);
      if (speed !== null) adder.speeds.add(speed as number);
    }
    return this;
  }

  result(): Summary {
    return {
      totals: this.#totals.sums(),
      groups: [...this.#groups]
        .map(([key, adder]) => ({ key, ...adder.sums() }))
        .toSorted((a, b) => b.requests - a.requests || (a.key < b.key ? -1 : 1)),
      series: [...this.#series].map(([at, adder]) => ({ at, ...adder.sums() })).toSorted((a, b) => a.at - b.at),
    };
  }

  /** Model names come from requests: there may be any number of them. */
  #group(key: string): Adder {
    return found(this.#groups, this.#groups.size < maxGroups || this.#groups.has(key) ? key : "(others)");
  }
}

class Adder {
  requests = 0;
  errors = 0;
  inputTokens = 0;
  outputTokens = 0;
  cost = 0;
  costUnknown = 0;
  readonly firstTokens = new Histogram({ many: true });
  readonly speeds = new Histogram({ many: true });

  sums(): Sums {
    const { requests, errors, inputTokens, outputTokens, costUnknown, firstTokens, speeds } = this;
    const sums: Sums = { requests, errors, inputTokens, outputTokens, cost: fromNanos(this.cost), costUnknown };
    const [p50, p95] = [firstTokens.quantile(0.5), firstTokens.quantile(0.95)];
    if (p50 !== undefined) sums.ttftP50 = Math.round(p50);
    if (p95 !== undefined) sums.ttftP95 = Math.round(p95);
    const speed = speeds.quantile(0.5);
    if (speed !== undefined) sums.tokensPerSecond = Math.round(speed * 10) / 10;
    return sums;
  }
}

/** `2026-01-31`, or `2026-01-31T17` for an hour; in UTC. */
function timeKey(at: number, bucketMs: number): string {
  return new Date(at).toISOString().slice(0, bucketMs <= hourMs ? 13 : 10);
}

function found<Key>(map: Map<Key, Adder>, key: Key): Adder {
  let adder = map.get(key);
  if (adder === undefined) map.set(key, (adder = new Adder()));
  return adder;
}
