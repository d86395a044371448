import type { ToolCallStart } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { parseArguments } from "./tool-arguments.ts";
import { chunkFrame } from "./ui-message-stream-chunk.ts";

interface WrittenCall {
  callId: string;
  name: string;
  kind: "function" | "custom";
  argumentsText: string;
  isComplete: boolean;
  /** Everything of a delta's frame before its text. */
  deltaPrefix: string;
}

/** The tool calls of an answer while they are written. */
export class WrittenCalls {
  readonly #calls = new Map<number, WrittenCall>();

  get count(): number {
    return this.#calls.size;
  }

  start({ call, callId, name, kind }: Pick<ToolCallStart, "call" | "callId" | "name" | "kind">): string[] {
    this.#calls.set(call, {
      callId,
      name,
      kind,
      argumentsText: "",
      isComplete: false,
      deltaPrefix: `data: {"type":"tool-input-delta","toolCallId":${JSON.stringify(callId)},"inputTextDelta":`,
    });
    const encoding = kind === "custom" ? { inputEncoding: "text" } : {};
    return [chunkFrame({ type: "tool-input-start", toolCallId: callId, toolName: name, ...encoding })];
  }

  extend(call: number, argumentsText: string): string[] {
    const found = this.#calls.get(call);
    if (found === undefined || argumentsText === "") return [];
    found.argumentsText += argumentsText;
    return [`${found.deltaPrefix}${JSON.stringify(argumentsText)}}\n\n`];
  }

  /** The whole input of each call that was not completed yet. */
  complete(): string[] {
    const frames: string[] = [];
    for (const call of this.#calls.values()) {
      if (call.isComplete) continue;
      call.isComplete = true;
      frames.push(chunkFrame(inputChunk(call)));
    }
    return frames;
  }

  /** Notes what a chunk that was written otherwise has told. */
  note({ type, toolCallId }: JsonObject): void {
    if (type !== "tool-input-available" && type !== "tool-input-error") return;
    for (const call of this.#calls.values()) if (call.callId === toolCallId) call.isComplete = true;
  }
}

function inputChunk({ callId, name, kind, argumentsText }: WrittenCall): JsonObject {
  const named = { toolCallId: callId, toolName: name };
  if (kind === "custom") return { type: "tool-input-available", ...named, input: argumentsText };
  const input = parseArguments(argumentsText);
  if (input !== undefined) return { type: "tool-input-available", ...named, input };
  const errorText = "The model's arguments for this tool are not valid JSON.";
  return { type: "tool-input-error", ...named, input: argumentsText, errorText };
}
