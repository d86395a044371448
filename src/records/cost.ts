import type { Usage } from "../core/events.ts";
import { usageParts } from "../core/usage-parts.ts";
import type { Cost, CostShare, TraceAttempt } from "./trace.ts";

/** Money is added up in whole billionths of a dollar, so that sums are exact whatever their order. */
const perDollar = 1e9;

export function toNanos(dollars: number): number {
  return Math.round(dollars * perDollar);
}

export function fromNanos(nanos: number): number {
  return nanos / perDollar;
}

/** What an attempt was paid for. */
export function shareOf(attempt: Pick<TraceAttempt, "reason" | "outcome">, isInAnswer: boolean): CostShare {
  if (isInAnswer) return "delivered";
  return attempt.outcome === "lost" || attempt.reason === "hedge" ? "hedged" : "discarded";
}

/** The cost of a stream; undefined while nothing was billed, or when one of its attempts has no known price. */
export function sumOfCosts(attempts: readonly TraceAttempt[]): Cost | undefined {
  const nanos: Record<CostShare, number> = { delivered: 0, discarded: 0, hedged: 0 };
  let hasEnded = false;
  for (const { usage, cost, share } of attempts) {
    if (share === undefined) continue;
    hasEnded = true;
    if (usage === undefined) continue;
    if (cost === undefined) return undefined;
    nanos[share] += toNanos(cost);
  }
  if (!hasEnded) return undefined;
  const { delivered, discarded, hedged } = nanos;
  return {
    total: fromNanos(delivered + discarded + hedged),
    delivered: fromNanos(delivered),
    discarded: fromNanos(discarded),
    hedged: fromNanos(hedged),
    currency: "USD",
  };
}

/** What was counted, without what it costs. */
export function tokensOf({ costUsd: _cost, ...usage }: Usage): Usage {
  return usage;
}

/** Undefined when no attempt was billed. */
export function sumOfUsage(attempts: readonly Pick<TraceAttempt, "usage">[]): Usage | undefined {
  let sum: Usage | undefined;
  for (const { usage } of attempts) {
    if (usage === undefined) continue;
    sum ??= { inputTokens: 0, outputTokens: 0 };
    sum.inputTokens += usage.inputTokens;
    sum.outputTokens += usage.outputTokens;
    for (const part of usageParts) {
      if (usage[part] !== undefined) sum[part] = (sum[part] ?? 0) + usage[part];
    }
    if (usage.estimated === true) sum.estimated = true;
  }
  return sum;
}
