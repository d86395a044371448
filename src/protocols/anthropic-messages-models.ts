/** How a model is told to think. */
export type ThinkingStyle = "none" | "budget" | "adaptive";

interface ModelRow {
  model: RegExp;
  maxOutputTokens: number;
  thinking: ThinkingStyle;
}

/**
 * What has to be known of a model to ask it in its own words. The first row that fits decides.
 *
 * @see https://platform.claude.com/docs/en/about-claude/models/overview
 * @see https://platform.claude.com/docs/en/build-with-claude/extended-thinking
 */
const rows: readonly ModelRow[] = [
  { model: /claude-3-(opus|sonnet|haiku)/, maxOutputTokens: 4096, thinking: "none" },
  { model: /claude-3-5/, maxOutputTokens: 8192, thinking: "none" },
  { model: /claude-3-7/, maxOutputTokens: 32_000, thinking: "budget" },
  // Claude 4 to 4.5; a number behind the family is a date when it is long.
  {
    model: /claude-(opus|sonnet|haiku)-4(-[0-5])?(-\d{6,}|@|$|-v\d|-latest)/,
    maxOutputTokens: 32_000,
    thinking: "budget",
  },
  { model: /claude/, maxOutputTokens: 32_000, thinking: "adaptive" },
];

/** Other makers' models behind this protocol. */
const unknown: Omit<ModelRow, "model"> = { maxOutputTokens: 8192, thinking: "budget" };

/**
 * The most that is asked for where the caller set no limit: the protocol has no default, and more than a model can
 * write is refused.
 */
export function defaultMaxTokens(model: string): number {
  return (rows.find((row) => row.model.test(model)) ?? unknown).maxOutputTokens;
}

export function thinkingStyle(model: string): ThinkingStyle {
  return (rows.find((row) => row.model.test(model)) ?? unknown).thinking;
}

/** Tokens to think with, for models that know no words for it. */
export const budgetOfEffort: Readonly<Record<string, number>> = {
  minimal: 1024,
  low: 2048,
  medium: 8192,
  high: 16_384,
  xhigh: 24_576,
  max: 30_000,
};

export const leastBudget = 1024;
export const usualBudget = 8192;
