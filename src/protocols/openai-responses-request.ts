import { HeadraceError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { GenerateRequest, Message, ToolChoice, ToolDefinition } from "../core/request.ts";
import { BodyFields, definedOnly } from "./body-fields.ts";
import { readAllowedMode, readDefinition, readResponseFormat, readToolChoice } from "./openai-request-parts.ts";
import { type MessageOfItems, readItems } from "./openai-responses-items.ts";

/**
 * Reads a Responses body. Fields that we do not know are the provider's business: they stay in `original`.
 *
 * @throws HeadraceError `invalid-request` with `param` - a field is missing, has the wrong type, or names something that
 * only a server with a memory could know.
 */
export function readRequest(body: JsonObject): GenerateRequest {
  const fields = new BodyFields(body);
  refuseMemory(fields);
  const untranslatable = readUntranslatable(fields);
  const read: GenerateRequest = {
    model: fields.requiredString("model"),
    messages: readMessages(fields),
    ...definedOnly(readTooling(fields)),
    ...definedOnly(readSampling(fields)),
    ...definedOnly(readOutput(fields)),
    ...definedOnly(readLabels(fields)),
    ...(untranslatable.length > 0 && { untranslatable }),
    wantsStream: fields.boolean("stream") ?? false,
    wantsUsage: true,
  };
  return { ...read, original: { protocol: "openai-responses", body, read } };
}

function refuseMemory(fields: BodyFields): void {
  for (const key of ["previous_response_id", "conversation"]) {
    if (fields.value(key) === undefined) continue;
    throw new HeadraceError(
      "invalid-request",
      `\`${key}\` names something that is not kept here; send the conversation so far as \`input\``,
      { param: key },
    );
  }
}

function readMessages(fields: BodyFields): Message[] {
  const instructions = fields.string("instructions");
  const head: Message[] =
    instructions === undefined ? [] : [{ role: "system", content: [{ type: "text", text: instructions }] }];
  const input = fields.value("input");
  if (typeof input === "string") return [...head, { role: "user", content: [{ type: "text", text: input }] }];
  if (input === undefined && fields.value("prompt") !== undefined) return head;
  const messages = readInput(fields);
  if (messages.length === 0) return fields.fail("input", "a string or a list with at least one item");
  return [...head, ...messages.map(({ message }) => message)];
}

/** The messages of an input that is a list. */
export function readInput(fields: BodyFields): MessageOfItems[] {
  if (!Array.isArray(fields.value("input"))) return fields.fail("input", "a string or a list of items");
  return readItems(fields.objects("input") ?? []);
}

function readTooling(fields: BodyFields) {
  return {
    tools: fields.objects("tools")?.flatMap(readTool),
    toolChoice: readToolChoice(fields, "tool_choice", readNamedTool),
    parallelToolCalls: fields.boolean("parallel_tool_calls"),
  };
}

function readTool(tool: BodyFields): ToolDefinition[] {
  const kind = tool.requiredString("type");
  // Tools that the provider runs itself go on unseen; see `readUntranslatable`.
  return kind === "function" || kind === "custom" ? [readDefinition(kind, tool)] : [];
}

function readNamedTool(choice: BodyFields): ToolChoice | undefined {
  const type = choice.requiredString("type");
  if (type === "function" || type === "custom") return { name: choice.requiredString("name") };
  // Of tools that the provider runs itself nobody else knows.
  return type === "allowed_tools" ? readAllowedMode(choice) : undefined;
}

function readSampling(fields: BodyFields) {
  return {
    maxOutputTokens: fields.integer("max_output_tokens", { min: 1 }),
    temperature: fields.number("temperature", { min: 0, max: 2 }),
    topP: fields.number("top_p", { min: 0, max: 1 }),
  };
}

function readOutput(fields: BodyFields) {
  const include = fields.value("include");
  if (include !== undefined && !Array.isArray(include)) fields.fail("include", "a list of strings");
  const text = fields.object("text");
  const reasoning = fields.object("reasoning");
  const wantsLogprobs = Array.isArray(include) && include.includes("message.output_text.logprobs");
  return {
    logprobs: wantsLogprobs || undefined,
    topLogprobs: wantsLogprobs ? fields.integer("top_logprobs", { min: 0, max: 20 }) : undefined,
    responseFormat: readResponseFormat(text?.object("format"), (format) => format),
    verbosity: text?.string("verbosity"),
    reasoningEffort: reasoning?.string("effort"),
    reasoningSummary: reasoning?.string("summary") ?? reasoning?.string("generate_summary"),
  };
}

function readLabels(fields: BodyFields) {
  fields.boolean("store");
  fields.boolean("background");
  fields.object("stream_options")?.boolean("include_obfuscation");
  return {
    serviceTier: fields.string("service_tier"),
    cacheKey: fields.string("prompt_cache_key"),
    endUser: fields.string("safety_identifier") ?? fields.string("user"),
    metadata: fields.object("metadata")?.body as Record<string, string> | undefined,
  };
}

/** What only a provider of this protocol can do. */
function readUntranslatable(fields: BodyFields): string[] {
  const found: string[] = [];
  for (const tool of fields.objects("tools") ?? []) {
    const type = tool.requiredString("type");
    if (type !== "function" && type !== "custom") found.push(`tools: a tool of type ${type.slice(0, 40)}`);
  }
  const choice = fields.value("tool_choice");
  const type = isJsonObject(choice) ? fields.requiredObject("tool_choice").requiredString("type") : "function";
  if (!["function", "custom", "allowed_tools"].includes(type)) found.push(`tool_choice: of type ${type.slice(0, 40)}`);
  for (const key of ["prompt", "max_tool_calls", "context_management", "moderation"]) {
    if (fields.value(key) !== undefined) found.push(key);
  }
  if (fields.value("truncation") === "auto") found.push("truncation");
  return found;
}
