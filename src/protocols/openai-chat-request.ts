import type { JsonObject } from "../core/json.ts";
import type { GenerateRequest, ToolChoice, ToolDefinition } from "../core/request.ts";
import { BodyFields, definedOnly, type Undefinable } from "./body-fields.ts";
import { readHints, untranslatableOf } from "./openai-chat-hints.ts";
import { readMessage } from "./openai-chat-messages.ts";
import { readAllowedMode, readDefinition, readResponseFormat, readToolChoice } from "./openai-request-parts.ts";

/**
 * Reads a Chat Completions body. Fields that we do not know are the provider's business: they stay in `original`.
 *
 * @throws HeadraceError `invalid-request` with `param` - a field is missing or has the wrong type.
 */
export function readRequest(body: JsonObject): GenerateRequest {
  const fields = new BodyFields(body);
  const read: GenerateRequest = {
    model: fields.requiredString("model"),
    messages: fields.requiredObjects("messages", "a list with at least one message").map(readMessage),
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

function readTooling(
  fields: BodyFields,
): Undefinable<Pick<GenerateRequest, "tools" | "toolChoice" | "parallelToolCalls">> {
  return {
    tools: fields.objects("tools")?.flatMap(readTool),
    toolChoice: readToolChoice(fields, "tool_choice", readNamedTool),
    parallelToolCalls: fields.boolean("parallel_tool_calls"),
  };
}

function readTool(tool: BodyFields): ToolDefinition[] {
  const kind = tool.requiredString("type");
  // Some vendors run tools of their own; they go on unseen.
  if (kind !== "function" && kind !== "custom") return [];
  return [readDefinition(kind, tool.requiredObject(kind))];
}

function readNamedTool(choice: BodyFields): ToolChoice {
  const type = choice.requiredString("type");
  if (type === "function" || type === "custom") return { name: choice.requiredObject(type).requiredString("name") };
  if (type !== "allowed_tools") return choice.fail("type", "function, custom or allowed_tools");
  return readAllowedMode(choice.requiredObject("allowed_tools"));
}

function readSampling(fields: BodyFields) {
  return {
    maxOutputTokens: fields.integer("max_completion_tokens", { min: 1 }) ?? fields.integer("max_tokens", { min: 1 }),
    temperature: fields.number("temperature", { min: 0, max: 2 }),
    topP: fields.number("top_p", { min: 0, max: 1 }),
    topK: fields.integer("top_k", { min: -1 }),
    presencePenalty: fields.number("presence_penalty", { min: -2, max: 2 }),
    frequencyPenalty: fields.number("frequency_penalty", { min: -2, max: 2 }),
    stop: fields.stringOrStrings("stop"),
    seed: fields.integer("seed", { min: Number.MIN_SAFE_INTEGER }),
    choices: fields.integer("n", { min: 1, max: 128 }),
  };
}

function readOutput(fields: BodyFields) {
  return {
    logprobs: fields.boolean("logprobs"),
    topLogprobs: fields.integer("top_logprobs", { min: 0, max: 20 }),
    responseFormat: readResponseFormat(fields.object("response_format"), (format) =>
      format.requiredObject("json_schema"),
    ),
    reasoningEffort: fields.string("reasoning_effort"),
  };
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
