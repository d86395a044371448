import { HeadraceError } from "../core/errors.ts";
import type { ProtocolName } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { GenerateRequest, Message, ToolDefinition } from "../core/request.ts";
import { setField } from "./body-fields.ts";
import { toolNames, writeMessage, writeParts } from "./ollama-messages.ts";
import type { ProtocolQuirks, Warn } from "./protocol.ts";

type Original = NonNullable<GenerateRequest["original"]>;

/** The body for `/api/chat`: the caller's own where it spoke this protocol, with what was changed on the way. */
export function writeChatRequest(request: GenerateRequest, _quirks: ProtocolQuirks, warn: Warn): JsonObject {
  const kept = originalOf(request, "ollama-chat");
  const body: JsonObject = { ...startingBody(request, kept), model: request.model };
  body["messages"] = writeMessages(request, kept, warn);
  if (kept === undefined || request.tools !== kept.read.tools || request.toolChoice !== kept.read.toolChoice) {
    setField(body, "tools", writeTools(request));
  }
  return finishBody(body, request, warn);
}

/**
 * The body for `/api/generate`, which takes one prompt and perhaps a system text.
 *
 * @throws HeadraceError `invalid-request` - the request is a conversation, or has tools.
 */
export function writeGenerateRequest(request: GenerateRequest, _quirks: ProtocolQuirks, warn: Warn): JsonObject {
  const kept = originalOf(request, "ollama-generate");
  const body: JsonObject = { ...startingBody(request, kept), model: request.model };
  if (kept === undefined || request.messages !== kept.read.messages) Object.assign(body, writePrompt(request));
  if ((request.tools ?? []).length > 0) throw cannotSay("tools", "Ollama's /api/generate has no tools");
  return finishBody(body, request, warn);
}

function originalOf({ original }: GenerateRequest, protocol: ProtocolName): Original | undefined {
  return original?.protocol === protocol ? original : undefined;
}

/** Fields that both of Ollama's protocols have, and that we may not know. */
const shared = ["options", "keep_alive", "truncate", "shift", "think", "format", "logprobs", "top_logprobs"] as const;

function startingBody({ original }: GenerateRequest, kept: Original | undefined): JsonObject {
  if (kept !== undefined) return kept.body;
  if (original?.protocol !== "ollama-chat" && original?.protocol !== "ollama-generate") return {};
  const { body } = original;
  return Object.fromEntries(shared.flatMap((key) => (body[key] === undefined ? [] : [[key, body[key]]])));
}

/** Messages that nobody touched are sent as they came. */
function writeMessages(request: GenerateRequest, kept: Original | undefined, warn: Warn): JsonObject[] {
  const raw = new Map<Message, JsonObject>();
  const rawMessages = kept?.body["messages"];
  if (kept !== undefined && Array.isArray(rawMessages)) {
    kept.read.messages.forEach((message, index) => raw.set(message, rawMessages[index] as JsonObject));
  }
  const names = toolNames(request);
  return request.messages.flatMap((message) => {
    const asItCame = raw.get(message);
    return asItCame === undefined ? writeMessage(message, names, warn) : [asItCame];
  });
}

function writePrompt({ messages }: GenerateRequest): JsonObject {
  const system = messages.filter(({ role }) => role === "system" || role === "developer");
  const rest = messages.filter((message) => !system.includes(message));
  const [only] = rest;
  if (rest.length !== 1 || only?.role !== "user") {
    throw cannotSay(
      "messages",
      "Ollama's /api/generate takes a single user message; use a provider that speaks /api/chat",
    );
  }
  const { content, images } = writeParts(only.content);
  const texts = system.map((message) => writeParts(message.content)["content"]);
  return {
    prompt: content,
    ...(images !== undefined && { images }),
    ...(texts.length > 0 && { system: texts.join("\n\n") }),
  };
}

function writeTools({ tools, toolChoice }: GenerateRequest): JsonObject[] | undefined {
  // Without a choice of tools, a model that must not call any is not shown any.
  if (tools === undefined || toolChoice === "none") return undefined;
  if (toolChoice === "required" || typeof toolChoice === "object") {
    throw cannotSay("tool_choice", "Ollama cannot be told that a tool has to be called; leave it to the model");
  }
  return tools.map(writeTool);
}

function writeTool({ kind, name, description, parameters }: ToolDefinition): JsonObject {
  if (kind === "custom") throw cannotSay("tools", `Ollama has function tools only, and ${name} takes free text`);
  return {
    type: "function",
    function: {
      name,
      ...(description !== undefined && { description }),
      parameters: parameters ?? { type: "object", properties: {} },
    },
  };
}

function finishBody(body: JsonObject, request: GenerateRequest, warn: Warn): JsonObject {
  const before = readBefore(request);
  const options: JsonObject = { ...(isJsonObject(body["options"]) ? body["options"] : {}) };
  for (const [field, name] of Object.entries(optionNames) as [keyof typeof optionNames, string][]) {
    if (request[field] !== before?.[field]) setField(options, name, request[field] as Json | undefined);
  }
  if (Object.keys(options).length > 0 || body["options"] !== undefined) body["options"] = options;
  for (const [field, write] of Object.entries(writers) as [keyof typeof writers, FieldWriter][]) {
    if (request[field] !== before?.[field]) write(body, request, warn);
  }
  warnOfTheRest(request, warn);
  body["stream"] = true;
  return body;
}

/** What the caller's own fields, which were copied, already say. */
function readBefore({ original }: GenerateRequest): GenerateRequest | undefined {
  return original?.protocol === "ollama-chat" || original?.protocol === "ollama-generate" ? original.read : undefined;
}

const optionNames = {
  maxOutputTokens: "num_predict",
  temperature: "temperature",
  topP: "top_p",
  topK: "top_k",
  presencePenalty: "presence_penalty",
  frequencyPenalty: "frequency_penalty",
  stop: "stop",
  seed: "seed",
} as const satisfies Partial<Record<keyof GenerateRequest, string>>;

type FieldWriter = (body: JsonObject, request: GenerateRequest, warn: Warn) => void;

const writers = {
  logprobs: (body, { logprobs }) => setField(body, "logprobs", logprobs),
  topLogprobs: (body, { topLogprobs }) => setField(body, "top_logprobs", topLogprobs),
  responseFormat: (body, { responseFormat }) => setField(body, "format", writeFormat(responseFormat)),
  reasoningEffort: (body, request, warn) => setField(body, "think", writeThink(request, warn)),
  reasoningBudgetTokens: (body, request, warn) => setField(body, "think", writeThink(request, warn)),
} satisfies Partial<Record<keyof GenerateRequest, FieldWriter>>;

function writeFormat(format: GenerateRequest["responseFormat"]): Json | undefined {
  if (format === undefined || format.type === "text") return undefined;
  return format.type === "json" ? "json" : format.schema;
}

const levels: Readonly<Record<string, boolean | string>> = {
  none: false,
  minimal: "low",
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "high",
};

function writeThink({ reasoningEffort, reasoningBudgetTokens }: GenerateRequest, warn: Warn): Json | undefined {
  if (reasoningEffort !== undefined) return levels[reasoningEffort] ?? reasoningEffort;
  if (reasoningBudgetTokens === undefined) return undefined;
  if (reasoningBudgetTokens > 0) warn("reasoning budget: Ollama cannot limit it, so it only turns thinking on");
  return reasoningBudgetTokens > 0;
}

const without: readonly [keyof GenerateRequest, string][] = [
  ["reasoningSummary", "reasoning summary: Ollama has none, thinking comes as it is"],
  ["verbosity", "verbosity: Ollama does not know it"],
  ["serviceTier", "service tier: Ollama has only one"],
  ["cacheKey", "prompt cache key: Ollama keeps its own cache"],
  ["endUser", "user: Ollama does not ask who"],
  ["metadata", "metadata: Ollama keeps none"],
];

function warnOfTheRest(request: GenerateRequest, warn: Warn): void {
  for (const [field, why] of without) if (request[field] !== undefined) warn(why);
  if (request.parallelToolCalls === false) warn("parallel tool calls: Ollama cannot be told to make one at a time");
  if (request.tools?.some(({ strict }) => strict === true)) warn("tools: Ollama does not know `strict`");
  if ((request.choices ?? 1) > 1) throw cannotSay("n", "Ollama gives one answer at a time; ask several times instead");
  const hasHints = request.tools?.some(({ cache }) => cache !== undefined) === true || hasCacheHint(request.messages);
  if (hasHints) warn("cache hints: Ollama keeps its own cache");
}

function hasCacheHint(messages: readonly Message[]): boolean {
  return messages.some(({ content }) => content.some((part) => "cache" in part && part.cache !== undefined));
}

function cannotSay(param: string, message: string): HeadraceError {
  return new HeadraceError("invalid-request", message, { param });
}
