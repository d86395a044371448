import type { Answer, Block, Choice } from "../core/answer.ts";
import type { ProtocolName, StreamEvent } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { writeAnnotation, writeReasoningDetail } from "./openai-chat-details.ts";
import { writeFinishReason } from "./openai-chat-finish.ts";
import { ChunkReader } from "./openai-chat-reader.ts";
import { writeUsage } from "./openai-chat-usage.ts";
import type { WriteOptions } from "./protocol.ts";

/** A whole `chat.completion` as the events of a stream that says the same. */
export function readAnswer(body: JsonObject): StreamEvent[] {
  const reader = new ChunkReader({});
  const events = chunksOf(body).flatMap((chunk) => reader.read(JSON.stringify(chunk)));
  return [...events, ...reader.end()];
}

function chunksOf(body: JsonObject): JsonObject[] {
  const { choices, usage, ...rest } = body;
  // Errors, and whatever else has no choices, are for the reader to judge.
  if (!Array.isArray(choices)) return [body];
  const head = { ...rest, object: "chat.completion.chunk" };
  const chunks: JsonObject[] = [];
  for (const [position, choice] of choices.entries()) {
    if (!isJsonObject(choice)) continue;
    const { message, finish_reason, ...others } = choice;
    const index = choice["index"] ?? position;
    const delta = isJsonObject(message) ? withIndexes(message) : {};
    chunks.push({ ...head, choices: [{ ...others, index, delta, finish_reason: null }] });
    // A document is whole by nature, so a reason that is missing is not a sign of a cut.
    chunks.push({ ...head, choices: [{ index, delta: {}, finish_reason: finish_reason ?? "stop" }] });
  }
  if (isJsonObject(usage)) chunks.push({ ...head, choices: [], usage });
  return chunks;
}

function withIndexes(message: JsonObject): JsonObject {
  const calls = message["tool_calls"];
  if (!Array.isArray(calls)) return message;
  return { ...message, tool_calls: calls.map((call, index) => (isJsonObject(call) ? { index, ...call } : call)) };
}

export function writeAnswer(answer: Answer, { streamId }: WriteOptions): JsonObject {
  const { attempt, start, choices, usage } = answer;
  const set = attempt?.protocol === "openai-chat" ? attempt.extra?.["set"] : undefined;
  const head = isJsonObject(set) ? set : {};
  const body: JsonObject = {
    id: attempt?.protocol === "openai-chat" && attempt.responseId ? attempt.responseId : `chatcmpl-${streamId}`,
    object: "chat.completion",
    created: head["created"] ?? Math.floor((start?.createdAt ?? 0) / 1000),
    model: attempt?.model || start?.model || "",
    choices: choices.map((choice, index) => writeChoice(choice, index, attempt?.protocol ?? "events")),
  };
  if (usage !== undefined) body["usage"] = writeUsage(usage);
  for (const key of ["system_fingerprint", "service_tier"]) {
    if (head[key] !== undefined) body[key] = head[key];
  }
  return body;
}

function writeChoice({ blocks, finishReason }: Choice, index: number, from: ProtocolName): JsonObject {
  const calls = blocks.filter((block) => block.kind === "tool-call");
  const details = blocks.flatMap((block) => writeDetails(block, from));
  const annotations = blocks.flatMap((block) => writeAnnotations(block));
  const message: JsonObject = {
    role: "assistant",
    content: textOf(blocks, "text"),
    refusal: textOf(blocks, "refusal"),
  };
  const reasoning = textOf(blocks, "reasoning");
  if (reasoning !== null) message["reasoning_content"] = reasoning;
  if (details.length > 0) message["reasoning_details"] = details;
  if (annotations.length > 0) message["annotations"] = annotations;
  if (calls.length > 0) message["tool_calls"] = calls.map(writeCall);
  return {
    index,
    message,
    logprobs: joinLogprobs(blocks),
    finish_reason: writeFinishReason(finishReason ?? "stop") ?? "stop",
  };
}

function writeDetails(block: Block, from: ProtocolName): JsonObject[] {
  if (block.kind !== "reasoning" || block.signature === undefined) return [];
  const { text, signature, redacted } = block;
  return [writeReasoningDetail({ text, signature, ...(redacted === true && { redacted }) }, from)];
}

function writeAnnotations(block: Block): JsonObject[] {
  const citations = block.kind === "text" ? (block.citations ?? []) : [];
  return citations.map(writeAnnotation).filter((annotation) => annotation !== undefined);
}

function textOf(blocks: readonly Block[], kind: "text" | "refusal" | "reasoning"): string | null {
  const texts = blocks.flatMap((block) => (block.kind === kind ? [block.text] : []));
  return texts.length === 0 ? null : texts.join("");
}

function writeCall({ toolKind, callId, name, argumentsText }: Extract<Block, { kind: "tool-call" }>): JsonObject {
  if (toolKind === "custom") return { id: callId, type: "custom", custom: { name, input: argumentsText } };
  return { id: callId, type: "function", function: { name, arguments: argumentsText } };
}

/** Each chunk had its own list of tokens; the answer has one of all. */
function joinLogprobs(blocks: readonly Block[]): JsonObject | null {
  const all = blocks.flatMap((block) => (block.kind === "text" ? (block.logprobs ?? []) : []));
  if (all.length === 0) return null;
  const joined: JsonObject = { content: null, refusal: null };
  for (const piece of all) {
    if (!isJsonObject(piece)) continue;
    for (const [key, tokens] of Object.entries(piece)) {
      if (key === "__proto__" || !Array.isArray(tokens)) continue;
      joined[key] = [...((joined[key] as Json[] | null | undefined) ?? []), ...tokens];
    }
  }
  return joined;
}
