import type { ToolCallDelta, ToolCallStart } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { isText } from "./json-values.ts";
import { inputText } from "./ui-message-stream-chunk.ts";

const maxCalls = 1024;

interface Call {
  call: number;
  hasInput: boolean;
}

/** The tool calls of an answer while they arrive. */
export class UiToolCalls {
  readonly #calls = new Map<string, Call>();
  /** Calls that the provider ran itself: a reader of another protocol would try to run them again. */
  readonly #providersOwn = new Set<string>();

  /** The steps of the answer that a `tool-*` chunk says; none for what happens to a call after it was made. */
  read(chunk: JsonObject): (ToolCallStart | ToolCallDelta)[] {
    const { type, toolCallId: callId, toolName, inputTextDelta, input, inputEncoding, providerExecuted } = chunk;
    if (!isText(callId)) return [];
    if (providerExecuted === true) this.#providersOwn.add(callId);
    if (this.#providersOwn.has(callId)) return [];
    const known = this.#calls.get(callId);
    switch (type) {
      case "tool-input-start":
        if (known !== undefined || !isText(toolName)) return [];
        return this.#start(callId, toolName, inputEncoding === "text" ? "custom" : "function");
      case "tool-input-delta":
        return known !== undefined && isText(inputTextDelta) ? [inputOf(known, inputTextDelta)] : [];
      case "tool-input-available": {
        if (known?.hasInput === true || !isText(toolName)) return [];
        const start = known === undefined ? this.#start(callId, toolName, "function") : [];
        const call = this.#calls.get(callId);
        return call === undefined ? [] : [...start, inputOf(call, inputText(input))];
      }
      default:
        return [];
    }
  }

  #start(callId: string, name: string, kind: "function" | "custom"): ToolCallStart[] {
    const call = this.#calls.size;
    if (call === maxCalls) return [];
    this.#calls.set(callId, { call, hasInput: false });
    return [{ type: "tool-call-start", call, callId, name, kind }];
  }
}

function inputOf(call: Call, argumentsText: string): ToolCallDelta {
  call.hasInput = true;
  return { type: "tool-call-delta", call: call.call, argumentsText };
}
