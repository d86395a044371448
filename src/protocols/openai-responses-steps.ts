import type { Citation, Finish, FinishReason, StreamEnd, StreamEvent } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { isText } from "./json-values.ts";
import {
  indexMember,
  isIndex,
  type OutputItems,
  partListOf,
  type TextStream,
  textStreamOf,
} from "./openai-responses-output.ts";
import { readUsage } from "./openai-responses-usage.ts";

export type StepEvent = Exclude<StreamEvent, StreamEnd | { type: "stream-start" | "warning" | "seam" }>;

/** Between two parts of reasoning, which make one text for everybody else. */
const partBreak = "\n\n";

/** Finds the steps of an answer in the events of a response. */
export class AnswerSteps {
  readonly #output: OutputItems;
  /** Numbers of tool calls by the output index of their item. */
  readonly #calls = new Map<number, number>();
  readonly #done = new Set<number>();
  #steps: StepEvent[] = [];
  /** Set once the response has come to its end. */
  finishReason: FinishReason | undefined;
  /** Whether the last event's own piece of text is the last of its steps. */
  holdsPiece = false;

  constructor(output: OutputItems) {
    this.#output = output;
  }

  /** The steps of an event that `output` has not taken in yet. */
  read(frame: JsonObject): StepEvent[] {
    this.#steps = [];
    this.holdsPiece = false;
    const type = frame["type"] as string;
    const delta = textStreamOf(type, ".delta");
    if (delta !== undefined) this.#delta(delta, frame);
    else if (type === "response.completed" || type === "response.incomplete") this.#complete(frame);
    else this.#structure(type, frame);
    return this.#steps;
  }

  #structure(type: string, frame: JsonObject): void {
    const index = frame["output_index"];
    if (!isIndex(index)) return;
    if (type === "response.output_item.added") this.#addItem(index, frame["item"]);
    else if (type === "response.output_item.done") this.#finishItem(index, frame["item"]);
    else if (type === "response.output_text.annotation.added") this.#cite(frame["annotation"]);
    else if (partListOf(type, ".added") !== undefined) this.#addPart(frame);
    else if (type === "response.content_part.done") {
      this.#catchUpPart(frame["part"], this.#partOf(frame));
      if (isJsonObject(frame["part"]) && frame["part"]["type"] !== "reasoning_text") this.#tell({ type: "block-end" });
    } else {
      const text = textStreamOf(type, ".done");
      if (text?.step !== undefined) this.#catchUpText(text, frame);
    }
  }

  #tell(step: StepEvent): void {
    this.#steps.push(step);
  }

  #delta(text: TextStream, frame: JsonObject): void {
    const { delta, logprobs, output_index: index } = frame;
    if (!isText(delta) || text.step === undefined) return;
    const before = this.#steps.length;
    this.#piece(text, index, delta, logprobs);
    this.holdsPiece = this.#steps.length > before;
  }

  #piece({ step }: Pick<TextStream, "step">, index: Json | undefined, text: string, logprobs?: Json): void {
    if (text === "") return;
    if (step === "arguments") {
      const call = isIndex(index) ? this.#calls.get(index) : undefined;
      if (call !== undefined) this.#tell({ type: "tool-call-delta", call, argumentsText: text });
    } else if (step === "text") {
      const tokens = Array.isArray(logprobs) && logprobs.length > 0 ? { logprobs: { content: logprobs } } : {};
      this.#tell({ type: "text-delta", text, ...tokens });
    } else this.#tell({ type: step === "refusal" ? "refusal-delta" : "reasoning-delta", text });
  }

  #addItem(index: number, item: Json | undefined): void {
    if (!isJsonObject(item)) return;
    if (item["type"] === "reasoning") this.#tell({ type: "block-start", kind: "reasoning" });
    else this.#startCall(index, item);
  }

  #startCall(index: number, item: JsonObject): void {
    const { type, name, call_id: callId, id } = item;
    const isFunction = type === "function_call";
    if (!isFunction && type !== "custom_tool_call") return;
    const call = this.#calls.size;
    this.#calls.set(index, call);
    this.#tell({
      type: "tool-call-start",
      call,
      callId: isText(callId) ? callId : isText(id) ? id : `call_${call}`,
      name: isText(name) ? name : "",
      kind: isFunction ? "function" : "custom",
    });
    const told = item[isFunction ? "arguments" : "input"];
    if (isText(told)) this.#piece({ step: "arguments" }, index, told);
  }

  #addPart(frame: JsonObject): void {
    const part = isJsonObject(frame["part"]) ? frame["part"] : {};
    const { type, text } = part;
    if (type === "output_text" || type === "refusal") {
      this.#tell({ type: "block-start", kind: type === "refusal" ? "refusal" : "text" });
      const told = part[type === "refusal" ? "refusal" : "text"];
      if (isText(told)) this.#piece({ step: type === "refusal" ? "refusal" : "text" }, undefined, told);
      return;
    }
    const position = frame["summary_index"] ?? frame["content_index"];
    if (isIndex(position) && position > 0) this.#tell({ type: "reasoning-delta", text: partBreak });
    if (isText(text)) this.#tell({ type: "reasoning-delta", text });
  }

  /** An event that has a text as a whole may say more than the pieces before it: some servers send no pieces. */
  #catchUpText(text: TextStream, frame: JsonObject): void {
    const index = frame["output_index"] as number;
    const known = text.list === undefined ? this.#output.items[index] : this.#partOf(frame, text.list);
    const whole = frame[text.key];
    if (isText(whole)) this.#piece(text, index, rest(whole, known?.[text.key]));
  }

  #catchUpPart(part: Json | undefined, known: JsonObject | undefined): void {
    if (!isJsonObject(part)) return;
    const isRefusal = part["type"] === "refusal";
    const key = isRefusal ? "refusal" : "text";
    const step = isRefusal ? "refusal" : part["type"] === "output_text" ? "text" : "reasoning";
    const whole = part[key];
    if (isText(whole)) this.#piece({ step }, undefined, rest(whole, known?.[key]));
  }

  #partOf(frame: JsonObject, list: "content" | "summary" = "content"): JsonObject | undefined {
    const parts = this.#output.items[frame["output_index"] as number]?.[list];
    const index = frame[indexMember(list)] ?? 0;
    const part = Array.isArray(parts) && isIndex(index) ? parts[index] : undefined;
    return isJsonObject(part) ? part : undefined;
  }

  #finishItem(index: number, item: Json | undefined): void {
    if (!isJsonObject(item)) return;
    this.#done.add(index);
    const known = this.#output.items[index];
    const isNew = known === undefined || known["type"] === undefined;
    if (isNew) this.#addItem(index, item);
    const { type } = item;
    if (type === "message") this.#catchUpParts(item["content"], known?.["content"]);
    else if (type === "reasoning") this.#finishReasoning(item, known);
    else if (!isNew && (type === "function_call" || type === "custom_tool_call")) {
      const key = type === "function_call" ? "arguments" : "input";
      const whole = item[key];
      if (isText(whole)) this.#piece({ step: "arguments" }, index, rest(whole, known?.[key]));
    }
  }

  #finishReasoning(item: JsonObject, known: JsonObject | undefined): void {
    this.#catchUpParts(item["summary"], known?.["summary"]);
    this.#catchUpParts(item["content"], known?.["content"]);
    const signature = item["encrypted_content"];
    const hasText = [item["summary"], item["content"]].some((parts) => Array.isArray(parts) && parts.length > 0);
    if (isText(signature))
      this.#tell({ type: "reasoning-signature", signature, ...(!hasText && { redacted: true as const }) });
    this.#tell({ type: "block-end" });
  }

  #catchUpParts(parts: Json | undefined, known: Json | undefined): void {
    if (!Array.isArray(parts)) return;
    parts.forEach((part, index) => {
      const before = Array.isArray(known) ? known[index] : undefined;
      this.#catchUpPart(part, isJsonObject(before) ? before : undefined);
    });
  }

  #cite(annotation: Json | undefined): void {
    const citation = isJsonObject(annotation) ? readCitation(annotation) : undefined;
    if (citation !== undefined) this.#tell({ type: "citation", citation });
  }

  #complete(frame: JsonObject): void {
    const response = isJsonObject(frame["response"]) ? frame["response"] : {};
    const { output } = response;
    if (Array.isArray(output)) {
      output.forEach((item, index) => {
        if (!this.#done.has(index)) this.#finishItem(index, item);
      });
    }
    const usage = readUsage(response["usage"]);
    if (usage !== undefined) this.#tell({ type: "usage", usage });
    const finish = this.#finish(frame["type"] as string, response);
    this.finishReason = finish.reason;
    this.#tell(finish);
  }

  #finish(type: string, { status, incomplete_details: details }: JsonObject): Finish {
    const isIncomplete = type === "response.incomplete" || status === "incomplete";
    if (!isIncomplete) return { type: "finish", reason: this.#calls.size > 0 ? "tool_calls" : "stop" };
    const word = isJsonObject(details) ? details["reason"] : undefined;
    if (word === "max_output_tokens") return { type: "finish", reason: "length" };
    if (word === "content_filter") return { type: "finish", reason: "content_filter" };
    const isWord = isText(word) && /^[\w.-]{1,64}$/.test(word);
    return { type: "finish", reason: "other", ...(isWord && { providerReason: word }) };
  }
}

/** What of the whole was not told yet; nothing when the pieces were others. */
function rest(whole: string, known: Json | undefined): string {
  if (typeof known !== "string") return whole;
  return whole.startsWith(known) ? whole.slice(known.length) : "";
}

function readCitation(annotation: JsonObject): Citation | undefined {
  const { type, url, title, filename, start_index: start, end_index: end, index } = annotation;
  const citation: Citation = {};
  if (isText(url)) citation.url = url;
  const name = isText(title) ? title : filename;
  if (isText(name)) citation.title = name;
  if (typeof start === "number") citation.startIndex = start;
  else if (typeof index === "number") citation.startIndex = index;
  if (typeof end === "number") citation.endIndex = end;
  return type === "url_citation" || type === "file_citation" || type === "container_file_citation"
    ? citation
    : undefined;
}
