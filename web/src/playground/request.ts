import type { Json, JsonObject } from "../../../src/core/json.ts";
import { fieldsOf, type Settings } from "./settings.ts";

export interface Attachment {
  name: string;
  dataUrl: string;
}

/** What a tool that the model called has answered. */
export interface ToolResult {
  callId: string;
  text: string;
}

export interface Said {
  text: string;
  images: readonly Attachment[];
  /** For the calls of the answer before. */
  results?: readonly ToolResult[];
}

export interface ToolCall {
  callId: string;
  name: string;
  /** `custom` tools take free text, the others JSON. */
  kind: "function" | "custom";
  argumentsText: string;
}

export interface Turn {
  said: Said;
  /** What the model answered, once it did. */
  answer: { text: string; toolCalls: readonly ToolCall[] } | undefined;
}

export interface AskedFor {
  model: string;
  turns: readonly Turn[];
  settings: Settings;
}

/** The body of an OpenAI Chat request, without `stream`. */
export function chatBody({ model, turns, settings }: AskedFor): JsonObject {
  const system = settings.system.trim();
  const messages: Json[] = system === "" ? [] : [{ role: "system", content: system }];
  let openCalls: readonly ToolCall[] = [];
  for (const { said, answer } of turns) {
    messages.push(...resultMessages(openCalls, said.results ?? []));
    if (said.text !== "" || said.images.length > 0) messages.push({ role: "user", content: contentOf(said) });
    if (answer !== undefined) messages.push(answerMessage(answer));
    openCalls = answer?.toolCalls ?? [];
  }
  return { model, messages, ...fieldsOf(settings) };
}

function contentOf({ text, images }: Said): Json {
  if (images.length === 0) return text;
  const parts = images.map(({ dataUrl }) => ({ type: "image_url", image_url: { url: dataUrl } }));
  return text === "" ? parts : [{ type: "text", text }, ...parts];
}

/** Each call has to be answered, or the request is refused. */
function resultMessages(calls: readonly ToolCall[], results: readonly ToolResult[]): Json[] {
  return calls.map(({ callId }) => {
    const result = results.find((one) => one.callId === callId);
    return { role: "tool", tool_call_id: callId, content: result?.text ?? "This tool was not run." };
  });
}

function answerMessage({ text, toolCalls }: NonNullable<Turn["answer"]>): JsonObject {
  if (toolCalls.length === 0) return { role: "assistant", content: text };
  const calls = toolCalls.map(({ callId, name, kind, argumentsText }) =>
    kind === "custom"
      ? { id: callId, type: kind, custom: { name, input: argumentsText } }
      : { id: callId, type: kind, function: { name, arguments: argumentsText } },
  );
  return { role: "assistant", content: text === "" ? null : text, tool_calls: calls };
}
