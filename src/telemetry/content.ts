import type { Attributes } from "@opentelemetry/api";

import type { Block } from "../core/answer.ts";
import { AnswerFold } from "../core/answer.ts";
import type { StreamEvent } from "../core/events.ts";
import type { GenerateRequest, Part } from "../core/request.ts";

/** Longest text of a part in a span: exporters and what is behind them refuse what is too large. */
const longestText = 32_768;

interface ContentPart {
  type: string;
  content?: string;
  [more: string]: unknown;
}

// The shape of messages: https://github.com/open-telemetry/semantic-conventions-genai/tree/main/docs/gen-ai

/** What was asked, as the semantic conventions write it. */
export function contentOf({ messages }: GenerateRequest): Attributes {
  const written = messages.map(({ role, content }) => ({ role, parts: content.map(partOf) }));
  return { "gen_ai.input.messages": JSON.stringify(written) };
}

/** The same events; what they say together is told once they are over, or nobody wants more of them. */
export async function* withContent(
  events: AsyncIterable<StreamEvent>,
  tell: (attributes: Attributes) => void,
): AsyncGenerator<StreamEvent, void, undefined> {
  const fold = new AnswerFold();
  try {
    for await (const event of events) {
      fold.add(event);
      // The reader of events leaves with the last one.
      if (event.type === "stream-end") tell(answerOf(fold));
      yield event;
    }
  } finally {
    tell(answerOf(fold));
  }
}

function answerOf({ answer }: AnswerFold): Attributes {
  const written = answer.choices.map(({ blocks, finishReason }) => ({
    role: "assistant",
    parts: blocks.map(blockOf),
    finish_reason: finishReason ?? "error",
  }));
  return { "gen_ai.output.messages": JSON.stringify(written) };
}

function blockOf(block: Block): ContentPart {
  if (block.kind !== "tool-call") return text(block.kind, block.text);
  return { type: "tool_call", id: block.callId, name: block.name, arguments: shortened(block.argumentsText) };
}

function partOf(part: Part): ContentPart {
  switch (part.type) {
    case "text":
    case "reasoning":
    case "refusal":
      return text(part.type, part.text);
    case "tool-call":
      return { type: "tool_call", id: part.callId, name: part.name, arguments: shortened(part.argumentsText) };
    case "tool-result":
      return { type: "tool_call_response", id: part.callId, response: part.content.map(partOf) };
    default:
      // Images and files are only named: they are large, and nobody reads them in a trace.
      return { type: part.type };
  }
}

function text(type: string, content: string): ContentPart {
  return { type, content: shortened(content) };
}

function shortened(content: string): string {
  return content.length > longestText ? `${content.slice(0, longestText)}…` : content;
}
