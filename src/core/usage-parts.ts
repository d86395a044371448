import type { Usage } from "./events.ts";

/** Counts of a usage that are parts of its input or its output. Several usages are added up part by part. */
export const usageParts = [
  "cachedInputTokens",
  "cacheWriteTokens",
  "reasoningTokens",
  "inputAudioTokens",
  "inputImageTokens",
  "cachedAudioTokens",
  "outputAudioTokens",
  "outputImageTokens",
] as const satisfies readonly (keyof Usage)[];

export type UsagePart = (typeof usageParts)[number];
