import { HeadraceError } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { GenerateRequest, Message, ToolDefinition } from "../core/request.ts";
import { writeCache, writeMessages } from "./anthropic-messages-message-writer.ts";
import { defaultMaxTokens } from "./anthropic-messages-models.ts";
import { type Thinking, writeThinking } from "./anthropic-messages-thinking.ts";
import { setField } from "./body-fields.ts";
import type { ProtocolQuirks, Warn } from "./protocol.ts";

/** The body for a provider: the caller's own where it spoke this protocol, with what was changed on the way. */
export function writeRequest(request: GenerateRequest, _quirks: ProtocolQuirks, warn: Warn): JsonObject {
  const { original } = request;
  const kept = original?.protocol === "anthropic-messages" ? original : undefined;
  const body: JsonObject = { ...kept?.body, model: request.model };
  const isChanged = (field: keyof GenerateRequest): boolean =>
    kept === undefined ? request[field] !== undefined : request[field] !== kept.read[field];
  writeConversation(body, request, kept, warn);
  for (const [field, write] of Object.entries(writers) as [keyof typeof writers, FieldWriter][]) {
    if (isChanged(field)) write(body, request, warn);
  }
  writeLimits(body, request, isChanged, warn);
  for (const [field, say] of unsayable) if (isChanged(field)) say(request, warn);
  body["max_tokens"] ??= defaultMaxTokens(request.model);
  body["stream"] = true;
  return body;
}

/** Messages that nobody touched are sent as they came, unless there is reasoning in them that Anthropic did not sign. */
function writeConversation(
  body: JsonObject,
  { messages, responseFormat }: GenerateRequest,
  kept: GenerateRequest["original"],
  warn: Warn,
): void {
  const raw = rawMessages(kept);
  const first = messages[0];
  const system = first !== undefined && raw.systemMessage === first ? first : undefined;
  const rest = system === undefined ? messages : messages.slice(1);
  const written = writeMessages(rest, (message) => raw.messages.get(message), warn);
  if (system === undefined) delete body["system"];
  const blocks = written.system;
  if (responseFormat?.type === "json") {
    warn("response_format: Anthropic knows JSON by a schema only, so JSON is asked for in the system text");
    blocks.push({ type: "text", text: "Answer with one JSON object and nothing else." });
  }
  if (blocks.length > 0) body["system"] = joinSystem(body["system"], blocks);
  body["messages"] = written.messages.length > 0 ? trimPrefill(written.messages, warn) : saySystemAsUser(body, warn);
}

function joinSystem(before: Json | undefined, blocks: JsonObject[]): Json {
  const blocksBefore = typeof before === "string" ? [{ type: "text", text: before }] : ((before ?? []) as JsonObject[]);
  const all = [...blocksBefore, ...blocks];
  const isPlain = all.length === 1 && Object.keys(all[0] as JsonObject).length === 2;
  return isPlain ? ((all[0] as JsonObject)["text"] as string) : all;
}

/** There has to be a message. */
function saySystemAsUser(body: JsonObject, warn: Warn): JsonObject[] {
  const system = body["system"];
  if (system === undefined) {
    throw new HeadraceError("invalid-request", "`messages` says nothing", { param: "messages" });
  }
  warn("messages: there is no user message, so the system text is sent as one");
  delete body["system"];
  return [{ role: "user", content: system }];
}

/** A begun answer must not end with white space. */
function trimPrefill(messages: JsonObject[], warn: Warn): JsonObject[] {
  const last = messages.at(-1) as JsonObject;
  const content = last["content"];
  const block = Array.isArray(content) ? (content.at(-1) as JsonObject | undefined) : undefined;
  const text = block?.["type"] === "text" ? block["text"] : undefined;
  if (last["role"] !== "assistant" || typeof text !== "string" || text === text.trimEnd()) return messages;
  warn("messages: white space at the end of the begun answer is left out");
  const blocks = [...(content as JsonObject[]).slice(0, -1), { ...block, text: text.trimEnd() }];
  return [...messages.slice(0, -1), { ...last, content: blocks }];
}

interface RawMessages {
  systemMessage: Message | undefined;
  messages: ReadonlyMap<Message, JsonObject>;
}

function rawMessages(kept: GenerateRequest["original"]): RawMessages {
  const messages = new Map<Message, JsonObject>();
  if (kept === undefined) return { systemMessage: undefined, messages };
  const hasSystem = (kept.body["system"] ?? undefined) !== undefined;
  const offset = hasSystem ? 1 : 0;
  (kept.body["messages"] as JsonObject[]).forEach((raw, index) => {
    const message = kept.read.messages[index + offset];
    if (message !== undefined && isOwnReasoning(message)) messages.set(message, raw);
  });
  return { systemMessage: hasSystem ? kept.read.messages[0] : undefined, messages };
}

function isOwnReasoning({ content }: Message): boolean {
  return content.every((part) => part.type !== "reasoning" || part.from === "anthropic-messages");
}

type FieldWriter = (body: JsonObject, request: GenerateRequest, warn: Warn) => void;

const writers = {
  tools: (body, { tools }) => setField(body, "tools", tools?.map(writeTool)),
  toolChoice: writeToolChoice,
  parallelToolCalls: writeToolChoice,
  topP: (body, { topP }) => setField(body, "top_p", topP),
  topK: (body, { topK }, warn) => {
    if (topK !== undefined && topK < 1) warn("top_k: has to be at least 1 here");
    setField(body, "top_k", topK === undefined || topK < 1 ? undefined : topK);
  },
  stop: (body, { stop }, warn) => {
    const said = stop?.filter((text) => text.trim() !== "");
    if (said?.length !== stop?.length) warn("stop: strings of white space only are refused by Anthropic");
    setField(body, "stop_sequences", said === undefined || said.length === 0 ? undefined : said);
  },
  responseFormat: (body, { responseFormat }) => {
    const format = responseFormat?.type === "json-schema" ? responseFormat : undefined;
    setOutput(body, "format", format && { type: "json_schema", schema: format.schema });
  },
  serviceTier: (body, { serviceTier }, warn) => {
    const tier = serviceTier === "default" ? "standard_only" : serviceTier;
    const isKnown = tier === undefined || tier === "auto" || tier === "standard_only";
    if (!isKnown) warn(`service_tier: Anthropic has no tier ${tier.slice(0, 40)}`);
    setField(body, "service_tier", isKnown ? tier : undefined);
  },
  endUser: (body, { endUser }) => setField(body, "metadata", endUser === undefined ? undefined : { user_id: endUser }),
} satisfies Partial<Record<keyof GenerateRequest, FieldWriter>>;

function setOutput(body: JsonObject, name: string, value: Json | undefined): void {
  const config = { ...(body["output_config"] as JsonObject | undefined) };
  setField(config, name, value);
  setField(body, "output_config", Object.keys(config).length === 0 ? undefined : config);
}

function writeTool(tool: ToolDefinition, index: number): JsonObject {
  const { kind, name, description, parameters, strict, cache } = tool;
  if (kind === "custom") {
    const param = `tools[${index}]`;
    throw new HeadraceError("invalid-request", `\`${param}\` takes free text; Anthropic's tools take JSON`, { param });
  }
  return {
    name,
    ...(description !== undefined && { description }),
    input_schema: { type: "object", ...parameters },
    ...(strict !== undefined && { strict }),
    ...(cache !== undefined && { cache_control: writeCache(cache) }),
  };
}

function writeToolChoice(body: JsonObject, { toolChoice, parallelToolCalls, tools }: GenerateRequest): void {
  const isAlone = parallelToolCalls === false ? { disable_parallel_tool_use: true } : {};
  const choice = toolChoice ?? (parallelToolCalls === false ? "auto" : undefined);
  if (choice === undefined || tools === undefined || tools.length === 0) delete body["tool_choice"];
  else if (choice === "none") body["tool_choice"] = { type: "none" };
  else if (typeof choice === "object") body["tool_choice"] = { type: "tool", name: choice.name, ...isAlone };
  else body["tool_choice"] = { type: choice === "required" ? "any" : "auto", ...isAlone };
}

/** Thinking, the most tokens and the temperature depend on each other. */
function writeLimits(
  body: JsonObject,
  request: GenerateRequest,
  isChanged: (field: keyof GenerateRequest) => boolean,
  warn: Warn,
): void {
  if (isChanged("maxOutputTokens")) setField(body, "max_tokens", request.maxOutputTokens);
  if (isChanged("reasoningEffort") || isChanged("reasoningBudgetTokens") || isChanged("reasoningSummary")) {
    const limit = (body["max_tokens"] as number | undefined) ?? defaultMaxTokens(request.model);
    const { thinking, effort }: Thinking = writeThinking(request, limit, warn);
    const isRefused =
      thinking !== undefined && thinking["type"] !== "disabled" && refusesThinking(body, thinking, warn);
    setField(body, "thinking", isRefused ? undefined : thinking);
    setOutput(body, "effort", effort);
  }
  if (!isChanged("temperature")) return;
  const { temperature } = request;
  const thinks = body["thinking"] !== undefined && (body["thinking"] as JsonObject)["type"] !== "disabled";
  if (temperature !== undefined && thinks) warn("temperature: not possible together with thinking");
  else if (temperature !== undefined && temperature > 1) warn("temperature: 1 is the most that Anthropic takes");
  setField(body, "temperature", temperature === undefined || thinks ? undefined : Math.min(1, temperature));
}

/** Where asking for thoughts would cost the answer. */
function refusesThinking(body: JsonObject, thinking: JsonObject, warn: Warn): boolean {
  const choice = (body["tool_choice"] as JsonObject | undefined)?.["type"];
  if (choice === "any" || choice === "tool") {
    warn("reasoning_effort: a model that has to call a tool cannot think first");
    return true;
  }
  if (thinking["type"] !== "enabled" || !goesOnWithoutThoughts(body["messages"] as JsonObject[])) return false;
  warn(
    "reasoning_effort: the thoughts behind the last tool calls are not Anthropic's, so there are none behind the rest",
  );
  return true;
}

/** The last answer called tools, and its thoughts, which have to come back with their results, are not there. */
function goesOnWithoutThoughts(messages: JsonObject[]): boolean {
  const content = messages.findLast(({ role }) => role === "assistant")?.["content"];
  if (messages.at(-1)?.["role"] !== "user" || !Array.isArray(content)) return false;
  const types = new Set(content.map((block) => (block as JsonObject)["type"]));
  return types.has("tool_use") && !types.has("thinking") && !types.has("redacted_thinking");
}

type Say = (request: GenerateRequest, warn: Warn) => void;

const leaveOut =
  (name: string): Say =>
  (_request, warn) =>
    warn(`${name}: Anthropic has no such setting`);

const leaveOutNumber =
  (name: string, field: "presencePenalty" | "frequencyPenalty"): Say =>
  (request, warn) => {
    if (request[field] !== 0) leaveOut(name)(request, warn);
  };

/** What Anthropic has no words for. */
const unsayable: readonly [keyof GenerateRequest, Say][] = [
  ["seed", leaveOut("seed")],
  ["presencePenalty", leaveOutNumber("presence_penalty", "presencePenalty")],
  ["frequencyPenalty", leaveOutNumber("frequency_penalty", "frequencyPenalty")],
  ["verbosity", leaveOut("verbosity")],
  ["cacheKey", leaveOut("prompt_cache_key")],
  ["metadata", leaveOut("metadata")],
  [
    "logprobs",
    (request, warn) => {
      if (request.logprobs === true) leaveOut("logprobs")(request, warn);
    },
  ],
  [
    "choices",
    ({ choices = 1 }) => {
      if (choices === 1) return;
      throw new HeadraceError("invalid-request", "`n` must be 1: Anthropic gives one answer at a time", { param: "n" });
    },
  ],
];
