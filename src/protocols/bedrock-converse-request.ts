import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { GenerateRequest, Message, ResponseFormat, ToolChoice, ToolDefinition } from "../core/request.ts";
import { readBlocks, readCachePoint, readMessage } from "./bedrock-converse-messages.ts";
import { BodyFields, definedOnly, type Undefinable } from "./body-fields.ts";
import type { RequestTarget } from "./protocol.ts";

/**
 * Reads a Converse body. Fields that we do not know are the provider's business: they stay in `original`.
 *
 * @throws HeadraceError `invalid-request` with `param` - a field is missing or has the wrong type.
 */
export function readRequest(body: JsonObject, { model = "", stream = true }: RequestTarget = {}): GenerateRequest {
  const fields = new BodyFields(body);
  const read: GenerateRequest = {
    model,
    messages: readMessages(fields),
    ...definedOnly(readTooling(fields)),
    ...definedOnly(readSampling(fields)),
    ...definedOnly(readOutput(fields)),
    ...definedOnly({ untranslatable: namesOfOwn(fields) }),
    wantsStream: stream,
    wantsUsage: true,
  };
  return { ...read, original: { protocol: "bedrock-converse", body, read } };
}

function readMessages(fields: BodyFields): Message[] {
  const messages = (fields.objects("messages") ?? []).map(readMessage);
  if (messages.length === 0) fields.fail("messages", "a list with at least one message");
  const system = fields.objects("system");
  return system === undefined ? messages : [{ role: "system", content: readBlocks(system) }, ...messages];
}

function readTooling(fields: BodyFields): Undefinable<Pick<GenerateRequest, "tools" | "toolChoice">> {
  const config = fields.object("toolConfig");
  const tools = config?.objects("tools");
  return { tools: tools && readTools(tools), toolChoice: readToolChoice(config?.object("toolChoice")) };
}

function readTools(entries: readonly BodyFields[]): ToolDefinition[] {
  const tools: ToolDefinition[] = [];
  for (const entry of entries) {
    const cache = readCachePoint(entry);
    const last = tools.at(-1);
    if (cache !== undefined && last !== undefined) last.cache = cache;
    // Tools that the provider runs itself go on unseen.
    const tool = entry.object("toolSpec");
    if (tool === undefined) continue;
    tools.push({
      kind: "function",
      name: tool.requiredString("name"),
      ...definedOnly({
        description: tool.string("description"),
        parameters: tool.object("inputSchema")?.object("json")?.body,
        strict: tool.boolean("strict"),
      }),
    });
  }
  return tools;
}

function readToolChoice(choice: BodyFields | undefined): ToolChoice | undefined {
  const named = choice?.object("tool");
  if (named !== undefined) return { name: named.requiredString("name") };
  if (choice?.value("any") !== undefined) return "required";
  return choice?.value("auto") === undefined ? undefined : "auto";
}

function readSampling(fields: BodyFields) {
  const config = fields.object("inferenceConfig");
  const more = modelFieldsOf(fields);
  const { top_k: topK } = more;
  return {
    maxOutputTokens: config?.integer("maxTokens", { min: 1 }),
    temperature: config?.number("temperature", { min: 0, max: 2 }),
    topP: config?.number("topP", { min: 0, max: 1 }),
    topK: typeof topK === "number" ? topK : undefined,
    stop: config?.strings("stopSequences"),
  };
}

function readOutput(fields: BodyFields) {
  const config = fields.object("outputConfig");
  const { thinking } = modelFieldsOf(fields);
  const budget = isJsonObject(thinking) ? thinking["budget_tokens"] : undefined;
  const isOff = isJsonObject(thinking) && thinking["type"] === "disabled";
  const metadata = fields.object("requestMetadata")?.body;
  return {
    reasoningEffort: config?.string("effort"),
    reasoningBudgetTokens: isOff ? 0 : typeof budget === "number" ? budget : undefined,
    responseFormat: readTextFormat(config?.object("textFormat")),
    serviceTier: fields.object("serviceTier")?.string("type"),
    metadata: metadata && onlyStrings(metadata),
  };
}

function readTextFormat(format: BodyFields | undefined): ResponseFormat | undefined {
  const written = format?.object("structure")?.object("jsonSchema");
  if (written === undefined) return undefined;
  const description = written.string("description");
  return {
    type: "json-schema",
    name: written.string("name") ?? "answer",
    schema: parseSchema(written),
    ...(description !== undefined && { description }),
  };
}

/** The schema is JSON within a string here. */
function parseSchema(written: BodyFields): JsonObject {
  try {
    const schema: unknown = JSON.parse(written.requiredString("schema"));
    if (isJsonObject(schema)) return schema;
  } catch {
    // Said below.
  }
  return written.fail("schema", "a JSON object, written as a string");
}

const ownFields = ["guardrailConfig", "performanceConfig", "promptVariables", "additionalModelResponseFieldPaths"];
const readModelFields = new Set(["top_k", "thinking"]);

/** What only Bedrock can be told. */
function namesOfOwn(fields: BodyFields): string[] | undefined {
  const names = ownFields.filter((name) => fields.value(name) !== undefined);
  const isOfModel = Object.keys(modelFieldsOf(fields)).some((name) => !readModelFields.has(name));
  if (isOfModel) names.push("additionalModelRequestFields");
  const tools = fields.object("toolConfig")?.objects("tools") ?? [];
  if (tools.some((tool) => tool.value("systemTool") !== undefined)) names.push("systemTool");
  return names.length === 0 ? undefined : names;
}

/** What a model takes beyond the fields that all have in common. */
function modelFieldsOf(fields: BodyFields): JsonObject {
  const more = fields.value("additionalModelRequestFields");
  return isJsonObject(more) ? more : {};
}

function onlyStrings(object: JsonObject): Record<string, string> {
  const entries = Object.entries(object).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(entries);
}
