import { type HeadraceError, toHeadraceError } from "../core/errors.ts";
import type { AttemptStart, StreamEnd, StreamEvent } from "../core/events.ts";
import { isWhole } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { endError } from "./end-error.ts";
import { FrameGroup } from "./frame-group.ts";
import { CanonicalChunks, type ChunkHead } from "./gemini-canonical.ts";
import { type ChunkExtra, type ChunkTemplate, compileTemplate, fillTemplate } from "./gemini-chunk.ts";
import { writeErrorObject } from "./gemini-errors.ts";
import type { EventWriter, WriteOptions } from "./protocol.ts";
import { dataFrame } from "./sse.ts";

/** Writes chunks: the provider's own where the events carry what is left of them, canonical ones otherwise. */
export class ChunkWriter implements EventWriter {
  readonly #canonical = new CanonicalChunks();
  #head: ChunkHead;
  /** What every attempt calls itself, once one has said it: the first one names the answer. */
  #names: JsonObject = {};
  /** The skeleton of the frame before; undefined while the attempt speaks another protocol. */
  #skeleton: Map<string, Json> | undefined;
  #types: readonly string[] = [];
  #template: ChunkTemplate | undefined;
  #attempts = 0;
  readonly #group = new FrameGroup();

  constructor({ streamId }: WriteOptions) {
    this.#head = { modelVersion: "", responseId: streamId };
    this.#canonical.setHead(this.#head);
  }

  write(event: StreamEvent): string[] {
    const chunks = this.writeChunks(event);
    return chunks.length === 1 ? [dataFrame(chunks[0] as string)] : chunks.map(dataFrame);
  }

  /** JSON of the chunks that this event completes. */
  writeChunks(event: StreamEvent): string[] {
    if (event.type === "stream-start") {
      this.#setHead({ modelVersion: event.model });
      return [];
    }
    if (event.type === "warning" || event.type === "seam") return [];
    if (event.type === "stream-end") return [...this.#canonicalChunks(this.#group.take()), ...this.#end(event)];
    if (event.type === "attempt-start") return this.#startAttempt(event);
    if (event.extra !== undefined && this.#skeleton !== undefined) this.#apply(event.extra);
    const events = this.#group.add(event);
    return events === undefined ? [] : this.#frame(events, event.extra);
  }

  #startAttempt(event: AttemptStart): string[] {
    const chunks = this.#canonicalChunks(this.#group.take());
    this.#attempts += 1;
    this.#template = undefined;
    this.#types = [];
    this.#canonical.setOrigin(event.protocol);
    if (this.#attempts === 1 && event.model !== "") this.#setHead({ modelVersion: event.model });
    this.#skeleton = event.protocol === "gemini" ? new Map() : undefined;
    return chunks;
  }

  #setHead(change: Partial<ChunkHead>): void {
    this.#head = { ...this.#head, ...change };
    this.#canonical.setHead(this.#head);
  }

  #apply(extra: JsonObject): void {
    const { set = {}, unset = [], types } = extra as ChunkExtra;
    const skeleton = this.#skeleton as Map<string, Json>;
    this.#template = undefined;
    if (types !== undefined) this.#types = types;
    for (const key of unset) skeleton.delete(key);
    for (const [key, value] of Object.entries(set)) skeleton.set(key, value ?? null);
    if (this.#attempts > 1) return;
    const { responseId, modelVersion } = set;
    if (typeof responseId === "string") this.#setHead({ responseId });
    if (typeof modelVersion === "string") this.#setHead({ modelVersion });
    for (const key of ["responseId", "modelVersion", "createTime"]) {
      if (set[key] !== undefined) this.#names[key] = set[key];
    }
  }

  /** The frame that these events were read from, or chunks of our own that say the same. */
  #frame(events: StreamEvent[], extra: JsonObject | undefined): string[] {
    if (this.#skeleton === undefined) return this.#canonicalChunks(events);
    if (extra?.["verbatim"] !== undefined) {
      for (const event of events) this.#canonical.note(event);
      return [JSON.stringify(extra["verbatim"])];
    }
    this.#template ??= compileTemplate(this.#visibleSkeleton(), this.#types);
    const json = fillTemplate(this.#template, events);
    if (json === undefined) return this.#canonicalChunks(events);
    for (const event of events) this.#canonical.note(event);
    return [json];
  }

  /** A second attempt goes on with the names of the first. */
  #visibleSkeleton(): ReadonlyMap<string, Json> {
    const skeleton = this.#skeleton as Map<string, Json>;
    if (this.#attempts === 1) return skeleton;
    const names: JsonObject = { ...this.#head, ...this.#names };
    return new Map([...skeleton].map(([key, value]) => [key, names[key] ?? value]));
  }

  #canonicalChunks(events: readonly StreamEvent[]): string[] {
    return events.length === 1
      ? this.#canonical.write(events[0] as StreamEvent)
      : events.flatMap((event) => this.#canonical.write(event));
  }

  #end(end: StreamEnd): string[] {
    if (!isWhole(end.outcome)) return [errorChunk(endError(end))];
    try {
      return this.#canonical.close(end.outcome);
    } catch (error) {
      return [errorChunk(toHeadraceError(error))];
    }
  }
}

/** Google's own clients raise it; one that merely ends would pass for complete with some. */
function errorChunk(error: HeadraceError): string {
  return JSON.stringify({ error: writeErrorObject(error) });
}
