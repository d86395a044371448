import type { JsonObject } from "../core/json.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { Warn } from "./protocol.ts";

/** Budgets that stand for the levels of models that count tokens, as Google's own compatible endpoint has them. */
const budgets: Readonly<Record<string, number>> = { none: 0, minimal: 1024, low: 1024, medium: 8192, high: 24_576 };

const levels: ReadonlySet<string> = new Set(["minimal", "low", "medium", "high"]);

/**
 * How much a model is to think: up to generation 2 in tokens, later in words.
 *
 * @see https://ai.google.dev/gemini-api/docs/thinking
 */
export function writeThinking(request: GenerateRequest, warn: Warn): JsonObject | undefined {
  const { model, reasoningEffort, reasoningBudgetTokens, reasoningSummary } = request;
  const config: JsonObject = {};
  const countsTokens = /(?:^|\/)gemini-[12][.-]/.test(model);
  if (reasoningBudgetTokens !== undefined) config["thinkingBudget"] = reasoningBudgetTokens;
  else if (reasoningEffort !== undefined && countsTokens) config["thinkingBudget"] = budgetOf(reasoningEffort, warn);
  else if (reasoningEffort !== undefined) config["thinkingLevel"] = levelOf(reasoningEffort, warn);

  const wantsThoughts = reasoningSummary === undefined ? undefined : reasoningSummary !== "none";
  // Who sets a budget for thinking elsewhere gets the thoughts as well.
  const includeThoughts = wantsThoughts ?? ((reasoningBudgetTokens ?? 0) > 0 ? true : undefined);
  if (includeThoughts !== undefined) config["includeThoughts"] = includeThoughts;
  return Object.keys(config).length === 0 ? undefined : config;
}

function budgetOf(effort: string, warn: Warn): number {
  const budget = budgets[effort];
  if (budget !== undefined) return budget;
  warn(`reasoning_effort: ${effort.slice(0, 40)} is sent as high, the most that Gemini has`);
  return budgets["high"] as number;
}

function levelOf(effort: string, warn: Warn): string {
  if (levels.has(effort)) return effort.toUpperCase();
  const nearest = effort === "none" ? "MINIMAL" : "HIGH";
  warn(`reasoning_effort: ${effort.slice(0, 40)} is sent as ${nearest.toLowerCase()}, the nearest that Gemini has`);
  return nearest;
}
