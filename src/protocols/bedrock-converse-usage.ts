import type { Usage } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";

/** Undefined when the object counts nothing. */
export function readUsage(usage: JsonObject): Usage | undefined {
  const input = count(usage["inputTokens"]);
  const output = count(usage["outputTokens"]);
  if (input === undefined && output === undefined) return undefined;
  const cached = count(usage["cacheReadInputTokens"]);
  const written = count(usage["cacheWriteInputTokens"]);
  const total = count(usage["totalTokens"]);
  // Tokens from and into the cache are counted beside the others here.
  const read: Usage = {
    inputTokens: (input ?? 0) + (cached ?? 0) + (written ?? 0),
    outputTokens: output ?? 0,
  };
  if (cached !== undefined) read.cachedInputTokens = cached;
  if (written !== undefined) read.cacheWriteTokens = written;
  if (total !== undefined) read.totalTokens = total;
  return read;
}

export function writeUsage(usage: Usage): JsonObject {
  const { inputTokens, outputTokens, cachedInputTokens, cacheWriteTokens, totalTokens } = usage;
  const written: JsonObject = {
    inputTokens: Math.max(0, inputTokens - (cachedInputTokens ?? 0) - (cacheWriteTokens ?? 0)),
    outputTokens,
    totalTokens: totalTokens ?? inputTokens + outputTokens,
  };
  if (cachedInputTokens !== undefined) written["cacheReadInputTokens"] = cachedInputTokens;
  if (cacheWriteTokens !== undefined) written["cacheWriteInputTokens"] = cacheWriteTokens;
  return written;
}

function count(value: Json | undefined): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}
