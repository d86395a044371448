import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { GenerateRequest, ResponseFormat, ToolChoice, ToolDefinition } from "../core/request.ts";
import { BodyFields } from "./body-fields.ts";
import { readHints, untranslatableOf } from "./openai-chat-hints.ts";
import { readMessage } from "./openai-chat-messages.ts";

/**
 * Reads a Chat Completions body. Fields that we do not know are the provider's business: they stay in `original`.
 *
 * @throws HeadraceError `invalid-request` with `param` - a field is missing or has the wrong type.
 */
export function readRequest(body: JsonObject): GenerateRequest {
  const fields = new BodyFields(body);
  const read: GenerateRequest = {
    model: fields.requiredString("model"),
    messages: readMessages(fields),
    ...definedOnly(readTooling(fields)),
    ...definedOnly(readSampling(fields)),
    ...definedOnly(readOutput(fields)),
    ...definedOnly(readHints(fields)),
    ...definedOnly({ untranslatable: untranslatableOf(fields) }),
    wantsStream: fields.boolean("stream") ?? false,
    wantsUsage: fields.object("stream_options")?.boolean("include_usage") ?? false,
  };
  checkTheRest(fields);
  return { ...read, original: { protocol: "openai-chat", body, read } };
}

function readMessages(fields: BodyFields): GenerateRequest["messages"] {
  const messages = fields.objects("messages");
  if (messages === undefined || messages.length === 0)
    return fields.fail("messages", "a list with at least one message");
  return messages.map(readMessage);
}

type Undefinable<T> = { [Key in keyof T]: T[Key] | undefined };

function readTooling(
  fields: BodyFields,
): Undefinable<Pick<GenerateRequest, "tools" | "toolChoice" | "parallelToolCalls">> {
  return {
    tools: fields.objects("tools")?.flatMap(readTool),
    toolChoice: readToolChoice(fields),
    parallelToolCalls: fields.boolean("parallel_tool_calls"),
  };
}

function readTool(tool: BodyFields): ToolDefinition[] {
  const type = tool.requiredString("type");
  // Some vendors run tools of their own; they go on unseen.
  if (type !== "function" && type !== "custom") return [];
  const body = tool.requiredObject(type);
  return [
    definedOnly({
      kind: type,
      name: body.requiredString("name"),
      description: body.string("description"),
      parameters: type === "function" ? body.object("parameters")?.body : undefined,
      strict: type === "function" ? body.boolean("strict") : undefined,
    }) as ToolDefinition,
  ];
}

function readToolChoice(fields: BodyFields): ToolChoice | undefined {
  const choice = fields.value("tool_choice");
  if (choice === undefined) return undefined;
  if (choice === "auto" || choice === "none" || choice === "required") return choice;
  if (!isJsonObject(choice)) return fields.fail("tool_choice", "auto, none, required, or an object that names a tool");
  const named = fields.requiredObject("tool_choice");
  const type = named.requiredString("type");
  if (type === "function" || type === "custom") return { name: named.requiredObject(type).requiredString("name") };
  if (type !== "allowed_tools") return named.fail("type", "function, custom or allowed_tools");
  const mode = named.requiredObject("allowed_tools").oneOf("mode", ["auto", "required"] as const);
  return mode ?? "auto";
}

function readSampling(fields: BodyFields) {
  return {
    maxOutputTokens: fields.integer("max_completion_tokens", { min: 1 }) ?? fields.integer("max_tokens", { min: 1 }),
    temperature: fields.number("temperature", { min: 0, max: 2 }),
    topP: fields.number("top_p", { min: 0, max: 1 }),
    topK: fields.integer("top_k", { min: -1 }),
    presencePenalty: fields.number("presence_penalty", { min: -2, max: 2 }),
    frequencyPenalty: fields.number("frequency_penalty", { min: -2, max: 2 }),
    stop: readStop(fields),
    seed: fields.integer("seed", { min: Number.MIN_SAFE_INTEGER }),
    choices: fields.integer("n", { min: 1, max: 128 }),
  };
}

function readStop(fields: BodyFields): readonly string[] | undefined {
  const stop = fields.value("stop");
  if (stop === undefined) return undefined;
  if (typeof stop === "string") return [stop];
  if (Array.isArray(stop) && stop.every((item) => typeof item === "string")) return stop;
  return fields.fail("stop", "a string or a list of strings");
}

function readOutput(fields: BodyFields) {
  return {
    logprobs: fields.boolean("logprobs"),
    topLogprobs: fields.integer("top_logprobs", { min: 0, max: 20 }),
    responseFormat: readResponseFormat(fields),
    reasoningEffort: fields.string("reasoning_effort"),
  };
}

function readResponseFormat(fields: BodyFields): ResponseFormat | undefined {
  const format = fields.object("response_format");
  if (format === undefined) return undefined;
  const type = format.requiredString("type");
  if (type === "text") return { type };
  if (type === "json_object") return { type: "json" };
  if (type !== "json_schema") return format.fail("type", "text, json_object or json_schema");
  const schema = format.requiredObject("json_schema");
  return definedOnly({
    type: "json-schema",
    name: schema.requiredString("name"),
    schema: schema.object("schema")?.body ?? {},
    strict: schema.boolean("strict"),
    description: schema.string("description"),
  }) as ResponseFormat;
}

/** Fields that have no neutral counterpart are checked all the same: here the message can name them. */
function checkTheRest(fields: BodyFields): void {
  fields.object("stream_options")?.boolean("include_obfuscation");
  fields.object("logit_bias");
  fields.object("audio");
  fields.object("prediction");
  fields.boolean("store");
  fields.string("user");
  const modalities = fields.value("modalities");
  if (modalities !== undefined && !Array.isArray(modalities)) fields.fail("modalities", "a list");
}

/** Leaves out what is undefined, so that a field is either there or not. */
export function definedOnly<T extends object>(fields: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof T]?: Exclude<T[Key], undefined> };
}
