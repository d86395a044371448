import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { GenerateRequest, Message, Part, ResponseFormat, ToolDefinition } from "../core/request.ts";
import { BodyFields, definedOnly } from "./body-fields.ts";
import { readImages, readMessages } from "./ollama-messages.ts";

/**
 * Reads a body of `/api/chat`. Fields that we do not know are the provider's business: they stay in `original`.
 *
 * @throws HeadraceError `invalid-request` with `param` - a field is missing or has the wrong type.
 */
export function readChatRequest(body: JsonObject): GenerateRequest {
  const fields = new BodyFields(body);
  const messages = fields.requiredObjects("messages", "a list with at least one message");
  const tools = fields.objects("tools")?.flatMap(readTool);
  const read: GenerateRequest = {
    model: fields.requiredString("model"),
    messages: readMessages(messages),
    ...(tools !== undefined && { tools }),
    ...readSettings(fields),
  };
  return { ...read, original: { protocol: "ollama-chat", body, read } };
}

/** Fields of `/api/generate` that change what the model is asked, and that no other protocol has. */
const ownOfGenerate = ["suffix", "context", "template", "raw"] as const;

/**
 * Reads a body of `/api/generate`.
 *
 * @throws HeadraceError `invalid-request` with `param`.
 */
export function readGenerateRequest(body: JsonObject): GenerateRequest {
  const fields = new BodyFields(body);
  const system = fields.string("system");
  const prompt: Part[] = [{ type: "text", text: fields.requiredString("prompt") }, ...readImages(fields)];
  for (const key of ownOfGenerate) {
    const value = fields.value(key);
    const isSet = value !== undefined && value !== "" && value !== false;
    if (isSet) prompt.push({ type: "untranslatable", what: `the field \`${key}\` of Ollama's /api/generate` });
  }
  const messages: Message[] = [{ role: "user", content: prompt }];
  if (system) messages.unshift({ role: "system", content: [{ type: "text", text: system }] });
  const read: GenerateRequest = { model: fields.requiredString("model"), messages, ...readSettings(fields) };
  return { ...read, original: { protocol: "ollama-generate", body, read } };
}

function readTool(tool: BodyFields): ToolDefinition[] {
  const body = tool.requiredObject("function");
  const description = body.string("description");
  const parameters = body.object("parameters")?.body;
  return [
    {
      kind: "function",
      name: body.requiredString("name"),
      ...(description !== undefined && { description }),
      ...(parameters !== undefined && { parameters }),
    },
  ];
}

type Settings = Omit<GenerateRequest, "model" | "messages" | "tools" | "original">;

function readSettings(fields: BodyFields): Settings {
  const options = fields.object("options") ?? new BodyFields({}, fields.pathOf("options"));
  const limit = options.integer("num_predict", { min: -2 });
  const settings = {
    // Below one it means "no limit" or "until the context is full", which is the default.
    maxOutputTokens: limit !== undefined && limit > 0 ? limit : undefined,
    temperature: options.number("temperature", { min: 0, max: 100 }),
    topP: options.number("top_p", { min: 0, max: 1 }),
    topK: options.integer("top_k", { min: -1 }),
    presencePenalty: options.number("presence_penalty", { min: -2, max: 2 }),
    frequencyPenalty: options.number("frequency_penalty", { min: -2, max: 2 }),
    stop: options.stringOrStrings("stop"),
    seed: options.integer("seed", { min: Number.MIN_SAFE_INTEGER }),
    logprobs: fields.boolean("logprobs"),
    topLogprobs: fields.integer("top_logprobs", { min: 0, max: 20 }),
    responseFormat: readFormat(fields),
    ...readThink(fields),
    // Ollama streams unless it is told not to, and always counts.
    wantsStream: fields.boolean("stream") ?? true,
    wantsUsage: true,
  };
  return definedOnly(settings);
}

function readFormat(fields: BodyFields): ResponseFormat | undefined {
  const format = fields.value("format");
  if (format === undefined || format === "") return undefined;
  if (format === "json") return { type: "json" };
  if (isJsonObject(format)) return { type: "json-schema", name: "response", schema: format };
  return fields.fail("format", "`json` or a JSON schema");
}

/** `false` asks not to think at all, a word how much; `true` says what a model that thinks does anyway. */
function readThink(fields: BodyFields): Pick<Settings, "reasoningEffort" | "reasoningBudgetTokens"> {
  const think = fields.value("think");
  if (think === undefined) return {};
  // Not as an effort: vendors refuse efforts for models that do not think, while this is harmless.
  if (think === false) return { reasoningBudgetTokens: 0 };
  if (think === true) return { reasoningEffort: "medium" };
  return typeof think === "string" ? { reasoningEffort: think } : fields.fail("think", "true, false, or a level");
}
