import type { StreamEvent } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { UiChunks } from "./ui-message-stream-canonical.ts";
import { chunkFrame, textMembers } from "./ui-message-stream-chunk.ts";

/** Puts the chunks of a provider together again from the events that were read from them. */
export class VerbatimChunks {
  /** The provider's own `finish` was written. */
  hasFinished = false;
  readonly #chunks: UiChunks;
  /** Everything of a plain delta's frame before its text. */
  readonly #prefixes = { "text-delta": "", "reasoning-delta": "" };
  /** Text of events whose chunk is not complete yet. */
  #text = "";

  /** @param chunks - is told everything, so that it can go on should another attempt have to. */
  constructor(chunks: UiChunks) {
    this.#chunks = chunks;
  }

  write(event: Exclude<StreamEvent, { type: "stream-start" | "stream-end" | "warning" | "seam" }>): string[] {
    const { extra, more } = event;
    const chunk = extra?.["chunk"];
    if (chunk === undefined && more === undefined) return this.#plainDelta(event);
    if (event.type === "tool-call-start") this.#chunks.calls.start(event);
    if (event.type === "tool-call-delta") {
      this.#chunks.calls.extend(event.call, event.argumentsText);
      this.#text = event.argumentsText;
    }
    if (event.type === "text-delta" || event.type === "reasoning-delta") this.#text = event.text;
    if (!isJsonObject(chunk)) return [];
    this.#note(chunk);
    const member = textMembers.get(chunk["type"]);
    const isWhole = member === undefined || Object.hasOwn(chunk, member);
    return [chunkFrame(isWhole ? chunk : { ...chunk, [member]: this.#text })];
  }

  #plainDelta(event: StreamEvent): string[] {
    switch (event.type) {
      case "text-delta":
      case "reasoning-delta":
        return [`${this.#prefixes[event.type]}${JSON.stringify(event.text)}}\n\n`];
      case "tool-call-delta":
        return this.#chunks.calls.extend(event.call, event.argumentsText);
      default:
        return [];
    }
  }

  #note(chunk: JsonObject): void {
    const { type, id } = chunk;
    if (type === "finish") this.hasFinished = true;
    if (type === "text-start" || type === "text-delta") this.#prefixes["text-delta"] = deltaPrefix("text-delta", id);
    if (type === "reasoning-start" || type === "reasoning-delta") {
      this.#prefixes["reasoning-delta"] = deltaPrefix("reasoning-delta", id);
    }
    this.#chunks.note(chunk);
  }
}

function deltaPrefix(type: string, id: JsonObject[string]): string {
  return `data: {"type":"${type}","id":${JSON.stringify(id ?? "")},"delta":`;
}
