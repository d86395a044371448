import type { AttemptStart, ProtocolName, ReasoningDelta, StreamEnd, StreamEvent, TextDelta } from "../core/events.ts";
import { isWhole } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { plainFrameOf } from "./anthropic-messages-blocks.ts";
import { CanonicalMessage, frameOf } from "./anthropic-messages-canonical.ts";
import { writeErrorBody } from "./anthropic-messages-errors.ts";
import { fillFrame, kindOfBlock } from "./anthropic-messages-fill.ts";
import type { FrameExtra } from "./anthropic-messages-reader.ts";
import { endError } from "./end-error.ts";
import type { EventWriter, WriteOptions } from "./protocol.ts";

/** Writes a message: the provider's own frames where the events carry what is left of them, canonical ones otherwise. */
export class MessageWriter implements EventWriter {
  readonly #message = new CanonicalMessage();
  #id: string;
  #model = "";
  #attempts = 0;
  /** Who speaks in this attempt; whoever has no protocol is read by nobody but us. */
  #from: ProtocolName = "events";
  /** The attempt's events were read from frames of this protocol, and become those again. */
  #isNative = false;
  #hasBegun = false;
  /** Events of the frame that is not complete yet. */
  #pending: StreamEvent[] = [];
  /** The next block may go on with the one that the attempt before left open. */
  #mayJoin = false;

  constructor({ streamId }: WriteOptions) {
    this.#id = `msg_${streamId}`;
  }

  write(event: StreamEvent): string[] {
    // The common case first: it runs for every token.
    if ((event.type === "text-delta" || event.type === "reasoning-delta") && this.#isPlain(event)) {
      const delta = this.#message.delta(event.type === "text-delta" ? "text" : "reasoning", event.text);
      if (delta !== undefined) return [delta];
    }
    if (event.type === "tool-call-delta" && this.#isNative && event.extra === undefined && event.more === undefined) {
      const delta = this.#pending.length === 0 ? this.#message.callDelta(event) : undefined;
      if (delta !== undefined) return [delta];
    }
    // One message is one answer; there is no room for a second one beside it.
    if ("choice" in event && (event.choice ?? 0) !== 0) return [];
    switch (event.type) {
      case "stream-start":
        if (this.#model === "") this.#model = event.model;
        return [];
      case "warning":
      case "seam":
        return [];
      case "attempt-start":
        return [...this.#flush(), ...this.#start(event)];
      case "stream-end":
        return [...this.#flush(), ...this.#end(event)];
      default:
        return this.#step(event);
    }
  }

  /** The event is a frame of its own that says nothing else. */
  #isPlain({ text, extra, more, choice = 0 }: TextDelta | ReasoningDelta): boolean {
    return extra === undefined && more === undefined && choice === 0 && text !== "" && this.#pending.length === 0;
  }

  #start(event: AttemptStart): string[] {
    this.#attempts += 1;
    this.#from = event.protocol ?? "events";
    this.#isNative = event.protocol === "anthropic-messages" && isJsonObject(event.extra?.["frame"]);
    this.#mayJoin = this.#attempts > 1;
    if (this.#hasBegun) {
      // The new attempt's first counts belong to a frame that is not written.
      if (event.more === true) this.#pending = [event];
      return [];
    }
    if (event.model !== "") this.#model = event.model;
    if (event.protocol === "anthropic-messages" && event.responseId !== undefined) this.#id = event.responseId;
    if (event.more === true) {
      this.#pending = [event];
      return [];
    }
    return this.#begin(event);
  }

  #begin({ extra }: AttemptStart): string[] {
    this.#hasBegun = true;
    const frame = this.#isNative ? extra?.["frame"] : undefined;
    if (!isJsonObject(frame)) return this.#message.begin(this.#id, this.#model);
    return [frameOf(fillFrame(frame, { id: this.#id, model: this.#model }, []))];
  }

  #step(event: StreamEvent): string[] {
    const first = this.#pending[0];
    if (first?.type === "attempt-start") {
      this.#pending = [];
      const isCount = event.type === "usage";
      if (isCount) this.#message.usage(event.usage);
      const frames = this.#hasBegun ? [] : this.#begin(first);
      return isCount ? frames : [...frames, ...this.#step(event)];
    }
    const frames = this.#hasBegun ? [] : this.#message.begin(this.#id, this.#model);
    this.#hasBegun = true;
    if (!this.#isNative) return [...frames, ...this.#canonical(event)];
    this.#pending.push(event);
    if ("more" in event && event.more) return frames;
    const group = this.#pending;
    this.#pending = [];
    return [...frames, ...this.#native(group)];
  }

  /** The frame that these events were read from. */
  #native(group: readonly StreamEvent[]): string[] {
    const last = group.at(-1);
    const extra = last !== undefined && "extra" in last ? (last.extra as unknown as FrameExtra | undefined) : undefined;
    const frame = extra?.frame ?? plainFrameOf(group);
    if (frame === undefined) return group.flatMap((event) => this.#canonical(event));
    for (const event of group) {
      if (event.type === "finish") this.#message.finish(event.reason, event.stopSequence);
      if (event.type === "usage") this.#message.usage(event.usage);
    }
    switch (frame["type"]) {
      case "content_block_start":
        return this.#nativeStart(frame, group);
      case "content_block_delta":
        return [frameOf(this.#placed(frame, this.#message.currentIndex, group))];
      case "content_block_stop": {
        const placed = this.#placed(frame, this.#message.currentIndex, group);
        this.#message.noteStop();
        return [frameOf(placed)];
      }
      case "message_delta":
      case "message_stop":
        return this.#nativeEnd(frame, group);
      default:
        return [frameOf(frame, extra?.event)];
    }
  }

  #nativeStart(frame: JsonObject, group: readonly StreamEvent[]): string[] {
    const kind = kindOfBlock(frame["content_block"]);
    if (this.#joins(kind)) return group.slice(1).flatMap((event) => this.#canonical(event));
    const frames = this.#repair();
    const placed = this.#placed(frame, this.#message.nextIndex, group);
    const [first] = group;
    this.#message.noteStart(placed["index"] as number, kind, first?.type === "tool-call-start" ? first : undefined);
    return [...frames, frameOf(placed)];
  }

  /** What a second attempt says of its own end and counts is not what the client has seen: that is told at the end. */
  #nativeEnd(frame: JsonObject, group: readonly StreamEvent[]): string[] {
    if (this.#attempts > 1) return [];
    const isOver = frame["type"] === "message_stop";
    if (isOver) this.#message.noteOver();
    else this.#message.noteDelta();
    return [...this.#repair(), frameOf(fillFrame(frame, {}, group))];
  }

  /** The first attempt's own structure is passed on as it is; a later one finds what the one before it left open. */
  #repair(): string[] {
    return this.#attempts > 1 ? this.#message.close() : [];
  }

  #placed(frame: JsonObject, index: number, group: readonly StreamEvent[]): JsonObject {
    const own = frame["index"];
    const { type, index: _, ...rest } = frame;
    const placed = { type, index: typeof own === "number" && this.#attempts === 1 ? own : index, ...rest };
    return fillFrame(placed, {}, group);
  }

  /** Whether a block that begins is the rest of the one that is open. */
  #joins(kind: string): boolean {
    const mayJoin = this.#mayJoin;
    this.#mayJoin = false;
    return mayJoin && kind !== "tool" && kind !== "other" && this.#message.openKind === kind;
  }

  #canonical(event: StreamEvent): string[] {
    const message = this.#message;
    switch (event.type) {
      case "block-start":
        if (this.#joins(event.kind)) return [];
        // A block may turn out to be nothing, or nothing but a signature: its first delta opens it.
        return message.close();
      case "block-end":
        return message.close();
      case "text-delta":
        return message.text("text", event.text);
      case "reasoning-delta":
        return message.text("reasoning", event.text);
      case "refusal-delta":
        return message.text("refusal", event.text);
      case "reasoning-signature":
        return event.redacted === true
          ? [...message.redacted(event.signature, this.#from), ...message.close()]
          : message.signature(event.signature, this.#from);
      case "citation":
        return message.citation(event.citation);
      case "tool-call-start":
        return message.startCall(event);
      case "tool-call-delta":
        return message.extendCall(event.call, event.argumentsText);
      case "finish":
        message.finish(event.reason, event.stopSequence);
        return [];
      case "usage":
        message.usage(event.usage);
        return [];
      default:
        return [];
    }
  }

  /** Events whose frame was never completed. */
  #flush(): string[] {
    const [first, ...rest] = this.#pending;
    this.#pending = [];
    if (first === undefined) return [];
    if (first.type !== "attempt-start") return [first, ...rest].flatMap((event) => this.#canonical(event));
    return this.#hasBegun ? [] : this.#begin(first);
  }

  #end(end: StreamEnd): string[] {
    if (!isWhole(end.outcome)) return [frameOf(writeErrorBody(endError(end)))];
    const frames = this.#hasBegun ? [] : this.#message.begin(this.#id, this.#model);
    return [...frames, ...this.#message.end(end.outcome === "completed" ? "stop" : (end.outcome as "length"))];
  }
}
