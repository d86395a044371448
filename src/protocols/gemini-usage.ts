import type { Usage } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";

/** Counts of `usageMetadata` that a usage event keeps to the last digit. */
export const countNames = [
  "promptTokenCount",
  "candidatesTokenCount",
  "thoughtsTokenCount",
  "cachedContentTokenCount",
  "totalTokenCount",
] as const;

export type CountName = (typeof countNames)[number];

export type Counts = Partial<Record<CountName, number>>;

/** Undefined when the object counts nothing. */
export function readUsage(metadata: JsonObject): Usage | undefined {
  const counts: Counts = {};
  let found = false;
  for (const name of countNames) {
    const value = count(metadata[name]);
    if (value === undefined) continue;
    counts[name] = value;
    found = true;
  }
  return found ? usageOf(counts, count(metadata["toolUsePromptTokenCount"])) : undefined;
}

/** Google counts thoughts beside the answer, and the results of its own tools beside the prompt. */
export function usageOf(counts: Counts, toolUsePromptTokenCount = 0): Usage {
  const { promptTokenCount = 0, candidatesTokenCount = 0, thoughtsTokenCount } = counts;
  const usage: Usage = {
    inputTokens: promptTokenCount + toolUsePromptTokenCount,
    outputTokens: candidatesTokenCount + (thoughtsTokenCount ?? 0),
  };
  if (counts.cachedContentTokenCount !== undefined) usage.cachedInputTokens = counts.cachedContentTokenCount;
  if (thoughtsTokenCount !== undefined) usage.reasoningTokens = thoughtsTokenCount;
  if (counts.totalTokenCount !== undefined) usage.totalTokens = counts.totalTokenCount;
  return usage;
}

/** One count of a usage; undefined when nobody counted that. */
export function countOf(usage: Usage, name: CountName): number | undefined {
  switch (name) {
    case "promptTokenCount":
      return usage.inputTokens;
    case "candidatesTokenCount":
      return usage.outputTokens - (usage.reasoningTokens ?? 0);
    case "thoughtsTokenCount":
      return usage.reasoningTokens;
    case "cachedContentTokenCount":
      return usage.cachedInputTokens;
    case "totalTokenCount":
      return usage.totalTokens;
  }
}

export function writeUsage(usage: Usage): JsonObject {
  const written: JsonObject = {};
  for (const name of countNames) {
    const value = countOf(usage, name);
    if (value !== undefined) written[name] = value;
  }
  written["totalTokenCount"] ??= usage.inputTokens + usage.outputTokens;
  return written;
}

/** Whether a count can be taken out of the object and be put back. */
export function isCount(value: Json | undefined): value is number {
  return count(value) !== undefined && Number.isSafeInteger(value);
}

function count(value: Json | undefined): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}
