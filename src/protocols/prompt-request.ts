import type { JsonObject } from "../core/json.ts";
import type { GenerateRequest } from "../core/request.ts";
import { promptOf, promptRequest, textOf } from "../core/request.ts";
import { BodyFields, definedOnly } from "./body-fields.ts";

/**
 * Reads `{"prompt", "model"?, "system"?, "max_tokens"?, "temperature"?, "top_p"?, "seed"?, "stop"?}`. Without a model it
 * is the empty string, and the default one answers.
 */
export function readPromptRequest(body: JsonObject): GenerateRequest {
  const fields = new BodyFields(body);
  const prompt = fields.requiredString("prompt");
  return {
    ...promptRequest(fields.string("model") ?? "", prompt, fields.string("system")),
    ...definedOnly({
      maxOutputTokens: fields.integer("max_tokens", { min: 1 }),
      temperature: fields.number("temperature", { min: 0, max: 2 }),
      topP: fields.number("top_p", { min: 0, max: 1 }),
      seed: fields.integer("seed", { min: Number.MIN_SAFE_INTEGER }),
      stop: fields.stringOrStrings("stop"),
    }),
    wantsStream: true,
    wantsUsage: true,
  };
}

/** A prompt body for a request; what is no prompt, system text or number cannot be said in it. */
export function writePromptRequest(request: GenerateRequest): JsonObject {
  const system = request.messages.find(({ role }) => role === "system" || role === "developer");
  return {
    prompt: promptOf(request),
    model: request.model,
    system: system === undefined ? undefined : textOf(system.content),
    max_tokens: request.maxOutputTokens,
    temperature: request.temperature,
    top_p: request.topP,
    seed: request.seed,
    stop: request.stop === undefined ? undefined : [...request.stop],
  };
}

const numbers = new Set(["max_tokens", "temperature", "top_p", "seed"]);

/** Gives the numbers of a query back their type. What is no number stays text, and is refused later. */
export function readQueryNumbers(query: JsonObject): JsonObject {
  const entries = Object.entries(query).map(([key, value]) => {
    const isNumber =
      numbers.has(key) && typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value));
    return [key, isNumber ? Number(value) : value];
  });
  return Object.fromEntries(entries) as JsonObject;
}
