import type { JsonObject } from "../core/json.ts";
import type { GenerateRequest } from "../core/request.ts";
import { budgetOfEffort, leastBudget, thinkingStyle, usualBudget } from "./anthropic-messages-models.ts";
import type { Warn } from "./protocol.ts";

/** How much a model is to think, in the words that it knows. */
export interface Thinking {
  thinking?: JsonObject;
  /** Goes into `output_config`. */
  effort?: string;
}

const efforts: ReadonlySet<string> = new Set(["low", "medium", "high", "xhigh", "max"]);

/** @param maxTokens - the whole answer's limit, which a budget has to stay below. */
export function writeThinking(request: GenerateRequest, maxTokens: number, warn: Warn): Thinking {
  const { model, reasoningEffort, reasoningBudgetTokens } = request;
  const isOff = reasoningBudgetTokens === 0 || reasoningEffort === "none";
  const isAsked = reasoningEffort !== undefined || reasoningBudgetTokens !== undefined;
  switch (thinkingStyle(model)) {
    case "none":
      if (isAsked && !isOff) warn("reasoning_effort: this model does not think");
      return {};
    case "budget":
      return isOff || !isAsked ? {} : writeBudget(request, maxTokens, warn);
    case "adaptive":
      return isOff ? { thinking: { type: "disabled" } } : writeAdaptive(request, warn);
  }
}

function writeBudget(
  { reasoningEffort = "", reasoningBudgetTokens }: GenerateRequest,
  maxTokens: number,
  warn: Warn,
): Thinking {
  const wanted = reasoningBudgetTokens ?? budgetOfEffort[reasoningEffort] ?? usualBudget;
  // Half is left for the answer, however little that is.
  const budget = Math.min(Math.max(wanted, leastBudget), Math.max(leastBudget, Math.floor(maxTokens / 2)));
  if (budget >= maxTokens) {
    warn(`reasoning_effort: thinking takes ${leastBudget} tokens at least, more than the answer may have`);
    return {};
  }
  return { thinking: { type: "enabled", budget_tokens: budget } };
}

function writeAdaptive(
  { reasoningEffort, reasoningBudgetTokens, reasoningSummary }: GenerateRequest,
  warn: Warn,
): Thinking {
  if (reasoningBudgetTokens !== undefined) {
    warn("thinking: this model decides itself how many tokens to think with; the number is left out");
  }
  // Left to its default, the newest models think in silence.
  const display = reasoningSummary === "none" ? "omitted" : "summarized";
  const thinking = { type: "adaptive", display };
  if (reasoningEffort === undefined) return { thinking };
  const effort = reasoningEffort === "minimal" ? "low" : reasoningEffort;
  if (efforts.has(effort)) return { thinking, effort };
  warn(`reasoning_effort: Anthropic has no effort ${effort.slice(0, 40)}`);
  return { thinking };
}
