import type { SeededRandom } from "./random.ts";

export interface SimulatedModel {
  /** When the first token comes: half of the answers within `p50Ms`, 95 of 100 within `p95Ms`. */
  firstToken?: { p50Ms: number; p95Ms: number };
  /** Left out, there are no waits at all. */
  tokensPerSecond?: number;
  /** Thinks first, and says so in `reasoning` deltas. */
  reasons?: true;
}

/** What the simulator can pretend to be. */
export const models: Readonly<Record<string, SimulatedModel>> = {
  "gpt-4o": { firstToken: { p50Ms: 380, p95Ms: 900 }, tokensPerSecond: 55 },
  "gpt-4o-mini": { firstToken: { p50Ms: 210, p95Ms: 550 }, tokensPerSecond: 110 },
  "o4-mini": { firstToken: { p50Ms: 600, p95Ms: 1500 }, tokensPerSecond: 90, reasons: true },
  "claude-3-5-sonnet": { firstToken: { p50Ms: 450, p95Ms: 1100 }, tokensPerSecond: 65 },
  "claude-3-haiku": { firstToken: { p50Ms: 180, p95Ms: 420 }, tokensPerSecond: 120 },
  instant: {},
};

/** The names of all simulated models. */
export const simulatorModels: readonly string[] = Object.keys(models);

// The 95th percentile of the standard normal distribution.
const z95 = 1.644_853_626_951_472_2;

/**
 * Milliseconds until the first token, log-normal: exp(m + s z) with a standard normal z.
 *
 * Its median is exp(m), so m = ln p50; its 95th percentile is exp(m + s z95), so s = ln(p95 / p50) / z95.
 */
export function firstTokenMs({ firstToken }: SimulatedModel, random: SeededRandom): number {
  if (firstToken === undefined) return 0;
  const { p50Ms, p95Ms } = firstToken;
  return p50Ms * Math.exp((Math.log(p95Ms / p50Ms) / z95) * random.normal());
}

/** Milliseconds between two tokens: uniform between half and one and a half times 1/rate, so its mean is 1/rate. */
export function tokenGapMs({ tokensPerSecond }: SimulatedModel, random: SeededRandom): number {
  return tokensPerSecond === undefined ? 0 : (1000 / tokensPerSecond) * (0.5 + random.number());
}
