import type { JsonObject } from "../core/json.ts";
import type { GenerateRequest, Message, ResponseFormat, ToolChoice, ToolDefinition } from "../core/request.ts";
import { readCache, readMessage, readSystem } from "./anthropic-messages-parts.ts";
import { BodyFields, definedOnly } from "./body-fields.ts";

/**
 * Reads a Messages body. Fields that we do not know are the provider's business: they stay in `original`.
 *
 * @throws HeadraceError `invalid-request` with `param` - a field is missing or has the wrong type.
 */
export function readRequest(body: JsonObject): GenerateRequest {
  const fields = new BodyFields(body);
  const read: GenerateRequest = {
    model: fields.requiredString("model"),
    messages: readMessages(fields),
    maxOutputTokens: fields.integer("max_tokens", { min: 0 }) ?? fields.fail("max_tokens", "a whole number"),
    ...definedOnly(readTooling(fields)),
    ...definedOnly(readSampling(fields)),
    ...definedOnly(readThinking(fields)),
    ...definedOnly(readRest(fields)),
    wantsStream: fields.boolean("stream") ?? false,
    wantsUsage: true,
  };
  return { ...read, original: { protocol: "anthropic-messages", body, read } };
}

/** The system text is a message of its own, the first; each message of the body is one of ours behind it. */
function readMessages(fields: BodyFields): Message[] {
  const messages = fields.requiredObjects("messages", "a list with at least one message");
  return [...readSystem(fields), ...messages.map(readMessage)];
}

function readTooling(fields: BodyFields) {
  const choice = fields.object("tool_choice");
  const disablesParallel = choice?.boolean("disable_parallel_tool_use");
  return {
    tools: fields.objects("tools")?.flatMap(readTool),
    toolChoice: choice === undefined ? undefined : readToolChoice(choice),
    parallelToolCalls: disablesParallel === undefined ? undefined : !disablesParallel,
  };
}

function isServerTool(tool: BodyFields): boolean {
  const type = tool.string("type");
  return type !== undefined && type !== "custom";
}

function readTool(tool: BodyFields): ToolDefinition[] {
  // Tools that Anthropic runs itself, or has trained its models on, go on unseen.
  if (isServerTool(tool)) return [];
  return [
    definedOnly({
      kind: "function" as const,
      name: tool.requiredString("name"),
      description: tool.string("description"),
      parameters: tool.object("input_schema")?.body,
      strict: tool.boolean("strict"),
      cache: readCache(tool),
    }) as ToolDefinition,
  ];
}

function readToolChoice(choice: BodyFields): ToolChoice {
  const type = choice.requiredString("type");
  if (type === "auto" || type === "none") return type;
  if (type === "any") return "required";
  return type === "tool" ? { name: choice.requiredString("name") } : choice.fail("type", "auto, any, tool or none");
}

function readSampling(fields: BodyFields) {
  return {
    temperature: fields.number("temperature", { min: 0, max: 1 }),
    topP: fields.number("top_p", { min: 0, max: 1 }),
    topK: fields.integer("top_k", { min: 0 }),
    stop: fields.strings("stop_sequences"),
  };
}

function readThinking(fields: BodyFields) {
  const effort = fields.object("output_config")?.string("effort");
  const thinking = fields.object("thinking");
  if (thinking === undefined) return { reasoningEffort: effort };
  const type = thinking.requiredString("type");
  if (type === "disabled") return { reasoningEffort: effort, reasoningBudgetTokens: 0 };
  return {
    reasoningEffort: effort,
    reasoningBudgetTokens: type === "enabled" ? thinking.integer("budget_tokens", { min: 1 }) : undefined,
    reasoningSummary: thinking.string("display") === "omitted" ? "none" : "auto",
  };
}

function readRest(fields: BodyFields) {
  const tier = fields.string("service_tier");
  return {
    responseFormat: readFormat(fields.object("output_config")?.object("format")),
    serviceTier: tier === "standard_only" ? "default" : tier,
    endUser: fields.object("metadata")?.string("user_id"),
    untranslatable: untranslatableOf(fields),
  };
}

function readFormat(format: BodyFields | undefined): ResponseFormat | undefined {
  if (format === undefined) return undefined;
  if (format.requiredString("type") !== "json_schema") return format.fail("type", "json_schema");
  return { type: "json-schema", name: "answer", schema: format.requiredObject("schema").body, strict: true };
}

const translatable: ReadonlySet<string> = new Set(
  (
    "model messages max_tokens system tools tool_choice temperature top_p top_k stream stop_sequences output_config " +
    "thinking service_tier metadata"
  ).split(" "),
);

/** What only a provider of this protocol can be told. */
function untranslatableOf(fields: BodyFields): string[] | undefined {
  const names = Object.keys(fields.body).filter((name) => !translatable.has(name) && fields.value(name) !== undefined);
  const tools = (fields.objects("tools") ?? []).filter(isServerTool).map((tool) => `tool ${tool.string("type")}`);
  const all = [...names, ...tools].map((name) => name.slice(0, 60));
  return all.length === 0 ? undefined : all;
}
