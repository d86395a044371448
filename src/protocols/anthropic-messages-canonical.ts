import type { Citation, FinishReason, ProtocolName, ToolCallDelta, ToolCallStart, Usage } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { CallQueue, isComplete, toolUseId, type WrittenCall } from "./anthropic-messages-calls.ts";
import { writeCitation } from "./anthropic-messages-citations.ts";
import { writeStopReason } from "./anthropic-messages-finish.ts";
import { writeUsage } from "./anthropic-messages-usage.ts";
import { sealSignature } from "./signatures.ts";
import { sseFrame } from "./sse.ts";

/** What a block is of; `refusal` is text that the model refused with, `other` what only this protocol has. */
export type OpenKind = "text" | "reasoning" | "refusal" | "tool" | "other";

type TextKind = "text" | "reasoning" | "refusal";

interface OpenBlock {
  kind: OpenKind;
  index: number;
  /** What stands before and after the string of a delta. */
  prefix: string;
  suffix: string;
  signature: string;
  call?: WrittenCall;
}

/** The message that the frames so far add up to, and the frames that go on with it as Anthropic's clients expect them. */
export class CanonicalMessage {
  #next = 0;
  #open: OpenBlock | undefined;
  readonly #calls = new CallQueue();
  #hasCalls = false;
  #hasRefusal = false;
  #finish: { reason: FinishReason; stopSequence: string | undefined } | undefined;
  #usage: Usage | undefined;
  /** The reason and the counts are told as they are known. */
  #isTold = false;
  #isOver = false;

  /** Index of the block that is open, else of the last one. */
  get currentIndex(): number {
    return this.#open?.index ?? Math.max(0, this.#next - 1);
  }

  get nextIndex(): number {
    return this.#next;
  }

  get openKind(): OpenKind | undefined {
    return this.#open?.kind;
  }

  begin(id: string, model: string): string[] {
    const usage = writeUsage(this.#usage ?? { inputTokens: 0, outputTokens: 0 });
    const constant = { content: [], stop_reason: null, stop_sequence: null };
    const message = { id, type: "message", role: "assistant", model, ...constant, usage };
    return [frameOf({ type: "message_start", message })];
  }

  openText(kind: TextKind): string[] {
    const block = kind === "reasoning" ? { type: "thinking", thinking: "", signature: "" } : { type: "text", text: "" };
    return this.#start(kind, block);
  }

  /** Goes on with the open block when it is of this kind, else opens one. */
  text(kind: TextKind, text: string): string[] {
    if (kind === "refusal") this.#hasRefusal = true;
    if (text === "") return [];
    const delta = this.delta(kind, text);
    return delta === undefined ? [...this.openText(kind), this.delta(kind, text) as string] : [delta];
  }

  /** The hot path: a delta of the open block, undefined when that is of another kind. */
  delta(kind: OpenKind, text: string): string | undefined {
    const open = this.#open;
    // A signature is the last word of its block.
    if (open === undefined || open.kind !== kind || open.signature !== "") return undefined;
    return open.prefix + JSON.stringify(text) + open.suffix;
  }

  signature(signature: string, from: ProtocolName): string[] {
    const frames = this.#open?.kind === "reasoning" ? [] : this.openText("reasoning");
    const open = this.#open as OpenBlock;
    // Each replaces the ones before it.
    open.signature += signature;
    const sealed = sealSignature({ signature: open.signature, from }, "anthropic-messages");
    return [...frames, deltaFrame(open.index, { type: "signature_delta", signature: sealed })];
  }

  redacted(data: string, from: ProtocolName): string[] {
    const sealed = sealSignature({ signature: data, from }, "anthropic-messages");
    return this.#start("other", { type: "redacted_thinking", data: sealed });
  }

  citation(citation: Citation): string[] {
    const frames = this.#open?.kind === "text" ? [] : this.openText("text");
    return [...frames, deltaFrame(this.currentIndex, { type: "citations_delta", citation: writeCitation(citation) })];
  }

  startCall(start: ToolCallStart): string[] {
    const call = this.#calls.add(start);
    const open = this.#open?.call;
    if (open === undefined || isComplete(open)) return this.#openCall(call);
    this.#calls.wait(call);
    return [];
  }

  extendCall(call: number, argumentsText: string): string[] {
    const extended = this.#calls.extend(call, argumentsText);
    if (extended === undefined || extended !== this.#open?.call) return [];
    const delta = this.#argumentsDelta(extended, argumentsText);
    if (this.#calls.isEmpty || !isComplete(extended)) return [delta];
    return [delta, ...this.#nextCall()];
  }

  /** The same for a call whose block was opened by its own vendor's frame, so that none waits behind it. */
  callDelta({ call, argumentsText }: ToolCallDelta): string | undefined {
    if (this.#open?.call?.start.call !== call) return undefined;
    this.#calls.extend(call, argumentsText);
    return this.delta("tool", argumentsText);
  }

  /** Closes the open block, and writes the calls that waited for it. */
  close(): string[] {
    const frames = this.#stop();
    while (!this.#calls.isEmpty) frames.push(...this.#nextCall(), ...this.#stop());
    return frames;
  }

  finish(reason: FinishReason, stopSequence: string | undefined): void {
    this.#finish = { reason, stopSequence };
    this.#isTold = false;
  }

  usage(usage: Usage): void {
    this.#usage = usage;
    this.#isTold = false;
  }

  /** Frames that end a whole answer, which ended for this reason if nobody said why. */
  end(fallback: FinishReason): string[] {
    if (this.#isOver) return [];
    this.#isOver = true;
    const frames = this.close();
    if (!this.#isTold) frames.push(this.#messageDelta(this.#finish?.reason ?? fallback));
    return [...frames, frameOf({ type: "message_stop" })];
  }

  /** A block that was opened by a frame written otherwise. */
  noteStart(index: number, kind: OpenKind, start: ToolCallStart | undefined): void {
    this.#next = Math.max(this.#next, index + 1);
    this.#open = openBlock(kind, index);
    if (start === undefined) return;
    this.#hasCalls = true;
    this.#open.call = this.#calls.add(start);
  }

  noteStop(): void {
    this.#open = undefined;
  }

  /** A frame written otherwise has told what is known of the end. */
  noteDelta(): void {
    this.#isTold = this.#finish !== undefined;
  }

  noteOver(): void {
    this.#isOver = true;
  }

  #messageDelta(reason: FinishReason): string {
    let told = reason;
    // Not every vendor has words of its own for these; Anthropic's clients rely on them.
    if (told === "stop" && this.#hasRefusal) told = "content_filter";
    if (told === "stop" && this.#hasCalls) told = "tool_calls";
    const delta = { stop_reason: writeStopReason(told), stop_sequence: this.#finish?.stopSequence ?? null };
    const usage = writeUsage(this.#usage ?? { inputTokens: 0, outputTokens: 0 });
    return frameOf({ type: "message_delta", delta, usage });
  }

  #openCall(call: WrittenCall): string[] {
    this.#hasCalls = true;
    const { callId, name, kind } = call.start;
    const frames = this.#start("tool", { type: "tool_use", id: toolUseId(callId), name, input: {} });
    (this.#open as OpenBlock).call = call;
    // Input is an object here, so free text becomes the only member of one.
    if (kind === "custom") frames.push(this.delta("tool", '{"input":"') as string);
    if (call.argumentsText !== "") frames.push(this.#argumentsDelta(call, call.argumentsText));
    return frames;
  }

  #argumentsDelta({ start }: WrittenCall, text: string): string {
    const json = start.kind === "custom" ? JSON.stringify(text).slice(1, -1) : text;
    return this.delta("tool", json) as string;
  }

  #nextCall(): string[] {
    const call = this.#calls.next();
    if (call === undefined) return [];
    const frames = this.#openCall(call);
    return isComplete(call) ? [...frames, ...this.#nextCall()] : frames;
  }

  #start(kind: OpenKind, block: JsonObject): string[] {
    const frames = kind === "tool" ? this.#stop() : this.close();
    const index = this.#next++;
    this.#open = openBlock(kind, index);
    return [...frames, frameOf({ type: "content_block_start", index, content_block: block })];
  }

  #stop(): string[] {
    const open = this.#open;
    if (open === undefined) return [];
    const last = open.call?.start.kind === "custom" ? [this.delta("tool", '"}') as string] : [];
    this.#open = undefined;
    return [...last, frameOf({ type: "content_block_stop", index: open.index })];
  }
}

const deltas: Readonly<Record<OpenKind, readonly [type: string, key: string]>> = {
  text: ["text_delta", "text"],
  refusal: ["text_delta", "text"],
  reasoning: ["thinking_delta", "thinking"],
  tool: ["input_json_delta", "partial_json"],
  other: ["", ""],
};

function openBlock(kind: OpenKind, index: number): OpenBlock {
  const [type, key] = deltas[kind];
  const head = `{"type":"content_block_delta","index":${index},"delta":{"type":"${type}","${key}":`;
  return { kind, index, prefix: `event: content_block_delta\ndata: ${head}`, suffix: "}}\n\n", signature: "" };
}

function deltaFrame(index: number, delta: JsonObject): string {
  return frameOf({ type: "content_block_delta", index, delta });
}

/** A frame; its type names the event, without which clients pass it over. */
export function frameOf(frame: JsonObject, event?: string): string {
  const { type } = frame;
  const name = typeof type === "string" ? type : event;
  return sseFrame({ data: JSON.stringify(frame), ...(name !== undefined && { event: name }) });
}
