import type { Answer, Block } from "../core/answer.ts";
import type { ProtocolName, StreamEvent } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { writeCitation } from "./bedrock-converse-citations.ts";
import { writeStopReason } from "./bedrock-converse-finish.ts";
import type { ConverseFrame } from "./bedrock-converse-frames.ts";
import { ConverseFrameReader } from "./bedrock-converse-reader.ts";
import { writeRedacted } from "./bedrock-converse-reasoning.ts";
import { writeUsage } from "./bedrock-converse-usage.ts";
import { sealSignature } from "./signatures.ts";
import { invalidArguments, objectOfArguments } from "./tool-arguments.ts";

/** A whole answer of `Converse` as the events of a stream that says the same. */
export function readAnswer(body: JsonObject): StreamEvent[] {
  const reader = new ConverseFrameReader();
  const { output, stopReason, usage, additionalModelResponseFields, ...rest } = body;
  const message = isJsonObject(output) ? output["message"] : undefined;
  if (!isJsonObject(message) || !Array.isArray(message["content"])) {
    return reader.fail({ code: "provider-error", message: "the provider's answer holds no message" });
  }
  const extra = additionalModelResponseFields === undefined ? {} : { additionalModelResponseFields };
  const frames: ConverseFrame[] = [
    { type: "messageStart", payload: { role: message["role"] ?? "assistant" } },
    ...message["content"].flatMap(framesOf),
    // A document is whole by nature, so a reason that is missing is not a sign of a cut.
    { type: "messageStop", payload: { stopReason: stopReason ?? "end_turn", ...extra } },
    { type: "metadata", payload: { ...(usage !== undefined && { usage }), ...rest } },
  ];
  return [...frames.flatMap((frame) => reader.readFrame(frame)), ...reader.end()];
}

function framesOf(block: Json, contentBlockIndex: number): ConverseFrame[] {
  if (!isJsonObject(block)) return [];
  const { toolUse } = block;
  const start: ConverseFrame[] = [];
  if (isJsonObject(toolUse)) {
    const { input: _, ...named } = toolUse;
    start.push({ type: "contentBlockStart", payload: { contentBlockIndex, start: { toolUse: named } } });
  }
  const deltas = deltasOf(block).map((delta) => ({ type: "contentBlockDelta", payload: { contentBlockIndex, delta } }));
  return [...start, ...deltas, { type: "contentBlockStop", payload: { contentBlockIndex } }];
}

function deltasOf({ toolUse, reasoningContent, citationsContent, ...block }: JsonObject): JsonObject[] {
  if (isJsonObject(toolUse)) return [{ toolUse: { input: JSON.stringify(toolUse["input"] ?? {}) } }];
  if (isJsonObject(citationsContent)) {
    const texts = Array.isArray(citationsContent["content"]) ? citationsContent["content"] : [];
    const citations = Array.isArray(citationsContent["citations"]) ? citationsContent["citations"] : [];
    return [...texts.filter(isJsonObject), ...citations.map((citation) => ({ citation }))];
  }
  if (!isJsonObject(reasoningContent)) return [block];
  const { reasoningText, redactedContent } = reasoningContent;
  if (!isJsonObject(reasoningText)) return [{ reasoningContent: { redactedContent } }];
  const { text, signature } = reasoningText;
  return [{ reasoningContent: { text } }, ...(signature === undefined ? [] : [{ reasoningContent: { signature } }])];
}

/** The whole answer as `Converse` gives it. */
export function writeAnswer({ choices, attempt, usage }: Answer): JsonObject {
  const { blocks = [], finishReason } = choices[0] ?? {};
  const from = attempt?.protocol ?? "events";
  const body: JsonObject = {
    output: { message: { role: "assistant", content: blocks.flatMap((block) => writeBlock(block, from)) } },
    stopReason: writeStopReason(finishReason ?? "stop") ?? "end_turn",
  };
  if (usage !== undefined) body["usage"] = writeUsage(usage);
  return body;
}

function writeBlock(block: Block, from: ProtocolName): JsonObject[] {
  switch (block.kind) {
    case "text": {
      const { text, citations } = block;
      if (citations === undefined) return text === "" ? [] : [{ text }];
      return [{ citationsContent: { content: [{ text }], citations: citations.map(writeCitation) } }];
    }
    case "refusal":
      return block.text === "" ? [] : [{ text: block.text }];
    case "tool-call": {
      const { callId, name, toolKind: kind, argumentsText } = block;
      const input = objectOfArguments(kind, argumentsText) ?? invalidArguments(argumentsText);
      return [{ toolUse: { toolUseId: callId, name, input } }];
    }
    case "reasoning":
      return [{ reasoningContent: writeReasoning(block, from) }];
  }
}

function writeReasoning(
  { text, signature, redacted }: Extract<Block, { kind: "reasoning" }>,
  from: ProtocolName,
): JsonObject {
  const sealed = signature === undefined ? undefined : sealSignature({ signature, from }, "bedrock-converse");
  if (redacted === true && signature !== undefined && sealed !== undefined) {
    return { redactedContent: writeRedacted(sealed, signature) };
  }
  return { reasoningText: { text, ...(sealed !== undefined && { signature: sealed }) } };
}
