import type { Usage } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { readCount } from "./json-values.ts";

const kindNames = [
  "inputAudioTokens",
  "inputImageTokens",
  "cachedAudioTokens",
  "outputAudioTokens",
  "outputImageTokens",
] as const satisfies readonly (keyof Usage)[];

/** How much of a usage is audio or pictures. */
export type TokenKinds = Pick<Usage, (typeof kindNames)[number]>;

/** What the lists by kind say; undefined when all is text, or has its price. */
export function readTokenKinds(metadata: JsonObject): TokenKinds | undefined {
  const { promptTokensDetails, toolUsePromptTokensDetails, cacheTokensDetails, candidatesTokensDetails } = metadata;
  const heard = countOf(promptTokensDetails, "AUDIO") + countOf(toolUsePromptTokensDetails, "AUDIO");
  const seen = countOf(promptTokensDetails, "IMAGE") + countOf(toolUsePromptTokensDetails, "IMAGE");
  const spoken = countOf(candidatesTokensDetails, "AUDIO");
  const drawn = countOf(candidatesTokensDetails, "IMAGE");
  if (heard + seen + spoken + drawn === 0) return undefined;
  const kinds: TokenKinds = {};
  if (heard > 0) {
    kinds.inputAudioTokens = heard;
    // A list without audio says that none of it came from the cache.
    if (Array.isArray(cacheTokensDetails)) kinds.cachedAudioTokens = countOf(cacheTokensDetails, "AUDIO");
  }
  if (seen > 0) kinds.inputImageTokens = seen;
  if (spoken > 0) kinds.outputAudioTokens = spoken;
  if (drawn > 0) kinds.outputImageTokens = drawn;
  return kinds;
}

/** Those of a usage; undefined when it has none. */
export function kindsOf(usage: Usage): TokenKinds | undefined {
  const found: TokenKinds = {};
  for (const name of kindNames) if (usage[name] !== undefined) found[name] = usage[name];
  return Object.keys(found).length === 0 ? undefined : found;
}

/** Lists of what is known not to be text; the rest is left out, as Google does at times. */
export function writeTokenKinds(kinds: TokenKinds): JsonObject {
  const { inputAudioTokens: heard, inputImageTokens: seen, cachedAudioTokens: cached } = kinds;
  const { outputAudioTokens: spoken, outputImageTokens: drawn } = kinds;
  const written: JsonObject = {};
  const input = [...entryOf("AUDIO", heard), ...entryOf("IMAGE", seen)];
  const output = [...entryOf("AUDIO", spoken), ...entryOf("IMAGE", drawn)];
  if (input.length > 0) written["promptTokensDetails"] = input;
  if (cached !== undefined) written["cacheTokensDetails"] = entryOf("AUDIO", cached);
  if (output.length > 0) written["candidatesTokensDetails"] = output;
  return written;
}

function countOf(list: Json | undefined, modality: string): number {
  if (!Array.isArray(list)) return 0;
  let sum = 0;
  for (const entry of list) {
    if (isJsonObject(entry) && entry["modality"] === modality) sum += readCount(entry["tokenCount"]) ?? 0;
  }
  return sum;
}

function entryOf(modality: string, tokenCount: number | undefined): JsonObject[] {
  return tokenCount === undefined ? [] : [{ modality, tokenCount }];
}
