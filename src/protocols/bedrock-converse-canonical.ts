import type { ProtocolName, ReasoningSignature, StreamEvent } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { writeCitation } from "./bedrock-converse-citations.ts";
import { writeStopReason } from "./bedrock-converse-finish.ts";
import type { ConverseFrame } from "./bedrock-converse-frames.ts";
import { writeRedacted } from "./bedrock-converse-reasoning.ts";
import { writeUsage } from "./bedrock-converse-usage.ts";
import { sealSignature } from "./signatures.ts";

type BlockKind = "text" | "reasoning" | "redacted" | "tool-call";

interface OpenBlock {
  index: number;
  kind: BlockKind;
  /** The input is free text, which is written as the only member of an object. */
  isFreeText?: true;
}

/**
 * The frames that an event becomes when nothing else is known of it. The last of them is the event's own, those before
 * it close blocks, or begin the message. Keeps the numbers of blocks, which events do not have.
 *
 * The reader runs it as well: only where a provider's frame is another one does an event have to carry the difference.
 */
export class CanonicalFrames {
  #isStarted = false;
  #from: ProtocolName = "events";
  #open: OpenBlock[] = [];
  #next = 0;
  /** Blocks of tool calls by the number of the call: their deltas may be interleaved. */
  readonly #calls = new Map<number, OpenBlock>();

  frames(event: StreamEvent): ConverseFrame[] {
    switch (event.type) {
      case "attempt-start":
        this.#from = event.protocol ?? "events";
        return this.#begin();
      case "block-start":
        // A block of the same kind would otherwise go on.
        return this.#close((block) => block.kind !== "tool-call");
      case "block-end":
        return this.#close((block) => block === this.#open.at(-1));
      case "text-delta":
      case "refusal-delta":
        return this.#delta("text", { text: event.text });
      case "reasoning-delta":
        return this.#delta("reasoning", { reasoningContent: { text: event.text } });
      case "reasoning-signature":
        return this.#signature(event);
      case "citation":
        return this.#delta("text", { citation: writeCitation(event.citation) });
      case "tool-call-start": {
        const before = [...this.#begin(), ...this.#close(({ kind }) => kind !== "tool-call")];
        const block = this.#openBlock("tool-call");
        this.#calls.set(event.call, block);
        const toolUse = { toolUseId: event.callId, name: event.name };
        const start = frame("contentBlockStart", { contentBlockIndex: block.index, start: { toolUse } });
        if (event.kind === "function") return [...before, start];
        block.isFreeText = true;
        return [...before, start, inputDelta(block, '{"input":"')];
      }
      case "tool-call-delta": {
        const block = this.#calls.get(event.call);
        if (block === undefined) return [];
        const { argumentsText } = event;
        return [inputDelta(block, block.isFreeText ? JSON.stringify(argumentsText).slice(1, -1) : argumentsText)];
      }
      case "finish": {
        const stopReason = writeStopReason(event.reason);
        const before = [...this.#begin(), ...this.#close(() => true)];
        return stopReason === undefined ? before : [...before, frame("messageStop", { stopReason })];
      }
      case "usage":
        return [frame("metadata", { usage: writeUsage(event.usage) })];
      default:
        return [];
    }
  }

  /** Notes where a provider's frame that was not the expected one has put its block. */
  note({ payload: { contentBlockIndex: index } }: ConverseFrame, event: StreamEvent): void {
    if (typeof index !== "number") return;
    this.#next = Math.max(this.#next, index + 1);
    const isOfBlock = event.type !== "vendor-frame" && event.type !== "block-end" && event.type !== "tool-call-delta";
    const current = this.#open.at(-1);
    if (isOfBlock && current !== undefined) current.index = index;
  }

  #begin(): ConverseFrame[] {
    if (this.#isStarted) return [];
    this.#isStarted = true;
    return [frame("messageStart", { role: "assistant" })];
  }

  #signature({ signature, redacted }: ReasoningSignature): ConverseFrame[] {
    const sealed = sealSignature({ signature, from: this.#from }, "bedrock-converse");
    if (redacted === true) {
      return this.#delta("redacted", { reasoningContent: { redactedContent: writeRedacted(sealed, signature) } });
    }
    return this.#delta("reasoning", { reasoningContent: { signature: sealed } });
  }

  #delta(kind: BlockKind, delta: JsonObject): ConverseFrame[] {
    const current = this.#open.at(-1);
    if (current?.kind === kind) return [frame("contentBlockDelta", { contentBlockIndex: current.index, delta })];
    const before = [...this.#begin(), ...this.#close(() => true)];
    const { index } = this.#openBlock(kind);
    return [...before, frame("contentBlockDelta", { contentBlockIndex: index, delta })];
  }

  #openBlock(kind: BlockKind): OpenBlock {
    const block = { index: this.#next++, kind };
    this.#open.push(block);
    return block;
  }

  #close(isToClose: (block: OpenBlock) => boolean): ConverseFrame[] {
    const closed = this.#open.filter(isToClose);
    if (closed.length > 0) this.#open = this.#open.filter((block) => !closed.includes(block));
    return closed.flatMap((block) => {
      const stop = frame("contentBlockStop", { contentBlockIndex: block.index });
      return block.isFreeText ? [inputDelta(block, '"}'), stop] : [stop];
    });
  }
}

function inputDelta({ index }: OpenBlock, input: string): ConverseFrame {
  return frame("contentBlockDelta", { contentBlockIndex: index, delta: { toolUse: { input } } });
}

function frame(type: string, payload: JsonObject): ConverseFrame {
  return { type, payload };
}
