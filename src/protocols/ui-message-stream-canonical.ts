import type { BlockKind, Citation, FinishReason, Outcome, ProtocolName, StreamEvent, Usage } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { sealSignature } from "./signatures.ts";
import { chunkFrame, doneFrame } from "./ui-message-stream-chunk.ts";
import { reasonOfOutcome, writeFinishReason } from "./ui-message-stream-finish.ts";
import { Sources } from "./ui-message-stream-sources.ts";
import { WrittenCalls } from "./ui-message-stream-written-calls.ts";

interface OpenBlock {
  kind: BlockKind;
  id: string;
  /** Everything of a delta's frame before its text. */
  deltaPrefix: string;
  signature: string;
  redacted: boolean;
  citations: JsonObject[];
}

/** Writes chunks as the AI SDK's own server does: for events that come from other protocols, or from user code. */
export class UiChunks {
  readonly calls = new WrittenCalls();
  readonly #sources = new Sources();
  #open: OpenBlock | undefined;
  #blocks = 0;
  #hasStarted = false;
  #isInStep = false;
  /** The next block goes on with the open one, because an attempt goes on with another's answer. */
  #continues = false;
  #from: ProtocolName | undefined;
  #reason: FinishReason | undefined;
  #usage: Usage | undefined;

  /** What comes before the answer; `replayed` is what the message held already. */
  start(messageId: string, metadata: JsonObject, replayed: readonly JsonObject[]): string[] {
    this.#hasStarted = true;
    this.#isInStep = true;
    const start = [{ type: "start", messageId, messageMetadata: metadata }, ...replayed];
    // In one frame, so that cursors count the same with and without what is replayed.
    return [start.map(chunkFrame).join(""), chunkFrame({ type: "start-step" })];
  }

  /** The events that follow are written in this protocol. */
  beginAttempt(from: ProtocolName | undefined, isFirst: boolean): void {
    this.#from = from;
    this.#continues = !isFirst;
  }

  write(event: StreamEvent): string[] {
    switch (event.type) {
      case "text-delta":
        return this.#text("text", event.text);
      case "reasoning-delta":
        return this.#text("reasoning", event.text);
      case "refusal-delta":
        return this.#text("refusal", event.text);
      case "block-start":
        return this.#startBlock(event.kind);
      case "block-end":
        return this.closeBlock();
      case "reasoning-signature":
        return this.#sign(event.signature, event.redacted === true);
      case "tool-call-start":
        return [...this.closeBlock(), ...this.calls.start(event)];
      case "tool-call-delta":
        return this.calls.extend(event.call, event.argumentsText);
      case "citation":
        return this.#cite(event.citation);
      case "finish":
        this.#reason = event.reason;
        // Only now is it certain that no more arguments come: clients run their tools at once.
        return [...this.closeBlock(), ...(isBroken(event.reason) ? [] : this.calls.complete())];
      case "usage":
        this.#usage = event.usage;
        return [];
      default:
        return [];
    }
  }

  /** Closes a whole answer. */
  close(outcome: Outcome, metadata: JsonObject): string[] {
    const frames = [...this.closeBlock(), ...this.calls.complete()];
    if (this.#isInStep) frames.push(chunkFrame({ type: "finish-step" }));
    const finishReason = writeFinishReason(this.#reason ?? reasonOfOutcome(outcome, this.calls.count > 0));
    const messageMetadata = { ...metadata, finishReason, usage: this.#usage as Json | undefined };
    frames.push(chunkFrame({ type: "finish", finishReason, messageMetadata }), doneFrame);
    return frames;
  }

  /** Ends an answer that is not whole. Neither `finish` nor an end marker: nobody may take it for complete. */
  break(last: JsonObject, metadata: JsonObject): string[] {
    const frames = [chunkFrame(last)];
    // Clients throw at an error, so what they should know has to come before it.
    if (this.#hasStarted) frames.unshift(chunkFrame({ type: "message-metadata", messageMetadata: metadata }));
    return frames;
  }

  /** Notes what a chunk that was written otherwise has told. */
  note(chunk: JsonObject): void {
    const { type, id } = chunk;
    if (type === "start") this.#hasStarted = true;
    if (type === "start-step") this.#isInStep = true;
    if (type === "finish-step") this.#isInStep = false;
    if (type === "text-start") this.#open = newBlock("text", textOf(id));
    if (type === "reasoning-start") this.#open = newBlock("reasoning", textOf(id));
    if ((type === "text-end" || type === "reasoning-end") && this.#open?.id === id) this.#open = undefined;
    this.calls.note(chunk);
  }

  closeBlock(): string[] {
    const block = this.#open;
    if (block === undefined) return [];
    this.#open = undefined;
    const { id, signature, redacted, citations } = block;
    if (block.kind !== "reasoning") {
      return [chunkFrame({ type: "text-end", id, ...(citations.length > 0 && { citations }) })];
    }
    // Without knowing whose it is, nobody could be shown it again.
    if (signature === "" || this.#from === undefined) return [chunkFrame({ type: "reasoning-end", id })];
    const sealed = sealSignature({ signature, from: this.#from }, "ui-message-stream");
    const headrace = { signature: sealed, ...(redacted && { redacted }) };
    return [chunkFrame({ type: "reasoning-end", id, providerMetadata: { headrace } })];
  }

  #text(kind: BlockKind, text: string): string[] {
    const open = this.#open;
    if (open?.kind === kind) return text === "" ? [] : [`${open.deltaPrefix}${JSON.stringify(text)}}\n\n`];
    if (text === "") return [];
    return [...this.#startBlock(kind), ...this.#text(kind, text)];
  }

  #startBlock(kind: BlockKind): string[] {
    const goesOn = this.#continues && this.#open?.kind === kind;
    this.#continues = false;
    if (goesOn) return [];
    const frames = this.closeBlock();
    const wireKind = kind === "reasoning" ? kind : "text";
    const id = `${wireKind}-${this.#blocks++}`;
    this.#open = newBlock(kind, id);
    const providerMetadata = { headrace: { refusal: true } };
    frames.push(chunkFrame({ type: `${wireKind}-start`, id, ...(kind === "refusal" && { providerMetadata }) }));
    return frames;
  }

  #sign(signature: string, redacted: boolean): string[] {
    const frames = this.#open?.kind === "reasoning" ? [] : this.#startBlock("reasoning");
    const block = this.#open as OpenBlock;
    block.signature += signature;
    if (redacted) block.redacted = true;
    return frames;
  }

  #cite(citation: Citation): string[] {
    const { source, frames } = this.#sources.add(citation);
    const { quote, startIndex, endIndex } = citation;
    const isOfText = quote !== undefined || startIndex !== undefined || endIndex !== undefined;
    if (isOfText && this.#open?.kind === "text") {
      this.#open.citations.push({ source, startIndex, endIndex, citedText: quote });
    }
    return frames;
  }
}

function newBlock(kind: BlockKind, id: string): OpenBlock {
  const type = kind === "reasoning" ? "reasoning-delta" : "text-delta";
  const deltaPrefix = `data: {"type":"${type}","id":${JSON.stringify(id)},"delta":`;
  return { kind, id, deltaPrefix, signature: "", redacted: false, citations: [] };
}

function textOf(id: Json | undefined): string {
  return typeof id === "string" ? id : "";
}

function isBroken(reason: FinishReason): boolean {
  return reason === "error" || reason === "malformed_tool_call";
}
