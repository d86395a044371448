import type { Usage } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { readCount } from "./json-values.ts";
import { addTokenKinds } from "./openai-token-kinds.ts";

/** Undefined when the object counts nothing. */
export function readUsage(usage: JsonObject): Usage | undefined {
  const inputTokens = readCount(usage["prompt_tokens"]);
  const outputTokens = readCount(usage["completion_tokens"]);
  if (inputTokens === undefined && outputTokens === undefined) return undefined;
  const input = isJsonObject(usage["prompt_tokens_details"]) ? usage["prompt_tokens_details"] : {};
  const output = isJsonObject(usage["completion_tokens_details"]) ? usage["completion_tokens_details"] : {};
  const read: Usage = { inputTokens: inputTokens ?? 0, outputTokens: outputTokens ?? 0 };
  // DeepSeek and Moonshot have names of their own for cached tokens.
  const cached =
    readCount(input["cached_tokens"]) ??
    readCount(usage["prompt_cache_hit_tokens"]) ??
    readCount(usage["cached_tokens"]);
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

/**
 * What is charged, where a provider says so. With a key of one's own at the vendor behind it, it is only the fee, and the
 * rest is in `cost_details`.
 *
 * @see https://openrouter.ai/docs/use-cases/usage-accounting
 */
export function readCost({ cost, is_byok: hasOwnKey, cost_details: details }: JsonObject): number | undefined {
  if (!isAmount(cost)) return undefined;
  if (hasOwnKey !== true) return cost;
  const upstream = isJsonObject(details) ? details["upstream_inference_cost"] : undefined;
  return isAmount(upstream) ? cost + upstream : undefined;
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

export function writeUsage(usage: Usage): JsonObject {
  const { inputTokens, outputTokens, totalTokens } = usage;
  const written: JsonObject = {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: totalTokens ?? inputTokens + outputTokens,
  };
  const input = presentCounts({
    cached_tokens: usage.cachedInputTokens,
    cache_write_tokens: usage.cacheWriteTokens,
    audio_tokens: usage.inputAudioTokens,
    image_tokens: usage.inputImageTokens,
  });
  const output = presentCounts({
    reasoning_tokens: usage.reasoningTokens,
    audio_tokens: usage.outputAudioTokens,
    image_tokens: usage.outputImageTokens,
  });
  // Clients that look into the details expect this one.
  if (input !== undefined) written["prompt_tokens_details"] = { cached_tokens: 0, ...input };
  if (output !== undefined) written["completion_tokens_details"] = { reasoning_tokens: 0, ...output };
  return written;
}

/** Undefined when nothing was counted. */
function presentCounts(counts: Record<string, number | undefined>): JsonObject | undefined {
  const present = Object.entries(counts).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return present.length === 0 ? undefined : Object.fromEntries(present);
}
