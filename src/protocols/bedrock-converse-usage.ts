import type { Usage } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { readCount } from "./json-values.ts";

/** Undefined when the object counts nothing. */
export function readUsage(usage: JsonObject): Usage | undefined {
  const input = readCount(usage["inputTokens"]);
  const output = readCount(usage["outputTokens"]);
  if (input === undefined && output === undefined) return undefined;
  const cached = readCount(usage["cacheReadInputTokens"]);
  const written = readCount(usage["cacheWriteInputTokens"]);
  const total = readCount(usage["totalTokens"]);
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
