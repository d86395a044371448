import type { Citation, StreamEvent, ProtocolName } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { hole } from "./openai-responses-frame.ts";
import { indexMember, type OutputItems, type TextStep } from "./openai-responses-output.ts";
import { sealSignature } from "./signatures.ts";

type Emit = (frame: JsonObject) => void;

const idPrefixes: Record<string, string> = {
  message: "msg",
  reasoning: "rs",
  function_call: "fc",
  custom_tool_call: "ctc",
};

/**
 * Tells an answer as OpenAI's own clients expect it: for steps that come from other protocols, from user code, or from an
 * attempt that goes on with what another one began.
 */
export class CanonicalFrames {
  readonly #output: OutputItems;
  readonly #emit: Emit;
  readonly #suffix: string;
  /** Output indexes of the tool calls of this attempt, by their number. */
  readonly #calls = new Map<number, number>();
  /** Calls that an attempt began and nobody goes on with. */
  readonly #abandoned = new Set<number>();
  #signature = "";
  /** Whose signatures they are. */
  signedBy: ProtocolName = "openai-responses";

  constructor(output: OutputItems, suffix: string, emit: Emit) {
    this.#output = output;
    this.#suffix = suffix;
    this.#emit = emit;
  }

  beginAttempt(protocol: ProtocolName | undefined): void {
    this.signedBy = protocol ?? "openai-responses";
    for (const index of this.#output.open) if (isCall(this.#output.items[index])) this.#abandoned.add(index);
    this.#calls.clear();
  }

  /** A call whose item was announced otherwise. */
  noteCall(call: number, outputIndex: number): void {
    this.#calls.set(call, outputIndex);
  }

  /** Every step but pieces of text. */
  write(event: StreamEvent): void {
    switch (event.type) {
      case "block-start":
        this.#closeBlock();
        if (event.kind === "reasoning") this.#openItem("reasoning");
        else this.#openPart(event.kind);
        return;
      case "block-end":
        this.#closeBlock();
        return;
      case "reasoning-signature":
        if (this.#openIndex("reasoning") === undefined) this.#openItem("reasoning");
        this.#signature += event.signature;
        return;
      case "tool-call-start":
        this.#closeMessages();
        this.#openCall(event);
        return;
      case "citation":
        this.#cite(event.citation);
        return;
      case "finish":
        if (event.reason === "error" || event.reason === "malformed_tool_call") return;
        this.close(event.reason === "length" || event.reason === "content_filter" || event.reason === "context_full");
        break;
      default:
    }
  }

  /** Opens what a piece of text belongs to, and returns the event of a piece, its text left out. */
  open(step: TextStep, call: number, hasLogprobs: boolean): JsonObject | undefined {
    if (step === "arguments") return this.#argumentsPiece(call);
    if (!this.#isOpen(step)) {
      this.#closeBlock();
      if (step === "reasoning") this.#openSummary();
      else this.#openPart(step);
    }
    const { outputIndex, list, index } = this.#output.openPart as NonNullable<OutputItems["openPart"]>;
    const type = this.#output.part({ outputIndex, list, index })["type"] as string;
    return {
      type: `response.${type === "summary_text" ? "reasoning_summary_text" : type}.delta`,
      ...this.#place(outputIndex),
      [indexMember(list)]: index,
      delta: hole,
      ...(step === "text" && { logprobs: hasLogprobs ? hole : [] }),
    };
  }

  /** Completes all items; `isCut` ones that were being written are incomplete. */
  close(isCut: boolean): void {
    for (const index of this.#output.open) {
      this.#closeItem(index, isCut || this.#abandoned.has(index) ? "incomplete" : "completed");
    }
  }

  /** The output as it is, for an answer that is not whole. */
  unfinished(): Json[] {
    return this.#output.items.map((item, index) =>
      this.#output.open.has(index) ? { ...item, status: "incomplete" } : item,
    );
  }

  #isOpen(step: TextStep): boolean {
    const part = this.#output.openPart;
    if (part === undefined) return false;
    const { type } = this.#output.part(part);
    if (step === "reasoning") return type === "summary_text" || type === "reasoning_text";
    return type === (step === "refusal" ? "refusal" : "output_text");
  }

  #place(outputIndex: number): JsonObject {
    return { item_id: this.#output.items[outputIndex]?.["id"] ?? null, output_index: outputIndex };
  }

  #openIndex(type: string): number | undefined {
    for (const index of this.#output.open) if (this.#output.items[index]?.["type"] === type) return index;
    return undefined;
  }

  #openItem(type: "message" | "reasoning"): number {
    this.#closeMessages();
    const body = type === "message" ? { role: "assistant", content: [] } : { summary: [] };
    return this.#addItem({ id: this.#nextId(type), type, status: "in_progress", ...body });
  }

  #nextId(type: string): string {
    return `${idPrefixes[type]}_${this.#suffix}_${this.#output.items.length}`;
  }

  #addItem(item: JsonObject): number {
    const outputIndex = this.#output.items.length;
    this.#emit({ type: "response.output_item.added", output_index: outputIndex, item });
    return outputIndex;
  }

  #openPart(kind: "text" | "refusal"): void {
    const outputIndex = this.#openIndex("message") ?? this.#openItem("message");
    const content = this.#output.items[outputIndex]?.["content"];
    this.#emit({
      type: "response.content_part.added",
      ...this.#place(outputIndex),
      content_index: Array.isArray(content) ? content.length : 0,
      part:
        kind === "text"
          ? { type: "output_text", annotations: [], logprobs: [], text: "" }
          : { type: "refusal", refusal: "" },
    });
  }

  #openSummary(): void {
    const outputIndex = this.#openIndex("reasoning") ?? this.#openItem("reasoning");
    const summary = this.#output.items[outputIndex]?.["summary"];
    this.#emit({
      type: "response.reasoning_summary_part.added",
      ...this.#place(outputIndex),
      summary_index: Array.isArray(summary) ? summary.length : 0,
      part: { type: "summary_text", text: "" },
    });
  }

  #openCall({ call, callId, name, kind }: Extract<StreamEvent, { type: "tool-call-start" }>): void {
    const type = kind === "custom" ? "custom_tool_call" : "function_call";
    const id = this.#nextId(type);
    const input = kind === "custom" ? { input: "" } : { arguments: "" };
    const item = { id, type, status: "in_progress", call_id: callId === "" ? id : callId, name, ...input };
    this.#calls.set(call, this.#addItem(item));
  }

  #argumentsPiece(call: number): JsonObject | undefined {
    const outputIndex = this.#calls.get(call);
    if (outputIndex === undefined || !this.#output.open.has(outputIndex)) return undefined;
    const isCustom = this.#output.items[outputIndex]?.["type"] === "custom_tool_call";
    const type = isCustom ? "response.custom_tool_call_input.delta" : "response.function_call_arguments.delta";
    return { type, ...this.#place(outputIndex), delta: hole };
  }

  #cite(citation: Citation): void {
    if (!this.#isOpen("text")) this.#openPart("text");
    const part = this.#output.openPart as NonNullable<OutputItems["openPart"]>;
    const { annotations } = this.#output.part(part);
    this.#emit({
      type: "response.output_text.annotation.added",
      ...this.#place(part.outputIndex),
      content_index: part.index,
      annotation_index: Array.isArray(annotations) ? annotations.length : 0,
      annotation: writeAnnotation(citation),
    });
  }

  /** Ends the part that is being written, and the item where it is one of reasoning. */
  #closeBlock(): void {
    this.#closePart();
    const reasoning = this.#openIndex("reasoning");
    if (reasoning !== undefined) this.#closeItem(reasoning, "completed");
  }

  /** Calls stay open: pieces of their arguments may come in any order. */
  #closeMessages(): void {
    for (const index of this.#output.open) {
      if (!isCall(this.#output.items[index])) this.#closeItem(index, "completed");
    }
  }

  #closePart(): void {
    const open = this.#output.openPart;
    if (open === undefined) return;
    const part = structuredClone(this.#output.part(open));
    const place = { ...this.#place(open.outputIndex), [indexMember(open.list)]: open.index };
    if (open.list === "summary") {
      this.#emit({ type: "response.reasoning_summary_text.done", ...place, text: part["text"] });
      this.#emit({ type: "response.reasoning_summary_part.done", ...place, part });
      return;
    }
    const { type, text, refusal, logprobs } = part;
    if (type === "refusal") this.#emit({ type: "response.refusal.done", ...place, refusal });
    else if (type === "reasoning_text") this.#emit({ type: "response.reasoning_text.done", ...place, text });
    else this.#emit({ type: "response.output_text.done", ...place, text, logprobs: logprobs ?? [] });
    this.#emit({ type: "response.content_part.done", ...place, part });
  }

  #closeItem(outputIndex: number, status: "completed" | "incomplete"): void {
    if (this.#output.openPart?.outputIndex === outputIndex) this.#closePart();
    const item = structuredClone(this.#output.items[outputIndex] ?? {});
    const place = this.#place(outputIndex);
    if (item["type"] === "function_call") {
      const { name, arguments: text } = item;
      this.#emit({ type: "response.function_call_arguments.done", ...place, name, arguments: text });
    } else if (item["type"] === "custom_tool_call") {
      this.#emit({ type: "response.custom_tool_call_input.done", ...place, input: item["input"] });
    } else if (item["type"] === "reasoning" && this.#signature !== "") {
      const signature = { signature: this.#signature, from: this.signedBy };
      item["encrypted_content"] = sealSignature(signature, "openai-responses");
      this.#signature = "";
    }
    item["status"] = status;
    this.#emit({ type: "response.output_item.done", output_index: outputIndex, item });
  }
}

function isCall(item: Json | undefined): boolean {
  const type = isJsonObject(item) ? item["type"] : undefined;
  return type !== "message" && type !== "reasoning";
}

function writeAnnotation({ url, title, documentIndex, startIndex, endIndex }: Citation): JsonObject {
  if (url !== undefined) {
    return { type: "url_citation", url, title: title ?? "", start_index: startIndex ?? 0, end_index: endIndex ?? 0 };
  }
  return {
    type: "file_citation",
    file_id: `document_${documentIndex ?? 0}`,
    filename: title ?? "",
    index: endIndex ?? startIndex ?? 0,
  };
}
