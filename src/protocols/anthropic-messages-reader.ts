import type { ErrorReport } from "../core/errors.ts";
import type { AttemptStart, FinishReason, StreamEvent, Usage } from "../core/events.ts";
import { outcomeOf } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { AnswerEnd, breachOf, truncated } from "./answer-end.ts";
import type { StepEvent } from "./anthropic-messages-blocks.ts";
import { BlockReader, framed, hole } from "./anthropic-messages-blocks.ts";
import { readStreamError } from "./anthropic-messages-errors.ts";
import { longestReason, readStopReason } from "./anthropic-messages-finish.ts";
import { readUsage } from "./anthropic-messages-usage.ts";
import { parseObject } from "./json-values.ts";
import type { ProtocolQuirks } from "./protocol.ts";
import type { RepeatedFrame } from "./repeated-frame.ts";
import { repeatedFrame } from "./repeated-frame.ts";
import type { FrameReader } from "./sse-body.ts";

/**
 * What the `extra` of an `anthropic-messages` event says: the frame it stems from, where that was more than the event
 * alone would be written as. Strings that went into events are holes in it, and an `index` that follows from the
 * frames before is left out.
 */
export interface FrameExtra {
  frame: JsonObject;
  /** Name of the SSE event, where the frame itself has no type. */
  event?: string;
}

/** Makes events of frames, and knows when the answer is complete. */
export class MessageReader implements FrameReader {
  readonly #quirks: ProtocolQuirks;
  readonly #blocks = new BlockReader();
  readonly #end = new AnswerEnd();
  #hasStarted = false;
  #finished: FinishReason | undefined;
  #usage: Usage | undefined;
  #repeated: RepeatedFrame | undefined;

  constructor(quirks: ProtocolQuirks) {
    this.#quirks = quirks;
  }

  get hasEnded(): boolean {
    return this.#end.isReached;
  }

  /** Reads the data of one SSE event. */
  read(data: string, eventName: string | undefined): StreamEvent[] {
    if (this.#end.isReached) return [];
    const repetition = this.#repeated?.read(data);
    if (repetition !== undefined) return [repetition];
    this.#repeated = undefined;
    if (data.trim() === "") return [];
    const frame = parseObject(data);
    if (frame === undefined) return this.#end.malformed();
    this.#end.wellFormed();
    delete frame["__proto__"];
    const error = readStreamError(frame, eventName);
    if (error !== undefined) return this.fail(error);
    const events = this.#readFrame(frame, eventName);
    this.#repeated = repeatable(data, events);
    return events;
  }

  #readFrame(frame: JsonObject, eventName: string | undefined): StreamEvent[] {
    const type = frame["type"];
    if (type === "message_start") {
      return this.#hasStarted ? this.#breach("it began the answer twice") : this.#start(frame);
    }
    // Until the answer begins, anything else is chatter of a proxy.
    if (!this.#hasStarted) return [];
    switch (type) {
      case "content_block_start":
      case "content_block_delta":
      case "content_block_stop":
        return this.#blocks.read(frame) ?? this.#breach("a block whose index is out of range");
      case "message_delta":
        return this.#readDelta(frame);
      case "message_stop":
        return this.#stop(frame);
      default: {
        const extra: FrameExtra =
          typeof type === "string" || eventName === undefined ? { frame } : { frame, event: eventName };
        return [{ type: "vendor-frame", extra: { ...extra } }];
      }
    }
  }

  #start(frame: JsonObject): StreamEvent[] {
    this.#hasStarted = true;
    const message = isJsonObject(frame["message"]) ? frame["message"] : {};
    const { id, model, usage } = message;
    const start: AttemptStart = {
      type: "attempt-start",
      provider: "",
      model: typeof model === "string" ? model : "",
      protocol: "anthropic-messages",
      extra: { frame },
    };
    if (typeof model === "string") message["model"] = hole;
    if (typeof id === "string" && id !== "") {
      start.responseId = id;
      message["id"] = hole;
    }
    const read = isJsonObject(usage) ? readUsage(usage, undefined) : undefined;
    if (read === undefined) return [start];
    this.#usage = read;
    return [
      { ...start, more: true },
      { type: "usage", usage: read },
    ];
  }

  /** Counts are those of the whole answer so far, and may come in several frames. */
  #readDelta(frame: JsonObject): StreamEvent[] {
    const steps: StepEvent[] = [];
    const { delta, usage } = frame;
    const word = isJsonObject(delta) ? delta["stop_reason"] : undefined;
    if (isJsonObject(delta) && typeof word === "string" && word !== "") {
      const read = word.length > longestReason ? { reason: "other" as const } : readStopReason(word);
      if (this.#finished !== read.reason) {
        this.#finished = read.reason;
        const stopSequence = delta["stop_sequence"];
        steps.push({ type: "finish", ...read, ...(typeof stopSequence === "string" && { stopSequence }) });
        if (word.length <= longestReason) delta["stop_reason"] = hole;
      }
    }
    const read = isJsonObject(usage) ? readUsage(usage, this.#usage) : undefined;
    if (read !== undefined) {
      this.#usage = read;
      steps.push({ type: "usage", usage: read });
    }
    return framed(steps, frame);
  }

  #stop(frame: JsonObject): StreamEvent[] {
    if (this.#finished === undefined) return this.fail(truncated);
    const end = this.#end.complete(outcomeOf([this.#finished]));
    if (Object.keys(frame).length === 1) return end;
    // The end of a stream is ours and has no room for what a provider adds to it.
    return [{ type: "vendor-frame", extra: { frame } }, ...end];
  }

  /** The body has ended. */
  end(): StreamEvent[] {
    if (this.#quirks.endsWithoutMarker !== true || this.#finished === undefined) return this.#end.fail(truncated);
    return this.#end.complete(outcomeOf([this.#finished]));
  }

  fail(error: ErrorReport): StreamEvent[] {
    return this.#end.fail(error);
  }

  #breach(what: string): StreamEvent[] {
    return this.fail(breachOf(what));
  }
}

function repeatable(data: string, events: readonly StreamEvent[]): RepeatedFrame | undefined {
  const [event] = events;
  if (event === undefined || events.length > 1 || "extra" in event) return undefined;
  switch (event.type) {
    case "text-delta":
      return repeatedFrame(data, { key: "text", text: event.text, withText: (text) => ({ type: "text-delta", text }) });
    case "reasoning-delta":
      return repeatedFrame(data, {
        key: "thinking",
        text: event.text,
        withText: (text) => ({ type: "reasoning-delta", text }),
      });
    case "tool-call-delta": {
      const { call } = event;
      const withText = (argumentsText: string): StreamEvent => ({ type: "tool-call-delta", call, argumentsText });
      return repeatedFrame(data, { key: "partial_json", text: event.argumentsText, withText });
    }
    default:
      return undefined;
  }
}
