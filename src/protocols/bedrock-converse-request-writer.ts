import { HeadraceError } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { GenerateRequest, Message, Part, ResponseFormat, ToolDefinition } from "../core/request.ts";
import { merged } from "./bedrock-converse-frames.ts";
import { cachePoint, mergeTurns, MessageWriter, type WrittenMessage } from "./bedrock-converse-messages-writer.ts";
import { ownModelFields, reasoningFields, topKFields, withMember } from "./bedrock-converse-model-fields.ts";
import { unsayable } from "./bedrock-converse-unsayable.ts";
import type { ProtocolQuirks, Warn } from "./protocol.ts";
import { warnOnce } from "./warn-once.ts";

/** The body for a provider: the caller's own where it spoke this protocol, with what was changed on the way. */
export function writeRequest(request: GenerateRequest, _quirks: ProtocolQuirks, tell: Warn): JsonObject {
  const { original } = request;
  const kept = original?.protocol === "bedrock-converse" ? original : undefined;
  const warn = warnOnce(tell);
  let body: JsonObject = { ...kept?.body };
  for (const [field, write] of Object.entries(writers) as [keyof typeof writers, FieldWriter][]) {
    if (kept === undefined || request[field] !== kept.read[field]) body = write(body, request, warn);
  }
  if (kept === undefined) unsayable(request, warn);
  if (kept === undefined || request.messages !== kept.read.messages) {
    body = { ...body, ...writeMessages(request, kept, warn) };
    if (body["system"] === undefined) delete body["system"];
  }
  return withNamedTools(body, request, warn);
}

/** Messages that nobody touched are sent as they came. */
function writeMessages({ messages }: GenerateRequest, kept: GenerateRequest["original"], warn: Warn): JsonObject {
  const raw = new Map<Message, JsonObject>();
  const spoken = kept?.read.messages.filter(({ role }) => !isSystem(role)) ?? [];
  const written = kept?.body["messages"];
  if (Array.isArray(written)) spoken.forEach((message, index) => raw.set(message, written[index] as JsonObject));

  const writer = new MessageWriter(warn);
  const system: JsonObject[] = [];
  const turns: WrittenMessage[] = [];
  const beforeAny = messages.findIndex(({ role }) => !isSystem(role));
  for (const [index, message] of messages.entries()) {
    if (!isSystem(message.role)) {
      turns.push((raw.get(message) as WrittenMessage | undefined) ?? writer.write(message));
      continue;
    }
    if (beforeAny !== -1 && index > beforeAny) {
      warn("messages: a system message from the middle was moved to the front, where Bedrock has its place");
    }
    const isKept = kept?.read.messages.includes(message) === true && Array.isArray(kept.body["system"]);
    system.push(...(isKept ? (kept.body["system"] as JsonObject[]) : writer.writeSystem(message.content)));
  }
  const body: JsonObject = { messages: trimmedAtEnd(mergeTurns(turns), warn) as unknown as Json };
  body["system"] = system.length > 0 ? system : undefined;
  return body;
}

function isSystem(role: Message["role"]): boolean {
  return role === "system" || role === "developer";
}

/** An answer to be continued must not end in white space. */
function trimmedAtEnd(turns: WrittenMessage[], warn: Warn): WrittenMessage[] {
  const last = turns.at(-1);
  const block = last?.content.at(-1);
  const text = block?.["text"];
  if (last?.role !== "assistant" || typeof text !== "string" || text === text.trimEnd()) return turns;
  warn("messages: white space at the end of the answer to be continued was left out; Bedrock refuses it");
  return [
    ...turns.slice(0, -1),
    { ...last, content: [...last.content.slice(0, -1), { ...block, text: text.trimEnd() }] },
  ];
}

type FieldWriter = (body: JsonObject, request: GenerateRequest, warn: Warn) => JsonObject;

function plainField(path: readonly string[], field: keyof GenerateRequest): FieldWriter {
  return (body, request) => withMember(body, path, request[field] as Json | undefined);
}

const writers = {
  tools: writeTooling,
  toolChoice: writeTooling,
  maxOutputTokens: plainField(["inferenceConfig", "maxTokens"], "maxOutputTokens"),
  temperature: plainField(["inferenceConfig", "temperature"], "temperature"),
  topP: plainField(["inferenceConfig", "topP"], "topP"),
  stop: plainField(["inferenceConfig", "stopSequences"], "stop"),
  topK: (body, request, warn) => withModelFields(body, ownModelFields.topK, topKFields(request, warn)),
  reasoningBudgetTokens: (body, request, warn) =>
    withModelFields(body, ownModelFields.reasoningBudgetTokens, reasoningFields(request, warn)),
  reasoningEffort: plainField(["outputConfig", "effort"], "reasoningEffort"),
  responseFormat: (body, { responseFormat }, warn) =>
    withMember(body, ["outputConfig", "textFormat"], writeTextFormat(responseFormat, warn)),
  serviceTier: (body, { serviceTier }, warn) =>
    withMember(body, ["serviceTier", "type"], writeServiceTier(serviceTier, warn)),
  metadata: writeMetadata,
  endUser: writeMetadata,
} satisfies Partial<Record<keyof GenerateRequest, FieldWriter>>;

function withModelFields(body: JsonObject, owned: readonly string[], fields: JsonObject | undefined): JsonObject {
  let result = body;
  for (const name of owned) result = withMember(result, ["additionalModelRequestFields", name], undefined);
  if (fields === undefined) return result;
  const before = result["additionalModelRequestFields"];
  return { ...result, additionalModelRequestFields: merged(isJsonObject(before) ? before : {}, fields) };
}

function writeTooling(body: JsonObject, { tools, toolChoice, messages }: GenerateRequest, warn: Warn): JsonObject {
  const { toolConfig: _, ...others } = body;
  if (tools === undefined || tools.length === 0) return others;
  if (toolChoice === "none") {
    // Without tools none can be called; but what was called before has to be described.
    if (!messages.some(hasToolUse)) return others;
    warn("toolChoice: `none` could not be said because tools were called before; the model may call one");
  }
  const toolConfig: JsonObject = { tools: tools.flatMap(writeTool) };
  if (toolChoice === "auto") toolConfig["toolChoice"] = { auto: {} };
  else if (toolChoice === "required") toolConfig["toolChoice"] = { any: {} };
  else if (typeof toolChoice === "object") toolConfig["toolChoice"] = { tool: { name: toolChoice.name } };
  return { ...others, toolConfig };
}

function writeTool({ kind, name, description, parameters, strict, cache }: ToolDefinition): JsonObject[] {
  if (kind === "custom") {
    throw new HeadraceError("invalid-request", `Bedrock has no tools with free text as input, as \`${name}\` is one`, {
      param: "tools",
    });
  }
  const toolSpec = {
    name,
    ...(description !== undefined && { description }),
    inputSchema: { json: parameters ?? { type: "object", properties: {} } },
    ...(strict !== undefined && { strict }),
  };
  return [{ toolSpec }, ...(cache === undefined ? [] : [cachePoint(cache)])];
}

/** Bedrock refuses calls and results of tools that it is told nothing of. */
function withNamedTools(body: JsonObject, { messages }: GenerateRequest, warn: Warn): JsonObject {
  if (body["toolConfig"] !== undefined || !messages.some(hasToolUse)) return body;
  const parts: Part[] = messages.flatMap(({ content }) => content);
  const names = new Set(parts.flatMap((part) => (part.type === "tool-call" ? [part.name] : [])));
  if (names.size === 0) return body;
  warn("tools: those that were called before were described by their name only; Bedrock wants to be told of them");
  const inputSchema = { json: { type: "object" } };
  return { ...body, toolConfig: { tools: Array.from(names, (name) => ({ toolSpec: { name, inputSchema } })) } };
}

function hasToolUse({ content }: Message): boolean {
  return content.some(({ type }) => type === "tool-call" || type === "tool-result");
}

function writeTextFormat(format: ResponseFormat | undefined, warn: Warn): JsonObject | undefined {
  if (format === undefined || format.type === "text") return undefined;
  if (format.type === "json") {
    warn("responseFormat: JSON without a schema cannot be asked of Bedrock; the prompt has to do");
    return undefined;
  }
  const { name, schema, description } = format;
  const jsonSchema = { schema: JSON.stringify(schema), name, ...(description !== undefined && { description }) };
  return { type: "json_schema", structure: { jsonSchema } };
}

const serviceTiers: ReadonlySet<string> = new Set(["default", "flex", "priority", "reserved"]);

function writeServiceTier(tier: string | undefined, warn: Warn): string | undefined {
  if (tier === undefined || tier === "auto") return undefined;
  if (serviceTiers.has(tier)) return tier;
  warn(`serviceTier: left out; Bedrock has ${[...serviceTiers].join(", ")}`);
  return undefined;
}

const metadataText = /^[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}$/;
const maxMetadata = 16;

function writeMetadata(body: JsonObject, { metadata, endUser }: GenerateRequest, warn: Warn): JsonObject {
  const all = Object.entries({ ...metadata, ...(endUser !== undefined && { user_id: endUser }) });
  const fitting = all.filter(([name, value]) => name !== "" && metadataText.test(name) && metadataText.test(value));
  if (fitting.length < all.length || fitting.length > maxMetadata) {
    warn("metadata: entries that Bedrock does not take were left out");
  }
  const { requestMetadata: _, ...others } = body;
  if (fitting.length === 0) return others;
  return { ...others, requestMetadata: Object.fromEntries(fitting.slice(0, maxMetadata)) };
}
