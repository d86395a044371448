import { HeadraceError } from "../core/errors.ts";
import type { ChatReference } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { GenerateRequest, ToolDefinition } from "../core/request.ts";
import { BodyFields, definedOnly } from "./body-fields.ts";
import { readToolChoice } from "./openai-request-parts.ts";
import { continuedMessage, readMessage } from "./ui-message-stream-messages.ts";

const maxChatId = 512;

/**
 * Reads what the AI SDK's `DefaultChatTransport` sends: `id`, `messages`, `trigger`, `messageId`, and whatever the
 * application adds as its `body`. Of that, `model`, `system`, `tools`, `toolChoice` and the AI SDK's call settings are
 * understood, under the names that they have there. Without a model it is the empty string, and the default one answers.
 */
export function readRequest(body: JsonObject): GenerateRequest {
  const fields = new BodyFields(body);
  const messages = fields.requiredObjects(
    "messages",
    "a list of UI messages with at least one, as the default transport sends them",
  );
  const tools = readTools(fields);
  const untranslatable = new Set<string>();
  const context = {
    customTools: new Set(tools?.flatMap(({ kind, name }) => (kind === "custom" ? [name] : []))),
    leftOut: (what: string): unknown => untranslatable.add(what),
  };
  const system = fields.string("system");
  const read: GenerateRequest = {
    model: fields.string("model") ?? "",
    messages: [
      ...(system === undefined
        ? []
        : [{ role: "system" as const, content: [{ type: "text" as const, text: system }] }]),
      ...messages.flatMap((message) => readMessage(message, context)),
    ],
    ...definedOnly({
      tools,
      toolChoice: readToolChoice(fields, "toolChoice", (choice) => ({ name: choice.requiredString("toolName") })),
      chat: readChat(fields, messages),
    }),
    ...definedOnly(readSettings(fields)),
    wantsStream: fields.boolean("stream") ?? true,
    wantsUsage: true,
    ...(untranslatable.size > 0 && { untranslatable: [...untranslatable] }),
  };
  return { ...read, original: { protocol: "ui-message-stream", body, read } };
}

function readSettings(fields: BodyFields) {
  return {
    maxOutputTokens: fields.integer("maxOutputTokens", { min: 1 }),
    temperature: fields.number("temperature", { min: 0, max: 2 }),
    topP: fields.number("topP", { min: 0, max: 1 }),
    topK: fields.integer("topK", { min: -1 }),
    presencePenalty: fields.number("presencePenalty", { min: -2, max: 2 }),
    frequencyPenalty: fields.number("frequencyPenalty", { min: -2, max: 2 }),
    stop: fields.strings("stopSequences"),
    seed: fields.integer("seed", { min: Number.MIN_SAFE_INTEGER }),
    reasoningEffort: fields.string("reasoningEffort"),
  };
}

/** A list of tools as OpenAI or the AI SDK's providers write them, or an object with a tool under each name. */
function readTools(fields: BodyFields): ToolDefinition[] | undefined {
  const tools = fields.value("tools");
  if (tools === undefined) return undefined;
  if (Array.isArray(tools)) {
    return (fields.objects("tools") ?? []).map((tool) => {
      const body = tool.object("function") ?? tool.object("custom") ?? tool;
      return readTool(body, body.requiredString("name"), tool.value("type") === "custom");
    });
  }
  const named = fields.requiredObject("tools");
  return Object.keys(named.body).map((name) => readTool(named.requiredObject(name), name, false));
}

function readTool(tool: BodyFields, name: string, isCustom: boolean): ToolDefinition {
  const description = tool.string("description");
  const described = { name, ...(description !== undefined && { description }) };
  if (isCustom) return { kind: "custom", ...described };
  const parameters = (tool.object("inputSchema") ?? tool.object("parameters"))?.body;
  const strict = tool.boolean("strict");
  return { kind: "function", ...described, ...definedOnly({ parameters: plainSchema(parameters), strict }) };
}

/** The AI SDK's `jsonSchema()` wraps a schema. */
function plainSchema(schema: JsonObject | undefined): JsonObject | undefined {
  return isJsonObject(schema?.["jsonSchema"]) ? schema["jsonSchema"] : schema;
}

function readChat(fields: BodyFields, messages: readonly BodyFields[]): ChatReference | undefined {
  const id = fields.string("id");
  if (id === undefined || id === "") return undefined;
  if (id.length > maxChatId) {
    throw new HeadraceError("invalid-request", `a chat's \`id\` has at most ${maxChatId} characters`, { param: "id" });
  }
  const message = continuedMessage(messages, fields.string("messageId"));
  const messageId = message?.["id"];
  if (typeof messageId !== "string" || messageId === "") return { id };
  const parts = message?.["parts"];
  return { id, continues: { messageId, parts: Array.isArray(parts) ? parts : [] } };
}
