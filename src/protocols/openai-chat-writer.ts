import type { AttemptStart, StreamEnd, StreamEvent } from "../core/events.ts";
import { isWhole } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { endError } from "./end-error.ts";
import { FrameGroup } from "./frame-group.ts";
import { isText } from "./json-values.ts";
import { CanonicalChunks, type ChunkHead } from "./openai-chat-canonical.ts";
import type { ChunkExtra } from "./openai-chat-chunk.ts";
import { writeErrorObject } from "./openai-chat-errors.ts";
import { type ChunkTemplate, fillTemplate, TemplateCompiler } from "./openai-chat-template.ts";
import type { EventWriter, WriteOptions } from "./protocol.ts";
import { dataFrame } from "./sse.ts";

/** Writes chunks: the provider's own where the events carry what is left of them, canonical ones otherwise. */
export class ChunkWriter implements EventWriter {
  readonly #includeUsage: boolean;
  readonly #canonical: CanonicalChunks;
  readonly #compiler = new TemplateCompiler();
  #head: ChunkHead;
  /** The skeleton of the frame before; undefined while the attempt speaks another protocol. */
  #skeleton: Map<string, Json> | undefined;
  #template: ChunkTemplate | undefined;
  #attempts = 0;
  readonly #group = new FrameGroup();

  constructor({ includeUsage = false, streamId }: WriteOptions) {
    this.#includeUsage = includeUsage;
    this.#canonical = new CanonicalChunks(includeUsage);
    this.#head = { id: `chatcmpl-${streamId}`, created: 0, model: "" };
    this.#canonical.setHead(this.#head);
  }

  write(event: StreamEvent): string[] {
    if (event.type === "stream-start") {
      this.#setHead({ created: Math.floor(event.createdAt / 1000), model: event.model });
      return [];
    }
    if (event.type === "warning" || event.type === "seam") return [];
    if (event.type === "stream-end") return [...this.#canonicalFrames(this.#group.take()), ...this.#end(event)];
    if (event.type === "attempt-start") return this.#startAttempt(event);
    if (event.extra !== undefined && this.#skeleton !== undefined) this.#apply(event.extra);
    const events = this.#group.add(event);
    return events === undefined ? [] : this.#frame(events, event.extra);
  }

  #startAttempt(event: AttemptStart): string[] {
    const frames = this.#canonicalFrames(this.#group.take());
    this.#attempts += 1;
    this.#skeleton = undefined;
    this.#template = undefined;
    if (this.#attempts === 1 && event.model !== "") this.#setHead({ model: event.model });
    if (event.protocol !== "openai-chat" || event.extra === undefined) {
      return [...frames, ...this.#canonical.write(event).map(dataFrame)];
    }
    this.#skeleton = new Map();
    const { set = {}, unset = [] } = event.extra as ChunkExtra;
    this.#apply({ set: { ...namesOf(event, set), ...set }, unset });
    // A second attempt does not begin the answer anew.
    if (event.more !== true && this.#attempts === 1) frames.push(...this.#frame([], event.extra));
    return frames;
  }

  #setHead(change: Partial<ChunkHead>): void {
    this.#head = { ...this.#head, ...change };
    this.#canonical.setHead(this.#head);
  }

  #apply(extra: JsonObject): void {
    const { set = {}, unset } = extra as ChunkExtra;
    const skeleton = this.#skeleton as Map<string, Json>;
    this.#template = undefined;
    for (const key of unset ?? []) skeleton.delete(key);
    for (const [key, value] of Object.entries(set)) skeleton.set(key, value ?? null);
    // The first attempt decides what the answer is called.
    if (this.#attempts > 1) return;
    const { id, created, model } = set;
    if (isText(id)) this.#setHead({ id });
    if (typeof created === "number") this.#setHead({ created });
    if (isText(model)) this.#setHead({ model });
  }

  /** The frame that these events were read from, or chunks of our own that say the same. */
  #frame(events: StreamEvent[], extra: JsonObject | undefined): string[] {
    if (this.#skeleton === undefined) return this.#canonicalFrames(events);
    if (extra?.["verbatim"] !== undefined) {
      this.#note(events);
      return [dataFrame(JSON.stringify(extra["verbatim"]))];
    }
    this.#template ??= this.#compiler.compile(this.#visibleSkeleton());
    const template = this.#template;
    const steps = events.length === 1 && events[0]?.type === "vendor-frame" ? [] : events;
    const json = fillTemplate(template, steps);
    if (json === undefined) return this.#canonicalFrames(events);
    for (const index of template.choices) this.#canonical.note(index, "role");
    this.#note(steps);
    const isUsageOnly =
      template.choices.length === 0 && template.expects.length === 1 && template.expects[0] === "usage";
    return isUsageOnly && !this.#includeUsage ? [] : [dataFrame(json)];
  }

  #visibleSkeleton(): ReadonlyMap<string, Json> {
    const visible = new Map(this.#skeleton);
    if (this.#attempts > 1) for (const [key, value] of Object.entries(this.#head)) visible.set(key, value as Json);
    if (!this.#includeUsage && visible.get("usage") === null) visible.delete("usage");
    return visible;
  }

  #canonicalFrames(events: StreamEvent[]): string[] {
    return events.flatMap((event) => this.#canonical.write(event)).map(dataFrame);
  }

  /** What the provider's own chunks have told need not be told again. */
  #note(events: StreamEvent[]): void {
    for (const event of events) {
      if (event.type === "usage") this.#canonical.forgetUsage();
      else if ("choice" in event) this.#canonical.note(event.choice ?? 0, event.type === "finish" ? "finish" : "role");
      else if (event.type === "finish") this.#canonical.note(0, "finish");
    }
  }

  #end(end: StreamEnd): string[] {
    if (!isWhole(end.outcome)) return [dataFrame(JSON.stringify({ error: writeErrorObject(endError(end)) }))];
    return [...this.#canonical.close(end.outcome as "completed").map(dataFrame), dataFrame("[DONE]")];
  }
}

/** The members that every chunk begins with, in OpenAI's order. */
function namesOf({ responseId, model }: AttemptStart, { object, created }: JsonObject): JsonObject {
  return {
    ...(responseId !== undefined && { id: responseId }),
    ...(object !== undefined && { object }),
    ...(created !== undefined && { created }),
    ...(model !== "" && { model }),
  };
}
