import type { Json, JsonObject } from "../core/json.ts";
import type { GenerateRequest, MediaSource, Message, Part, ToolDefinition } from "../core/request.ts";
import { textOf } from "../core/request.ts";
import { dataUrlOf } from "./data-url.ts";
import type { ProtocolQuirks, Warn } from "./protocol.ts";
import { sealSignature } from "./signatures.ts";

/** The body that a chat client would send; the caller's own where it spoke this protocol and nothing was changed. */
export function writeRequest(request: GenerateRequest, _quirks: ProtocolQuirks, warn: Warn): JsonObject {
  const { original } = request;
  const kept = original?.protocol === "ui-message-stream" ? original : undefined;
  const body: JsonObject = { id: request.chat?.id ?? "chat", trigger: "submit-message", ...kept?.body };
  body["model"] = request.model;
  for (const [field, name] of settings) {
    if (kept === undefined || request[field] !== kept.read[field]) body[name] = request[field] as Json | undefined;
  }
  for (const field of unspoken) if (request[field] !== undefined) warn(`${field}: UI messages have no such setting`);
  if (kept === undefined || request.tools !== kept.read.tools) body["tools"] = request.tools?.map(writeTool);
  if (kept === undefined || request.toolChoice !== kept.read.toolChoice) {
    const { toolChoice } = request;
    body["toolChoice"] = typeof toolChoice === "object" ? { type: "tool", toolName: toolChoice.name } : toolChoice;
  }
  if (kept !== undefined && request.messages === kept.read.messages) return body;
  delete body["system"];
  return { ...body, messages: writeMessages(request.messages, warn) };
}

const settings = [
  ["maxOutputTokens", "maxOutputTokens"],
  ["temperature", "temperature"],
  ["topP", "topP"],
  ["topK", "topK"],
  ["presencePenalty", "presencePenalty"],
  ["frequencyPenalty", "frequencyPenalty"],
  ["stop", "stopSequences"],
  ["seed", "seed"],
  ["reasoningEffort", "reasoningEffort"],
] as const satisfies readonly (readonly [keyof GenerateRequest, string])[];

const unspoken = [
  "choices",
  "logprobs",
  "responseFormat",
  "parallelToolCalls",
  "reasoningBudgetTokens",
  "verbosity",
  "serviceTier",
] as const satisfies readonly (keyof GenerateRequest)[];

function writeTool({ kind, name, description, parameters, strict }: ToolDefinition): JsonObject {
  if (kind === "custom") return { type: kind, name, description };
  return { type: kind, name, description, inputSchema: parameters, strict };
}

/** Tools' results stand in the parts of their calls, and an assistant's messages in a row are steps of one. */
function writeMessages(messages: readonly Message[], warn: Warn): JsonObject[] {
  const written: JsonObject[] = [];
  const calls = new Map<string, JsonObject>();
  let steps: Json[] | undefined;
  for (const { role, content } of messages) {
    for (const part of content) if (part.type === "tool-result") addResult(calls, part, warn);
    const parts = content.flatMap((part) => writePart(part, warn));
    for (const part of parts) if (typeof part["toolCallId"] === "string") calls.set(part["toolCallId"], part);
    if (parts.length === 0) continue;
    if (role === "assistant" && steps !== undefined) steps.push({ type: "step-start" }, ...parts);
    else {
      const all: Json[] = role === "assistant" ? [{ type: "step-start" }, ...parts] : parts;
      steps = role === "assistant" ? all : undefined;
      written.push({ id: `message-${written.length}`, role: writeRole(role), parts: all });
    }
  }
  return written;
}

function writeRole(role: Message["role"]): string {
  if (role === "developer") return "system";
  return role === "tool" ? "user" : role;
}

function addResult(
  calls: ReadonlyMap<string, JsonObject>,
  { callId, content, isError }: Extract<Part, { type: "tool-result" }>,
  warn: Warn,
): void {
  const call = calls.get(callId);
  if (call === undefined) return warn("messages: a tool result was left out, its call is in no message before it");
  if (content.some(({ type }) => type !== "text")) warn("messages: only the text of a tool result was kept");
  const text = textOf(content);
  Object.assign(
    call,
    isError ? { state: "output-error", errorText: text } : { state: "output-available", output: text },
  );
}

function writePart(part: Part, warn: Warn): JsonObject[] {
  switch (part.type) {
    case "text":
      return [{ type: "text", text: part.text }];
    case "refusal":
      return [{ type: "text", text: part.text, providerMetadata: { headrace: { refusal: true } } }];
    case "reasoning": {
      const { text, signature, from, redacted } = part;
      if (signature === undefined || from === undefined) return [{ type: "reasoning", text }];
      const headrace = { signature: sealSignature({ signature, from }, "ui-message-stream"), redacted };
      return [{ type: "reasoning", text, providerMetadata: { headrace } }];
    }
    case "image":
      return [writeFile(part.source, "image")];
    case "audio":
      return [writeFile(part.source, "audio")];
    case "file":
      return [{ ...writeFile(part.source, "application/octet-stream"), filename: part.name }];
    case "tool-call":
      return [writeToolCall(part)];
    case "tool-result":
      return [];
    case "untranslatable":
      warn(`messages: ${part.what} was left out`);
      return [];
  }
}

function writeToolCall({ callId, name, argumentsText, kind }: Extract<Part, { type: "tool-call" }>): JsonObject {
  const input = kind === "custom" ? argumentsText : parseInput(argumentsText);
  return { type: `tool-${name}`, toolCallId: callId, state: "input-available", input };
}

function parseInput(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    // What the model wrote is no JSON; as text it is at least all there.
    return text;
  }
}

function writeFile(source: MediaSource, mediaType: string): JsonObject {
  if (source.kind === "url") return { type: "file", mediaType, url: source.url };
  if (source.kind === "file-id")
    return { type: "file", mediaType, url: "", providerReference: { file: source.fileId } };
  return { type: "file", mediaType: source.mediaType, url: dataUrlOf(source) };
}
