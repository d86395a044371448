import type { Usage } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { readCount } from "./json-values.ts";

/**
 * Adds how much of the input and the output is audio or pictures, in the words that all of OpenAI's protocols have for it.
 * Most answers have none, and say so with a zero, which is left out.
 *
 * @param input - details of the input tokens, `output` those of the output tokens.
 */
export function addTokenKinds(usage: Usage, input: JsonObject, output: JsonObject): void {
  const heard = readCount(input["audio_tokens"]) ?? 0;
  const seen = readCount(input["image_tokens"]) ?? 0;
  const spoken = readCount(output["audio_tokens"]) ?? 0;
  const drawn = readCount(output["image_tokens"]) ?? 0;
  if (heard > 0) usage.inputAudioTokens = heard;
  if (seen > 0) usage.inputImageTokens = seen;
  if (spoken > 0) usage.outputAudioTokens = spoken;
  if (drawn > 0) usage.outputImageTokens = drawn;
}
