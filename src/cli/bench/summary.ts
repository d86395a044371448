import type { Series } from "./measure.ts";
import type { ModelFacts } from "./model-facts.ts";
import type { Mode, Sample } from "./sample.ts";

export interface Percentiles {
  p50: number;
  p95: number;
}

/** What the answers of one model in one mode come to. Times in milliseconds, money in US dollars. */
export interface Summary {
  model: string;
  mode: Mode;
  answered: number;
  errors: { code: string; message: string; count: number }[];
  /** Until a person sees something: the first token of a stream, all of an answer that is not one. */
  seenMs?: Percentiles;
  totalMs?: Percentiles;
  /** Of the median answer, after its first token. */
  tokensPerSecond?: number;
  outputTokens: number;
  /** What is known of the model; what is missing is not known. */
  costPerMillionOutputTokens?: number;
  contextTokens?: number;
  /** Of the answers that were measured. */
  costUsd?: number;
}

export function summarize({ model, mode, samples }: Series, facts: ModelFacts): Summary {
  const good = samples.filter(({ error }) => error === undefined);
  const seenMs = percentiles(good.map((sample) => sample.seenMs));
  const totalMs = percentiles(good.map((sample) => sample.totalMs));
  const rate = percentiles(good.flatMap(({ tokensPerSecond }) => tokensPerSecond ?? []));
  const costUsd = costOf(good, facts);
  const { outputPerMillion, contextTokens } = facts;
  return {
    model,
    mode,
    answered: good.length,
    errors: countErrors(samples),
    ...(seenMs !== undefined && { seenMs }),
    ...(totalMs !== undefined && { totalMs }),
    ...(rate !== undefined && { tokensPerSecond: rate.p50 }),
    outputTokens: good.reduce((sum, { outputTokens = 0 }) => sum + outputTokens, 0),
    ...(outputPerMillion !== undefined && { costPerMillionOutputTokens: outputPerMillion }),
    ...(contextTokens !== undefined && { contextTokens }),
    ...(costUsd !== undefined && { costUsd }),
  };
}

/** The nearest rank: of few values the 95th percentile is the largest. */
export function percentiles(values: readonly number[]): Percentiles | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (percent: number) => sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
  const [p50, p95] = [at(50), at(95)];
  return p50 === undefined || p95 === undefined ? undefined : { p50, p95 };
}

/** Unknown when the price is, or what one of the answers used. */
function costOf(samples: readonly Sample[], { inputPerMillion, outputPerMillion }: ModelFacts): number | undefined {
  if (inputPerMillion === undefined || outputPerMillion === undefined || samples.length === 0) return undefined;
  let sum = 0;
  for (const { inputTokens, outputTokens } of samples) {
    if (inputTokens === undefined || outputTokens === undefined) return undefined;
    sum += inputTokens * inputPerMillion + outputTokens * outputPerMillion;
  }
  return sum / 1e6;
}

function countErrors(samples: readonly Sample[]): Summary["errors"] {
  const counted = new Map<string, Summary["errors"][number]>();
  for (const { error } of samples) {
    if (error === undefined) continue;
    const known = counted.get(error.code);
    if (known === undefined) counted.set(error.code, { ...error, count: 1 });
    else known.count += 1;
  }
  return [...counted.values()];
}
