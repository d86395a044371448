import { HeadraceError } from "../core/errors.ts";
import type { FinishReason, StreamEvent, ToolCallStart, Usage } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { LineShape } from "./ollama-line.ts";
import { objectOfArguments } from "./tool-arguments.ts";

/** Writes lines as Ollama itself does: for events that come from other protocols, or from user code. */
export class CanonicalLines {
  readonly #shape: LineShape;
  #head: JsonObject = {};
  #textBefore = "";
  #thinkingBefore = "";
  #call: { start: ToolCallStart; argumentsText: string[] } | undefined;
  #reason: FinishReason | undefined;
  #usage: Usage | undefined;

  constructor(shape: LineShape) {
    this.#shape = shape;
  }

  /** What every line begins with. */
  setHead(model: string, createdAt: string): void {
    this.#head = { model, created_at: createdAt };
    const beginning = JSON.stringify(this.#head).slice(0, -1);
    const isChat = this.#shape.holder !== undefined;
    const before = isChat ? `${beginning},"message":{"role":"assistant","content":` : `${beginning},"response":`;
    this.#textBefore = before;
    this.#thinkingBefore = `${before}"","thinking":`;
  }

  /**
   * JSON of the lines that this event becomes. A call becomes one when it is complete, since its arguments are an object.
   *
   * @throws HeadraceError `provider-error` - the arguments of a call are no object, which a line cannot say.
   */
  write(event: StreamEvent): string[] {
    if ("choice" in event && (event.choice ?? 0) !== 0) return [];
    switch (event.type) {
      case "text-delta":
        if (event.logprobs !== undefined) return [...this.closeCall(), this.#withLogprobs(event.text, event.logprobs)];
        return this.#delta(this.#textBefore, event.text);
      case "refusal-delta":
        return this.#delta(this.#textBefore, event.text);
      case "reasoning-delta":
        return this.#delta(this.#thinkingBefore, event.text);
      case "tool-call-start": {
        const lines = this.closeCall();
        this.#call = { start: event, argumentsText: [] };
        return lines;
      }
      case "tool-call-delta":
        if (this.#call?.start.call === event.call) this.#call.argumentsText.push(event.argumentsText);
        return [];
      case "finish":
        this.#reason = event.reason;
        return this.closeCall();
      case "usage":
        // The last line says it; providers may report more than once.
        this.#usage = event.usage;
        return [];
      default:
        return [];
    }
  }

  /** The call that has been collected so far, which is complete now. */
  closeCall(): string[] {
    const call = this.#call;
    if (call === undefined) return [];
    this.#call = undefined;
    return [this.#line({ content: "", tool_calls: [writeCall(call.start, call.argumentsText.join(""))] }, false)];
  }

  /** The line that ends a whole answer. */
  last(outcome: "completed" | "length" | "content_filter"): string {
    const reason = this.#reason ?? (outcome === "completed" ? "stop" : outcome);
    return this.#line(
      { content: "" },
      { done: true, done_reason: writeDoneReason(reason), ...writeCounts(this.#usage) },
    );
  }

  #delta(before: string, text: string): string[] {
    if (text === "") return [];
    const close = this.#shape.holder === undefined ? ',"done":false}' : '},"done":false}';
    const line = before + JSON.stringify(text) + close;
    return this.#call === undefined ? [line] : [...this.closeCall(), line];
  }

  #withLogprobs(text: string, logprobs: unknown): string {
    const tokens = isJsonObject(logprobs) ? logprobs["content"] : undefined;
    return this.#line({ content: text }, { logprobs: tokens ?? undefined, done: false });
  }

  #line({ content, ...held }: JsonObject, rest: JsonObject | false): string {
    const end = rest === false ? { done: false } : rest;
    if (this.#shape.holder === undefined) return JSON.stringify({ ...this.#head, response: content, ...held, ...end });
    return JSON.stringify({ ...this.#head, message: { role: "assistant", content, ...held }, ...end });
  }
}

/** A call as Ollama has it: with its arguments as an object. */
export function writeCall(
  { call, callId, name, kind }: Pick<ToolCallStart, "call" | "callId" | "name" | "kind">,
  argumentsText: string,
): JsonObject {
  const found = objectOfArguments(kind, argumentsText);
  if (found !== undefined) return { id: callId, function: { index: call, name, arguments: found } };
  throw new HeadraceError(
    "provider-error",
    "the model called a tool with arguments that are no JSON object, which Ollama's protocol cannot say",
  );
}

export function writeDoneReason(reason: FinishReason): string {
  if (reason === "length" || reason === "context_full") return "length";
  return reason === "content_filter" ? "content_filter" : "stop";
}

export function writeCounts(usage: Usage | undefined): JsonObject {
  return usage === undefined ? {} : { prompt_eval_count: usage.inputTokens, eval_count: usage.outputTokens };
}
