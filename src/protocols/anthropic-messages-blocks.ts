import type { StreamEnd, StreamEvent } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { readCitation } from "./anthropic-messages-citations.ts";

export type StepEvent = Exclude<StreamEvent, StreamEnd | { type: "stream-start" | "warning" | "seam" }>;

const maxBlocks = 4096;

/** Stands in a frame where a string went into an event. A string that is really this one is taken out as well. */
export const hole = "\uFFFC";

/** What a frame looks like that needs no `extra`: its strings and its index taken out. */
const plainFrames = {
  text: startOf({ type: "text", text: hole }),
  emptyText: startOf({ type: "text", text: "" }),
  emptyThinking: startOf({ type: "thinking", thinking: "", signature: "" }),
  redacted: startOf({ type: "redacted_thinking", data: hole }),
  toolUse: startOf({ type: "tool_use", id: hole, name: hole, input: {} }),
  textDelta: deltaOf({ type: "text_delta", text: hole }),
  thinkingDelta: deltaOf({ type: "thinking_delta", thinking: hole }),
  signatureDelta: deltaOf({ type: "signature_delta", signature: hole }),
  inputDelta: deltaOf({ type: "input_json_delta", partial_json: hole }),
  stop: { type: "content_block_stop" },
} satisfies Record<string, JsonObject>;

function startOf(content_block: JsonObject): JsonObject {
  return { type: "content_block_start", content_block };
}

function deltaOf(change: JsonObject): JsonObject {
  return { type: "content_block_delta", delta: change };
}

const plain: ReadonlySet<string> = new Set(Object.values(plainFrames).map((frame) => JSON.stringify(frame)));

/** The frame of a group of events that needed no `extra`; undefined where there is no such frame. */
export function plainFrameOf([first, second]: readonly StreamEvent[]): JsonObject | undefined {
  switch (first?.type) {
    case "block-start": {
      if (second?.type === "reasoning-signature") return plainFrames.redacted;
      if (first.kind === "reasoning") return plainFrames.emptyThinking;
      return second === undefined ? plainFrames.emptyText : plainFrames.text;
    }
    case "block-end":
      return plainFrames.stop;
    case "text-delta":
      return plainFrames.textDelta;
    case "reasoning-delta":
      return plainFrames.thinkingDelta;
    case "reasoning-signature":
      return plainFrames.signatureDelta;
    case "tool-call-start":
      return plainFrames.toolUse;
    case "tool-call-delta":
      return plainFrames.inputDelta;
    default:
      return undefined;
  }
}

/** `other` are blocks that nobody but this protocol has; their frames are kept as they came. */
type ReadBlock = { kind: "text" | "reasoning" | "redacted" | "other" } | { kind: "tool"; call: number };

/** Takes the frames of content blocks apart. */
export class BlockReader {
  readonly #blocks = new Map<number, ReadBlock>();
  #next = 0;
  #current: number | undefined;
  #calls = 0;

  /** Undefined when the frame's index is beyond reason. The frame is changed: what went into events is taken out. */
  read(frame: JsonObject): StreamEvent[] | undefined {
    const { index } = frame;
    if (typeof index !== "number" || !Number.isInteger(index) || index < 0 || index >= maxBlocks) return undefined;
    switch (frame["type"]) {
      case "content_block_start":
        return this.#start(frame, index);
      case "content_block_delta": {
        if (index === this.#current) delete frame["index"];
        return framed(this.#delta(frame, this.#blocks.get(index)), frame);
      }
      default: {
        if (index === this.#current) delete frame["index"];
        this.#current = undefined;
        const kind = this.#blocks.get(index)?.kind ?? "other";
        return framed(kind === "other" ? [] : [{ type: "block-end" }], frame);
      }
    }
  }

  #start(frame: JsonObject, index: number): StreamEvent[] {
    if (index === this.#next) delete frame["index"];
    this.#next = Math.max(this.#next, index + 1);
    this.#current = index;
    const block = frame["content_block"];
    const steps = isJsonObject(block) ? this.#open(block, index) : [];
    return framed(steps, frame);
  }

  #open(block: JsonObject, index: number): StepEvent[] {
    const steps: StepEvent[] = [];
    switch (block["type"]) {
      case "text":
        this.#blocks.set(index, { kind: "text" });
        steps.push({ type: "block-start", kind: "text" });
        take(block, "text", (text) => steps.push({ type: "text-delta", text }));
        return steps;
      case "thinking":
        this.#blocks.set(index, { kind: "reasoning" });
        steps.push({ type: "block-start", kind: "reasoning" });
        take(block, "thinking", (text) => steps.push({ type: "reasoning-delta", text }));
        take(block, "signature", (signature) => steps.push({ type: "reasoning-signature", signature }));
        return steps;
      case "redacted_thinking":
        this.#blocks.set(index, { kind: "redacted" });
        steps.push({ type: "block-start", kind: "reasoning" });
        take(block, "data", (signature) => steps.push({ type: "reasoning-signature", signature, redacted: true }));
        return steps;
      case "tool_use":
        return this.#openCall(block, index);
      default:
        this.#blocks.set(index, { kind: "other" });
        return [];
    }
  }

  #openCall(block: JsonObject, index: number): StepEvent[] {
    const { id, name, input } = block;
    if (typeof name !== "string" || name === "") {
      this.#blocks.set(index, { kind: "other" });
      return [];
    }
    const call = this.#calls++;
    this.#blocks.set(index, { kind: "tool", call });
    const hasId = typeof id === "string" && id !== "";
    const callId = hasId ? id : `toolu_${index}`;
    if (hasId) block["id"] = hole;
    block["name"] = hole;
    const start: StepEvent = { type: "tool-call-start", call, callId, name, kind: "function" };
    // Whoever does not stream the input sends it here.
    const isWhole = isJsonObject(input) && Object.keys(input).length > 0;
    return isWhole ? [start, { type: "tool-call-delta", call, argumentsText: JSON.stringify(input) }] : [start];
  }

  #delta(frame: JsonObject, block: ReadBlock | undefined): StepEvent[] {
    const { delta } = frame;
    if (!isJsonObject(delta)) return [];
    const steps: StepEvent[] = [];
    const kind = block?.kind ?? "other";
    switch (delta["type"]) {
      case "text_delta":
        if (kind === "text") take(delta, "text", (text) => steps.push({ type: "text-delta", text }));
        return steps;
      case "thinking_delta":
        if (kind === "reasoning") take(delta, "thinking", (text) => steps.push({ type: "reasoning-delta", text }));
        return steps;
      case "signature_delta":
        if (kind === "reasoning") {
          take(delta, "signature", (signature) => steps.push({ type: "reasoning-signature", signature }));
        }
        return steps;
      case "input_json_delta":
        if (block?.kind === "tool") {
          const { call } = block;
          take(delta, "partial_json", (argumentsText) => steps.push({ type: "tool-call-delta", call, argumentsText }));
        }
        return steps;
      case "citations_delta": {
        const { citation } = delta;
        if (kind !== "text" || !isJsonObject(citation)) return [];
        return [{ type: "citation", citation: readCitation(citation) }];
      }
      default:
        return [];
    }
  }
}

/** Takes a string with something in it out of its place. */
function take(holder: JsonObject, key: string, use: (text: string) => void): void {
  const value: Json | undefined = holder[key];
  if (typeof value !== "string" || value === "") return;
  holder[key] = hole;
  use(value);
}

/** What all events of one frame are marked with; what is left of it goes with the last of them. */
export function framed(steps: StepEvent[], frame: JsonObject): StreamEvent[] {
  const isPlain = steps.length > 0 && plain.has(JSON.stringify(frame));
  const events: StepEvent[] = steps.length === 0 ? [{ type: "vendor-frame" }] : steps;
  const last = events.length - 1;
  for (let index = 0; index < last; index++) (events[index] as StepEvent).more = true;
  if (!isPlain) (events[last] as StepEvent).extra = { frame };
  return events;
}
