import type { Usage } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { readTokenKinds, writeTokenKinds } from "./gemini-token-kinds.ts";
import { readCount } from "./json-values.ts";

/** Counts of `usageMetadata` that a usage event keeps to the last digit. */
export const countNames = [
  "promptTokenCount",
  "candidatesTokenCount",
  "thoughtsTokenCount",
  "cachedContentTokenCount",
  "totalTokenCount",
] as const;

export type CountName = (typeof countNames)[number];

/** Counts in the order of `countNames`; what nobody counted is `unknownCount`. */
export type Counts = number[];

export const unknownCount = -1;

/** Undefined when the object counts nothing. */
export function readUsage(metadata: JsonObject): Usage | undefined {
  const counts = countNames.map((name) => readCount(metadata[name]) ?? unknownCount);
  if (counts.every((value) => value === unknownCount)) return undefined;
  const usage = usageOf(counts, readCount(metadata["toolUsePromptTokenCount"]));
  const kinds = readTokenKinds(metadata);
  return kinds === undefined ? usage : { ...usage, ...kinds };
}

/** Google counts thoughts beside the answer, and the results of its own tools beside the prompt. */
export function usageOf(counts: Readonly<Counts>, toolUsePromptTokenCount = 0): Usage {
  // By index, as taking a list apart costs an iterator for every chunk.
  const prompt = counts[0] as number;
  const candidates = counts[1] as number;
  const thoughts = counts[2] as number;
  const cached = counts[3] as number;
  const total = counts[4] as number;
  const usage: Usage = {
    inputTokens: Math.max(prompt, 0) + toolUsePromptTokenCount,
    outputTokens: Math.max(candidates, 0) + Math.max(thoughts, 0),
  };
  if (cached !== unknownCount) usage.cachedInputTokens = cached;
  if (thoughts !== unknownCount) usage.reasoningTokens = thoughts;
  if (total !== unknownCount) usage.totalTokens = total;
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
  return Object.assign(written, writeTokenKinds(usage));
}

/** Whether a count can be taken out of the object and be put back. */
export function isCount(value: Json | undefined): value is number {
  return readCount(value) !== undefined && Number.isSafeInteger(value);
}
