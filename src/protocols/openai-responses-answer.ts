import type { Answer, Block } from "../core/answer.ts";
import type { StreamEvent } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { isText } from "./json-values.ts";
import { readStreamError } from "./openai-chat-errors.ts";
import { indexMember } from "./openai-responses-output.ts";
import { ResponseEventReader } from "./openai-responses-reader.ts";
import { ResponseWriter } from "./openai-responses-writer.ts";
import type { AnswerWriter, WriteOptions } from "./protocol.ts";

/** A whole response as the events of a stream that says the same. */
export function readAnswer(body: JsonObject): StreamEvent[] {
  const reader = new ResponseEventReader();
  const events = framesOf(body).flatMap((frame) => reader.read(JSON.stringify(frame)));
  return [...events, ...reader.end()];
}

/** The events of a body that came instead of a stream; undefined when it is neither a response nor an error. */
export function readDocument(reader: ResponseEventReader, document: unknown): StreamEvent[] | undefined {
  if (!isJsonObject(document)) return undefined;
  if (isResponse(document)) return readAnswer(document);
  const error = readStreamError(document);
  return error === undefined ? undefined : reader.fail(error);
}

function isResponse(body: JsonObject): boolean {
  return Array.isArray(body["output"]);
}

function framesOf(body: JsonObject): JsonObject[] {
  // Errors, and whatever else has no output, are for the reader to judge.
  if (!isResponse(body)) return [body];
  const { status } = body;
  const begun = { ...body, status: "in_progress", output: [], usage: null, incomplete_details: null };
  const items = (body["output"] as Json[]).flatMap((item, index) =>
    isJsonObject(item) ? framesOfItem(item, index) : [],
  );
  // A document is whole by nature, unless it says otherwise itself.
  const isKnown = status === "incomplete" || status === "failed" || status === "cancelled";
  const isOpen = status === "queued" || status === "in_progress";
  const end = isOpen ? [] : [{ type: `response.${isKnown ? status : "completed"}`, response: body }];
  return [{ type: "response.created", response: begun }, ...items, ...end];
}

/** An item as it would have been told piece by piece. */
function framesOfItem(item: JsonObject, output_index: number): JsonObject[] {
  const place = { item_id: item["id"] ?? null, output_index };
  const begun: JsonObject = { ...item, status: "in_progress" };
  const frames: JsonObject[] = [];
  for (const list of ["summary", "content"] as const) {
    const parts = item[list];
    if (!Array.isArray(parts)) continue;
    begun[list] = [];
    parts.forEach((part, index) => {
      if (isJsonObject(part)) frames.push(...framesOfPart(part, list, { ...place, [indexMember(list)]: index }));
    });
  }
  for (const [key, type] of [
    ["arguments", "function_call_arguments"],
    ["input", "custom_tool_call_input"],
  ] as const) {
    if (!isText(item[key]) || item["type"] !== (key === "input" ? "custom_tool_call" : "function_call")) continue;
    begun[key] = "";
    frames.push({ type: `response.${type}.delta`, ...place, delta: item[key] });
  }
  return [
    { type: "response.output_item.added", output_index, item: begun },
    ...frames,
    { type: "response.output_item.done", output_index, item },
  ];
}

function framesOfPart(part: JsonObject, list: "summary" | "content", place: JsonObject): JsonObject[] {
  const name = list === "summary" ? "reasoning_summary_part" : "content_part";
  const key = part["type"] === "refusal" ? "refusal" : "text";
  const text = part[key];
  const word = list === "summary" ? "reasoning_summary_text" : (part["type"] as string);
  const tokens = part["type"] === "output_text" ? { logprobs: part["logprobs"] ?? [] } : {};
  const delta = isText(text) ? [{ type: `response.${word}.delta`, ...place, delta: text, ...tokens }] : [];
  const begun = { ...part, ...(isText(text) && { [key]: "" }), ...(tokens.logprobs !== undefined && { logprobs: [] }) };
  return [
    { type: `response.${name}.added`, ...place, part: begun },
    ...delta,
    { type: `response.${name}.done`, ...place, part },
  ];
}

/** Keeps everything that a provider of this protocol has said, which an `Answer` does not. */
export function createAnswerWriter(options: WriteOptions): AnswerWriter {
  const writer = new ResponseWriter(options);
  return {
    add: (event) => {
      writer.write(event);
    },
    body: () => writer.response(),
  };
}

export function writeAnswer(answer: Answer, options: WriteOptions): JsonObject {
  const writer = createAnswerWriter(options);
  for (const event of eventsOf(answer)) writer.add(event);
  return writer.body();
}

/** The steps that an answer may have been folded from. */
function eventsOf({ start, attempt, choices, usage, outcome, error }: Answer): StreamEvent[] {
  const { extra: _, more: __, ...begun } = attempt ?? { type: "attempt-start" as const, provider: "", model: "" };
  const events: StreamEvent[] = start === undefined ? [begun] : [start, begun];
  choices[0]?.blocks.forEach((block, call) => events.push(...eventsOfBlock(block, call)));
  if (usage !== undefined) events.push({ type: "usage", usage });
  return [...events, { type: "stream-end", outcome: outcome ?? "completed", ...(error !== undefined && { error }) }];
}

function eventsOfBlock(block: Block, call: number): StreamEvent[] {
  switch (block.kind) {
    case "tool-call": {
      const { callId, name, toolKind, argumentsText } = block;
      return [
        { type: "tool-call-start", call, callId, name, kind: toolKind },
        { type: "tool-call-delta", call, argumentsText },
      ];
    }
    case "reasoning": {
      const { text, signature } = block;
      const events: StreamEvent[] = [{ type: "block-start", kind: "reasoning" }];
      if (text !== "") events.push({ type: "reasoning-delta", text });
      if (signature !== undefined) events.push({ type: "reasoning-signature", signature });
      return [...events, { type: "block-end" }];
    }
    case "refusal":
      return [
        { type: "block-start", kind: "refusal" },
        { type: "refusal-delta", text: block.text },
        { type: "block-end" },
      ];
    case "text": {
      const tokens = (block.logprobs ?? []).flatMap((piece) =>
        isJsonObject(piece) && Array.isArray(piece["content"]) ? piece["content"] : [],
      );
      const logprobs = tokens.length === 0 ? {} : { logprobs: { content: tokens } };
      return [
        { type: "block-start", kind: "text" },
        { type: "text-delta", text: block.text, ...logprobs },
        ...(block.citations ?? []).map((citation) => ({ type: "citation" as const, citation })),
        { type: "block-end" },
      ];
    }
  }
}
