import type { Usage } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { readCount } from "./json-values.ts";

/**
 * Reads the counts so far. Unlike everyone else's, Anthropic's `input_tokens` leave out what was read from or written
 * to the cache.
 *
 * @param earlier - the report before; counts that are missing or null keep their value.
 */
export function readUsage(usage: JsonObject, earlier: Usage | undefined): Usage | undefined {
  const cached = readCount(usage["cache_read_input_tokens"]) ?? earlier?.cachedInputTokens;
  const written = readCount(usage["cache_creation_input_tokens"]) ?? earlier?.cacheWriteTokens;
  const uncachedBefore = earlier === undefined ? undefined : uncachedOf(earlier);
  const uncached = readCount(usage["input_tokens"]) ?? uncachedBefore;
  const outputTokens = readCount(usage["output_tokens"]) ?? earlier?.outputTokens;
  if (uncached === undefined && outputTokens === undefined) return undefined;
  const details = isJsonObject(usage["output_tokens_details"]) ? usage["output_tokens_details"] : {};
  const reasoning = readCount(details["thinking_tokens"]) ?? earlier?.reasoningTokens;
  const read: Usage = {
    inputTokens: (uncached ?? 0) + (cached ?? 0) + (written ?? 0),
    outputTokens: outputTokens ?? 0,
  };
  if (cached !== undefined) read.cachedInputTokens = cached;
  if (written !== undefined) read.cacheWriteTokens = written;
  if (reasoning !== undefined) read.reasoningTokens = reasoning;
  return read;
}

export function writeUsage(usage: Usage): JsonObject {
  const { outputTokens, cachedInputTokens, cacheWriteTokens, reasoningTokens } = usage;
  const written: JsonObject = { input_tokens: uncachedOf(usage) };
  if (cacheWriteTokens !== undefined) written["cache_creation_input_tokens"] = cacheWriteTokens;
  if (cachedInputTokens !== undefined) written["cache_read_input_tokens"] = cachedInputTokens;
  written["output_tokens"] = outputTokens;
  if (reasoningTokens !== undefined) written["output_tokens_details"] = { thinking_tokens: reasoningTokens };
  return written;
}

function uncachedOf({ inputTokens, cachedInputTokens = 0, cacheWriteTokens = 0 }: Usage): number {
  return Math.max(0, inputTokens - cachedInputTokens - cacheWriteTokens);
}
