import type { Answer, Block } from "../core/answer.ts";
import type { StreamEvent } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { MessageReader } from "./anthropic-messages-reader.ts";
import { MessageWriter } from "./anthropic-messages-writer.ts";
import type { AnswerWriter, WriteOptions } from "./protocol.ts";
import { invalidArguments, parseArguments } from "./tool-arguments.ts";

/** A whole message as the events of a stream that says the same. */
export function readAnswer(body: JsonObject): StreamEvent[] {
  const reader = new MessageReader({});
  const events = framesOf(body).flatMap((frame) => reader.read(JSON.stringify(frame), undefined));
  return [...events, ...reader.end()];
}

function framesOf(body: JsonObject): JsonObject[] {
  const { content, stop_reason, stop_sequence, stop_details, ...rest } = body;
  // Errors, and whatever else has no content, are for the reader to judge.
  if (!Array.isArray(content)) return [body];
  const message = { ...rest, content: [], stop_reason: null, stop_sequence: null };
  const frames: JsonObject[] = [{ type: "message_start", message }];
  content.forEach((block, index) => {
    if (isJsonObject(block)) frames.push(...framesOfBlock(block, index));
  });
  // A document is whole by nature, so a reason that is missing is not a sign of a cut.
  const delta: JsonObject = { stop_reason: stop_reason ?? "end_turn", stop_sequence: stop_sequence ?? null };
  if (stop_details !== undefined) delta["stop_details"] = stop_details;
  const usage = rest["usage"];
  frames.push({ type: "message_delta", delta, ...(isJsonObject(usage) && { usage }) });
  return [...frames, { type: "message_stop" }];
}

function framesOfBlock(block: JsonObject, index: number): JsonObject[] {
  const stop = { type: "content_block_stop", index };
  const citations = block["citations"];
  if (block["type"] !== "text" || !Array.isArray(citations) || citations.length === 0) {
    return [{ type: "content_block_start", index, content_block: block }, stop];
  }
  const cited = citations.map((citation) => ({
    type: "content_block_delta",
    index,
    delta: { type: "citations_delta", citation },
  }));
  return [{ type: "content_block_start", index, content_block: { ...block, citations: [] } }, ...cited, stop];
}

/** Adds frames up as Anthropic's own clients do, so that nothing of a stream is missing in the document. */
class MessageFold implements AnswerWriter {
  readonly #writer: MessageWriter;
  #message: JsonObject = {};
  readonly #content: JsonObject[] = [];
  readonly #inputs = new Map<number, string>();

  constructor(options: WriteOptions) {
    this.#writer = new MessageWriter(options);
  }

  add(event: StreamEvent): void {
    for (const text of this.#writer.write(event)) {
      this.#addFrame(JSON.parse(text.slice(text.indexOf("data: ") + 6)) as JsonObject);
    }
  }

  body(): JsonObject {
    for (const [index, json] of this.#inputs) {
      const block = this.#content[index];
      if (block !== undefined) block["input"] = parseArguments(json) ?? invalidArguments(json);
    }
    return { ...this.#message, content: this.#content };
  }

  #addFrame(frame: JsonObject): void {
    const { type, delta, usage } = frame;
    const index = frame["index"] as number;
    if (type === "message_start") this.#message = { ...(frame["message"] as JsonObject) };
    else if (type === "content_block_start") this.#content[index] = { ...(frame["content_block"] as JsonObject) };
    else if (type === "content_block_delta" && isJsonObject(delta)) this.#addDelta(index, delta);
    else if (type === "message_delta") {
      Object.assign(this.#message, delta);
      const counts = isJsonObject(usage) ? Object.entries(usage).filter(([, value]) => value !== null) : [];
      this.#message["usage"] = { ...(this.#message["usage"] as JsonObject), ...Object.fromEntries(counts) };
    }
  }

  #addDelta(index: number, delta: JsonObject): void {
    const block = this.#content[index];
    if (block === undefined) return;
    const { citation, text, thinking, signature, partial_json } = delta;
    if (typeof text === "string") block["text"] = joined(block["text"], text);
    if (typeof thinking === "string") block["thinking"] = joined(block["thinking"], thinking);
    if (typeof signature === "string") block["signature"] = signature;
    if (typeof partial_json === "string") this.#inputs.set(index, (this.#inputs.get(index) ?? "") + partial_json);
    if (citation !== undefined) {
      const before = block["citations"];
      block["citations"] = [...(Array.isArray(before) ? before : []), citation];
    }
  }
}

export function createAnswerWriter(options: WriteOptions): AnswerWriter {
  return new MessageFold(options);
}

function joined(before: Json | undefined, text: string): string {
  return (typeof before === "string" ? before : "") + text;
}

export function writeAnswer(answer: Answer, options: WriteOptions): JsonObject {
  const fold = new MessageFold(options);
  for (const event of eventsOf(answer)) fold.add(event);
  return fold.body();
}

/** The events that an answer is the fold of. Whatever was in frames of its protocol only is gone from it. */
function eventsOf({ start, attempt, choices, usage, outcome }: Answer): StreamEvent[] {
  const events: StreamEvent[] = [];
  if (start !== undefined) events.push(start);
  if (attempt !== undefined) {
    const { more: _, extra: __, ...bare } = attempt;
    events.push(bare);
  }
  const [choice] = choices;
  choice?.blocks.forEach((block, call) => events.push(...eventsOfBlock(block, call)));
  if (usage !== undefined) events.push({ type: "usage", usage });
  if (choice?.finishReason !== undefined) events.push({ type: "finish", reason: choice.finishReason });
  events.push({ type: "stream-end", outcome: outcome ?? "completed" });
  return events;
}

function eventsOfBlock(block: Block, call: number): StreamEvent[] {
  switch (block.kind) {
    case "text": {
      const cited = (block.citations ?? []).map((citation): StreamEvent => ({ type: "citation", citation }));
      return [{ type: "text-delta", text: block.text }, ...cited, { type: "block-end" }];
    }
    case "refusal":
      return [{ type: "refusal-delta", text: block.text }, { type: "block-end" }];
    case "reasoning": {
      const { text, signature, redacted } = block;
      const events: StreamEvent[] = [{ type: "reasoning-delta", text }];
      if (signature !== undefined) {
        events.push({ type: "reasoning-signature", signature, ...(redacted === true && { redacted }) });
      }
      return [...events, { type: "block-end" }];
    }
    case "tool-call": {
      const { callId, name, toolKind: kind, argumentsText } = block;
      return [
        { type: "tool-call-start", call, callId, name, kind },
        { type: "tool-call-delta", call, argumentsText },
        { type: "block-end" },
      ];
    }
  }
}
