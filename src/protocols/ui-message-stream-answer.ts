import type { Answer, Block } from "../core/answer.ts";
import type { StreamEvent } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { outcomeOf } from "../core/events.ts";
import { isText } from "./json-values.ts";
import type { WriteOptions } from "./protocol.ts";
import { sealSignature } from "./signatures.ts";
import { isUsage } from "./text-answer.ts";
import { inputText, readOwnMetadata } from "./ui-message-stream-chunk.ts";
import { readFinishReason, writeFinishReason } from "./ui-message-stream-finish.ts";

/** A whole answer as the UI message that its stream would have built. */
export function writeAnswer({ start, attempt, choices, usage }: Answer, { streamId }: WriteOptions): JsonObject {
  const [choice = { blocks: [] }] = choices;
  const parts = choice.blocks.map((block) => writeBlock(block, attempt?.protocol));
  return {
    id: start?.chat?.continues?.messageId ?? `msg_${streamId}`,
    role: "assistant",
    metadata: {
      streamId,
      model: attempt?.model || start?.model || "",
      finishReason: writeFinishReason(choice.finishReason ?? "stop"),
      usage: usage as Json | undefined,
    },
    parts: [{ type: "step-start" }, ...parts],
  };
}

function writeBlock(block: Block, from: Parameters<typeof sealSignature>[0]["from"] | undefined): JsonObject {
  switch (block.kind) {
    case "text":
      return { type: "text", text: block.text, state: "done" };
    case "refusal":
      return { type: "text", text: block.text, state: "done", providerMetadata: { headrace: { refusal: true } } };
    case "reasoning": {
      const { text, signature, redacted } = block;
      if (signature === undefined || from === undefined) return { type: "reasoning", text, state: "done" };
      const headrace = { signature: sealSignature({ signature, from }, "ui-message-stream"), redacted };
      return { type: "reasoning", text, state: "done", providerMetadata: { headrace } };
    }
    case "tool-call": {
      const { callId, name, toolKind, argumentsText } = block;
      const input = toolKind === "custom" ? argumentsText : parseOr(argumentsText);
      return { type: `tool-${name}`, toolCallId: callId, state: "input-available", input };
    }
  }
}

function parseOr(text: string): Json {
  try {
    return JSON.parse(text === "" ? "{}" : text) as Json;
  } catch {
    // What the model wrote is no JSON; as text it is at least all there.
    return text;
  }
}

/** A UI message as the events of a stream that says the same. */
export function readAnswer({ id, parts, metadata }: JsonObject): StreamEvent[] {
  if (!Array.isArray(parts)) {
    const error = { code: "provider-error", message: "the provider's answer is no UI message" } as const;
    return [{ type: "stream-end", outcome: "failed", error }];
  }
  const told = isJsonObject(metadata) ? metadata : {};
  const events: StreamEvent[] = [
    {
      type: "attempt-start",
      provider: "",
      model: isText(told["model"]) ? told["model"] : "",
      ...(isText(id) && { responseId: id }),
    },
  ];
  let calls = 0;
  for (const part of parts) {
    if (!isJsonObject(part)) continue;
    const read = readBlock(part, calls);
    if (read[0]?.type === "tool-call-start") calls += 1;
    events.push(...read);
  }
  const { reason } = readFinishReason(told["finishReason"]);
  events.push({ type: "finish", reason });
  const usage: unknown = told["usage"];
  if (isUsage(usage)) events.push({ type: "usage", usage });
  return [...events, { type: "stream-end", outcome: outcomeOf([reason]) }];
}

function readBlock(part: JsonObject, call: number): StreamEvent[] {
  const { type, text, providerMetadata, toolCallId: callId, toolName, input } = part;
  if (typeof type !== "string") return [];
  const { signature, redacted, refusal } = readOwnMetadata(providerMetadata);
  if (type === "text" && isText(text)) return [{ type: refusal === true ? "refusal-delta" : "text-delta", text }];
  if (type === "reasoning") {
    const events: StreamEvent[] = isText(text) ? [{ type: "reasoning-delta", text }] : [];
    if (signature !== undefined) events.push({ type: "reasoning-signature", signature, ...(redacted && { redacted }) });
    return events;
  }
  const name = type === "dynamic-tool" ? toolName : type.startsWith("tool-") ? type.slice(5) : undefined;
  if (!isText(name) || !isText(callId)) return [];
  return [
    { type: "tool-call-start", call, callId, name, kind: typeof input === "string" ? "custom" : "function" },
    { type: "tool-call-delta", call, argumentsText: inputText(input) },
  ];
}
