import { fromNanos } from "./cost.ts";
import { Histogram } from "./histogram.ts";
import type { Summary, Sums } from "./trace.ts";

/** How the aggregate is called in SQL. */
export const sumsName = "headrace_sums";

/** What is told of each stream. There may be very many, so it is little, and numbers where they do. */
type Summed = readonly [
  /** Null: not grouped by anything but time. */
  key: string | null,
  /** Number of the point in time. */
  bucket: number,
  /** 1 for one that failed, and 2 for one that is open. */
  flags: number,
  inputTokens: number | null,
  outputTokens: number | null,
  /** In billionths of a dollar. */
  cost: number | null,
  firstTokenMs: number | null,
  tokensPerSecond: number | null,
];

const maxGroups = 1_000;
const hourMs = 3_600_000;

/** Sums as they come out of the database: `at` is the number of a point in time. */
type RawSummary = Summary;

/** Adds up streams: by key, and by time. */
export class SumsOfStreams {
  readonly #groups = new Map<string, Adder>();
  readonly #series = new Map<number, Adder>();

  add(columns: readonly unknown[]): this {
    const summed = columns as Summed;
    found(this.#series, summed[1]).add(summed);
    if (summed[0] !== null) this.#group(summed[0]).add(summed);
    return this;
  }

  result(): RawSummary {
    // All together are the sum of all times.
    const totals = new Adder();
    for (const adder of this.#series.values()) totals.merge(adder);
    return {
      totals: totals.sums(),
      groups: [...this.#groups]
        .map(([key, adder]) => ({ key, ...adder.sums() }))
        .toSorted((one, other) => other.requests - one.requests || (one.key < other.key ? -1 : 1)),
      series: [...this.#series]
        .map(([at, adder]) => ({ at, ...adder.sums() }))
        .toSorted((one, other) => one.at - other.at),
    };
  }

  /** Model names come from requests: there may be any number of them. */
  #group(key: string): Adder {
    return found(this.#groups, this.#groups.size < maxGroups || this.#groups.has(key) ? key : "(others)");
  }
}

/** A summary with real times; grouped by them when there was no key. */
export function finishSummary({ totals, groups, series }: RawSummary, bucketMs: number, isByTime: boolean): Summary {
  const timed = series.map((sums) => ({ ...sums, at: sums.at * bucketMs }));
  const byTime = timed.map(({ at, ...sums }) => ({ key: timeKey(at, bucketMs), ...sums }));
  return { totals, groups: isByTime ? byTime : groups, series: timed };
}

class Adder {
  #requests = 0;
  #errors = 0;
  #inputTokens = 0;
  #outputTokens = 0;
  #cost = 0;
  #costUnknown = 0;
  readonly #firstTokens = new Histogram({ many: true });
  readonly #speeds = new Histogram({ many: true });

  add([, , flags, input, output, cost, firstToken, speed]: Summed): void {
    this.#requests++;
    this.#errors += flags & 1;
    if (input !== null) this.#inputTokens += input;
    if (output !== null) this.#outputTokens += output;
    if (cost !== null) this.#cost += cost;
    else if ((flags & 2) === 0) this.#costUnknown++;
    if (firstToken !== null) this.#firstTokens.add(firstToken);
    if (speed !== null) this.#speeds.add(speed);
  }

  merge(other: Adder): void {
    this.#requests += other.#requests;
    this.#errors += other.#errors;
    this.#inputTokens += other.#inputTokens;
    this.#outputTokens += other.#outputTokens;
    this.#cost += other.#cost;
    this.#costUnknown += other.#costUnknown;
    this.#firstTokens.merge(other.#firstTokens);
    this.#speeds.merge(other.#speeds);
  }

  sums(): Sums {
    const sums: Sums = {
      requests: this.#requests,
      errors: this.#errors,
      inputTokens: this.#inputTokens,
      outputTokens: this.#outputTokens,
      cost: fromNanos(this.#cost),
      costUnknown: this.#costUnknown,
    };
    const [p50, p95] = [this.#firstTokens.quantile(0.5), this.#firstTokens.quantile(0.95)];
    if (p50 !== undefined) sums.ttftP50 = Math.round(p50);
    if (p95 !== undefined) sums.ttftP95 = Math.round(p95);
    const speed = this.#speeds.quantile(0.5);
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
