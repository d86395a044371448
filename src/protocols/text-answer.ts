import type { Answer } from "../core/answer.ts";
import { answerText } from "../core/answer.ts";
import type { StreamEvent, Usage } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import type { WriteOptions } from "./protocol.ts";

/** A whole answer for clients that want its text: `{streamId, model, text, finishReason, usage}`. */
export function writeTextAnswer(answer: Answer, { streamId }: WriteOptions): JsonObject {
  return {
    streamId,
    model: answer.attempt?.model || answer.start?.model || "",
    text: answerText(answer),
    finishReason: answer.choices[0]?.finishReason,
    usage: answer.usage as JsonObject | undefined,
  };
}

export function readTextAnswer(body: JsonObject): StreamEvent[] {
  const { text, model, usage } = body;
  if (typeof text !== "string") {
    return [
      {
        type: "stream-end",
        outcome: "failed",
        error: { code: "provider-error", message: "the provider's answer has no text" },
      },
    ];
  }
  const events: StreamEvent[] = [
    { type: "attempt-start", provider: "", model: typeof model === "string" ? model : "" },
  ];
  if (text !== "") events.push({ type: "text-delta", text });
  events.push({ type: "finish", reason: "stop" });
  if (isUsage(usage)) events.push({ type: "usage", usage });
  return [...events, { type: "stream-end", outcome: "completed" }];
}

/** Our own counts, back from the wire. */
export function isUsage(value: unknown): value is Usage {
  if (typeof value !== "object" || value === null) return false;
  const { inputTokens, outputTokens } = value as Partial<Usage>;
  return typeof inputTokens === "number" && typeof outputTokens === "number";
}
