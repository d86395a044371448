import type { Json, JsonObject } from "../core/json.ts";
import type { PassedProtocol } from "../core/operation.ts";
import type { GenerateRequest } from "../core/request.ts";
import { tokensIn } from "../core/usage-estimate.ts";

/**
 * What has to be known of a request that is passed on as it is: how long it is, and what traces say of it. What is wrong
 * with it, its provider will say.
 */
export function readPassedRequest(protocol: PassedProtocol, body: JsonObject): GenerateRequest {
  const model = typeof body["model"] === "string" ? body["model"] : "";
  const asked = protocol === "openai-embeddings" ? body["input"] : body["prompt"];
  const request: GenerateRequest = {
    model,
    messages: [],
    estimatedInputTokens: tokensOf(asked),
    wantsStream: body["stream"] === true,
  };
  if (protocol === "openai-embeddings") return request;
  const number = (key: string): number | undefined => (typeof body[key] === "number" ? body[key] : undefined);
  const settings = {
    maxOutputTokens: number("max_tokens"),
    temperature: number("temperature"),
    topP: number("top_p"),
    presencePenalty: number("presence_penalty"),
    frequencyPenalty: number("frequency_penalty"),
    seed: number("seed"),
    choices: number("n"),
  };
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  return { ...request, ...(Object.fromEntries(given) as Partial<GenerateRequest>) };
}

/** A text or several; or numbers, which are tokens already. */
function tokensOf(asked: Json | undefined): number {
  if (typeof asked === "string") return tokensIn(asked.length);
  if (typeof asked === "number") return 1;
  if (!Array.isArray(asked)) return 0;
  let tokens = 0;
  for (const one of asked) tokens += tokensOf(one);
  return tokens;
}
