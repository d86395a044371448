import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { GenerateRequest, Message, ResponseFormat, ToolChoice, ToolDefinition } from "../core/request.ts";
import { plainField, setField } from "./body-fields.ts";
import { withoutForeignDetails } from "./openai-chat-details.ts";
import { warnOfParts, writeHints } from "./openai-chat-hints.ts";
import { writeMessage } from "./openai-chat-messages.ts";
import type { ProtocolQuirks, Warn } from "./protocol.ts";

/** The body for a provider: the caller's own where it spoke this protocol, with what was changed on the way. */
export function writeRequest(request: GenerateRequest, quirks: ProtocolQuirks, warn: Warn): JsonObject {
  const { original } = request;
  const kept = original?.protocol === "openai-chat" ? original : undefined;
  const body: JsonObject = { ...kept?.body, model: request.model };
  for (const [field, write] of Object.entries(writers) as [keyof typeof writers, FieldWriter][]) {
    if (kept === undefined || request[field] !== kept.read[field]) write(body, request);
  }
  writeHints(body, request, kept?.read, quirks, warn);
  body["messages"] = writeMessages(request, kept, quirks, warn);
  applyQuirks(body, quirks);
  return body;
}

function applyQuirks(body: JsonObject, { maxTokensField, refusesStreamOptions }: ProtocolQuirks): void {
  if (maxTokensField !== undefined) {
    const limit = body["max_completion_tokens"] ?? body["max_tokens"];
    delete body["max_completion_tokens"];
    delete body["max_tokens"];
    setField(body, maxTokensField, limit);
  }
  body["stream"] = true;
  const options = body["stream_options"];
  if (refusesStreamOptions === true) delete body["stream_options"];
  else body["stream_options"] = { ...(isJsonObject(options) ? options : {}), include_usage: true };
}

/** Messages that nobody touched are sent as they came. */
function writeMessages(
  { messages }: GenerateRequest,
  kept: GenerateRequest["original"],
  { noDeveloperRole }: ProtocolQuirks,
  warn: Warn,
): JsonObject[] {
  const raw = new Map<Message, JsonObject>();
  const rawMessages = kept?.body["messages"];
  if (kept !== undefined && Array.isArray(rawMessages)) {
    kept.read.messages.forEach((message, index) => raw.set(message, rawMessages[index] as JsonObject));
  }
  const written = messages.flatMap((message, index) => {
    const asItCame = raw.get(message);
    if (asItCame !== undefined) return [withoutForeignDetails(asItCame)];
    warnOfParts(message, `messages[${index}]`, warn);
    return writeMessage(message);
  });
  if (noDeveloperRole !== true) return written;
  return written.map((message) => (message["role"] === "developer" ? { ...message, role: "system" } : message));
}

type FieldWriter = (body: JsonObject, request: GenerateRequest) => void;

const writers = {
  tools: (body, { tools }) => setField(body, "tools", tools?.map(writeTool)),
  toolChoice: (body, { toolChoice, tools }) => setField(body, "tool_choice", writeToolChoice(toolChoice, tools)),
  parallelToolCalls: plainField("parallel_tool_calls", "parallelToolCalls"),
  maxOutputTokens: (body, { maxOutputTokens }) => {
    const isOldName = "max_tokens" in body && !("max_completion_tokens" in body);
    setField(body, isOldName ? "max_tokens" : "max_completion_tokens", maxOutputTokens);
  },
  temperature: plainField("temperature", "temperature"),
  topP: plainField("top_p", "topP"),
  topK: plainField("top_k", "topK"),
  presencePenalty: plainField("presence_penalty", "presencePenalty"),
  frequencyPenalty: plainField("frequency_penalty", "frequencyPenalty"),
  stop: (body, { stop }) => setField(body, "stop", stop === undefined ? undefined : [...stop]),
  seed: plainField("seed", "seed"),
  choices: plainField("n", "choices"),
  logprobs: plainField("logprobs", "logprobs"),
  topLogprobs: plainField("top_logprobs", "topLogprobs"),
  responseFormat: (body, { responseFormat }) => setField(body, "response_format", writeResponseFormat(responseFormat)),
  reasoningEffort: plainField("reasoning_effort", "reasoningEffort"),
} satisfies Partial<Record<keyof GenerateRequest, FieldWriter>>;

function writeTool({ kind, ...tool }: ToolDefinition): JsonObject {
  const { cache: _, ...definition } = tool;
  if (kind === "function") return { type: kind, function: { ...definition } };
  const { name, description } = definition;
  return { type: kind, custom: { name, ...(description !== undefined && { description }) } };
}

function writeToolChoice(choice: ToolChoice | undefined, tools: GenerateRequest["tools"]): Json | undefined {
  if (choice === undefined || typeof choice === "string") return choice;
  const kind = tools?.find(({ name }) => name === choice.name)?.kind ?? "function";
  return { type: kind, [kind]: { name: choice.name } };
}

function writeResponseFormat(format: ResponseFormat | undefined): JsonObject | undefined {
  if (format === undefined) return undefined;
  if (format.type === "text") return { type: "text" };
  if (format.type === "json") return { type: "json_object" };
  const { type: _, ...schema } = format;
  return { type: "json_schema", json_schema: { ...schema } };
}
