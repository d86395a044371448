import { HeadraceError } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { GenerateRequest, Message, ResponseFormat, ToolChoice, ToolDefinition } from "../core/request.ts";
import { textOf } from "../core/request.ts";
import { BodyFields, plainField, setField } from "./body-fields.ts";
import { ItemWriter } from "./openai-responses-item-writer.ts";
import { readInput } from "./openai-responses-request.ts";
import type { ProtocolQuirks, Warn } from "./protocol.ts";

type Original = NonNullable<GenerateRequest["original"]>;

/** The body for a provider: the caller's own where it spoke this protocol, with what was changed on the way. */
export function writeRequest(request: GenerateRequest, quirks: ProtocolQuirks, warn: Warn): JsonObject {
  const { original } = request;
  const kept = original?.protocol === "openai-responses" ? original : undefined;
  const body: JsonObject = { ...kept?.body, model: request.model };
  for (const [field, write] of Object.entries(writers) as [keyof typeof writers, FieldWriter][]) {
    if (kept === undefined || request[field] !== kept.read[field]) write(body, request);
  }
  writeMessages(body, request, kept, warn);
  if (kept === undefined) writeForeign(body, request);
  refuseUnsayable(request, warn);
  body["stream"] = true;
  writeBackground(body, kept, quirks, warn);
  return body;
}

/** The gateway does what a caller asks for with `background`, also for providers that cannot; they are asked on our own behalf. */
function writeBackground(
  body: JsonObject,
  kept: Original | undefined,
  { background }: ProtocolQuirks,
  warn: Warn,
): void {
  delete body["background"];
  if (background !== true) return;
  if (kept?.body["store"] === false) {
    warn("store: what is not stored cannot be made in the background, so this answer cannot be resumed");
    return;
  }
  body["background"] = true;
  body["store"] = true;
}

/** What callers of other protocols mean without saying it. */
function writeForeign(body: JsonObject, { reasoningEffort, logprobs }: GenerateRequest): void {
  // They send the conversation again each time, so nothing needs to be kept for them, and they did not ask for it.
  body["store"] = false;
  const include: string[] = [];
  // Reasoning that is kept nowhere has to come along to be sent again.
  if (reasoningEffort !== undefined && reasoningEffort !== "none") include.push("reasoning.encrypted_content");
  if (logprobs === true) include.push("message.output_text.logprobs");
  if (include.length > 0) body["include"] = include;
}

const unsayable = {
  stop: "stop sequences",
  seed: "a seed",
  topK: "top_k",
  presencePenalty: "penalties",
  frequencyPenalty: "penalties",
} satisfies Partial<Record<keyof GenerateRequest, string>>;

function refuseUnsayable(request: GenerateRequest, warn: Warn): void {
  if ((request.choices ?? 1) > 1) {
    throw new HeadraceError("invalid-request", "this provider gives one answer per request; leave `n` out", {
      param: "n",
    });
  }
  for (const [field, what] of Object.entries(unsayable)) {
    if (request[field as keyof typeof unsayable] !== undefined) warn(`${field}: OpenAI Responses has no ${what}`);
  }
}

/** Messages that nobody touched are sent as they came. */
function writeMessages(body: JsonObject, request: GenerateRequest, kept: Original | undefined, warn: Warn): void {
  const { messages } = request;
  if (kept !== undefined && messages === kept.read.messages) return;
  const raw = kept === undefined ? new Map<Message, Json[]>() : rawItems(kept);
  const [first] = messages;
  const isHead = first !== undefined && isInstructions(first, kept);
  setField(body, "instructions", isHead ? textOf(first.content) : undefined);
  const writer = new ItemWriter(warn);
  body["input"] = (isHead ? messages.slice(1) : messages).flatMap(
    (message) => raw.get(message) ?? writer.write(message),
  );
}

function isInstructions(message: Message, kept: Original | undefined): boolean {
  if (message.role !== "system" || message.content.some(({ type }) => type !== "text")) return false;
  // A caller of this protocol has said which of them is meant as instructions.
  return kept === undefined || message === kept.read.messages[0];
}

function rawItems({ body, read }: Original): Map<Message, Json[]> {
  const { input } = body;
  const raw = new Map<Message, Json[]>();
  if (!Array.isArray(input)) return raw;
  const groups = readInput(new BodyFields(body));
  const offset = read.messages.length - groups.length;
  groups.forEach(({ first, count }, index) => {
    const message = read.messages[offset + index];
    if (message !== undefined) raw.set(message, input.slice(first, first + count));
  });
  return raw;
}

type FieldWriter = (body: JsonObject, request: GenerateRequest) => void;

/** A member of an object of the body. */
function innerField(outer: string, name: string, value: (request: GenerateRequest) => Json | undefined): FieldWriter {
  return (body, request) => {
    const before = isJsonObject(body[outer]) ? body[outer] : {};
    const inner: JsonObject = { ...before };
    setField(inner, name, value(request));
    setField(body, outer, Object.keys(inner).length === 0 ? undefined : inner);
  };
}

const writers = {
  tools: writeTools,
  toolChoice: (body, { toolChoice, tools }) => setField(body, "tool_choice", writeToolChoice(toolChoice, tools)),
  parallelToolCalls: plainField("parallel_tool_calls", "parallelToolCalls"),
  maxOutputTokens: plainField("max_output_tokens", "maxOutputTokens"),
  temperature: plainField("temperature", "temperature"),
  topP: plainField("top_p", "topP"),
  topLogprobs: plainField("top_logprobs", "topLogprobs"),
  responseFormat: innerField("text", "format", ({ responseFormat }) => writeResponseFormat(responseFormat)),
  verbosity: innerField("text", "verbosity", ({ verbosity }) => verbosity),
  reasoningEffort: innerField("reasoning", "effort", effortOf),
  reasoningSummary: innerField("reasoning", "summary", ({ reasoningSummary }) =>
    reasoningSummary === "none" ? undefined : reasoningSummary,
  ),
  serviceTier: plainField("service_tier", "serviceTier"),
  cacheKey: plainField("prompt_cache_key", "cacheKey"),
  endUser: plainField("safety_identifier", "endUser"),
  metadata: plainField("metadata", "metadata"),
} satisfies Partial<Record<keyof GenerateRequest, FieldWriter>>;

/** Vendors that count tokens to think with are asked for so many; here there are words. */
function effortOf({ reasoningEffort, reasoningBudgetTokens }: GenerateRequest): string | undefined {
  if (reasoningEffort !== undefined || reasoningBudgetTokens === undefined) return reasoningEffort;
  if (reasoningBudgetTokens <= 0) return "none";
  if (reasoningBudgetTokens <= 2048) return "low";
  return reasoningBudgetTokens <= 16_384 ? "medium" : "high";
}

/** Tools that the provider runs itself stay. */
function writeTools(body: JsonObject, { tools }: GenerateRequest): void {
  const before = Array.isArray(body["tools"]) ? body["tools"] : [];
  const own = before.filter((tool) => isJsonObject(tool) && tool["type"] !== "function" && tool["type"] !== "custom");
  const written = [...own, ...(tools ?? []).map(writeTool)];
  setField(body, "tools", written.length === 0 ? undefined : written);
}

function writeTool({ kind, name, description, parameters, strict }: ToolDefinition): JsonObject {
  const said = { type: kind, name, ...(description !== undefined && { description }) };
  if (kind === "custom") return said;
  // Left out it would be true, which changes what schemas are accepted.
  return { ...said, parameters: parameters ?? { type: "object", properties: {} }, strict: strict ?? false };
}

function writeToolChoice(choice: ToolChoice | undefined, tools: GenerateRequest["tools"]): Json | undefined {
  if (choice === undefined || typeof choice === "string") return choice;
  return { type: tools?.find(({ name }) => name === choice.name)?.kind ?? "function", name: choice.name };
}

function writeResponseFormat(format: ResponseFormat | undefined): JsonObject | undefined {
  if (format === undefined) return undefined;
  if (format.type === "text") return { type: "text" };
  if (format.type === "json") return { type: "json_object" };
  const { type: _, ...schema } = format;
  return { type: "json_schema", ...schema };
}
