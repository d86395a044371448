import type { Usage } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { readCount } from "./json-values.ts";
import { addTokenKinds } from "./openai-token-kinds.ts";

/** Undefined when the object counts nothing. */
export function readUsage(usage: Json | undefined): Usage | undefined {
  if (!isJsonObject(usage)) return undefined;
  const inputTokens = readCount(usage["input_tokens"]);
  const outputTokens = readCount(usage["output_tokens"]);
  if (inputTokens === undefined && outputTokens === undefined) return undefined;
  const input = isJsonObject(usage["input_tokens_details"]) ? usage["input_tokens_details"] : {};
  const output = isJsonObject(usage["output_tokens_details"]) ? usage["output_tokens_details"] : {};
  const read: Usage = { inputTokens: inputTokens ?? 0, outputTokens: outputTokens ?? 0 };
  const cached = readCount(input["cached_tokens"]);
  const written = readCount(input["cache_write_tokens"]);
  const reasoning = readCount(output["reasoning_tokens"]);
  const total = readCount(usage["total_tokens"]);
  if (cached !== undefined) read.cachedInputTokens = cached;
  if (written !== undefined) read.cacheWriteTokens = written;
  if (reasoning !== undefined) read.reasoningTokens = reasoning;
  addTokenKinds(read, input, output);
  if (total !== undefined) read.totalTokens = total;
  return read;
}

/** All members, as clients with a schema expect them. */
export function writeUsage(usage: Usage): JsonObject {
  const { inputTokens, outputTokens, cachedInputTokens, cacheWriteTokens, reasoningTokens, totalTokens } = usage;
  return {
    input_tokens: inputTokens,
    input_tokens_details: {
      cached_tokens: cachedInputTokens ?? 0,
      ...(cacheWriteTokens !== undefined && { cache_write_tokens: cacheWriteTokens }),
    },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens ?? 0 },
    total_tokens: totalTokens ?? inputTokens + outputTokens,
  };
}
