import { HeadraceError } from "../core/errors.ts";
import type { AttemptStart, StreamEnd, StreamEvent } from "../core/events.ts";
import { isWhole } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { endError } from "./end-error.ts";
import { FrameGroup } from "./frame-group.ts";
import { CanonicalLines } from "./ollama-canonical.ts";
import { writeErrorBody } from "./ollama-errors.ts";
import type { LineExtra, LineShape } from "./ollama-line.ts";
import { compileLine, fillLine, type LineTemplate } from "./ollama-template.ts";
import type { EventWriter } from "./protocol.ts";

/** Writes lines: the provider's own where the events carry what is left of them, canonical ones otherwise. */
export class OllamaWriter implements EventWriter {
  readonly #shape: LineShape;
  readonly #canonical: CanonicalLines;
  #model = "";
  #createdAt = new Date(0).toISOString();
  /** The skeleton of the line before; undefined while the attempt speaks another protocol. */
  #skeleton: Map<string, Json> | undefined;
  #timeJson = "null";
  #template: LineTemplate | undefined;
  #attempts = 0;
  readonly #group = new FrameGroup();
  /** The line that says `done`, kept until the answer is known to be whole: to clients it is the only sign of that. */
  #last: string | undefined;
  #hasEnded = false;

  constructor(shape: LineShape) {
    this.#shape = shape;
    this.#canonical = new CanonicalLines(shape);
    this.#canonical.setHead(this.#model, this.#createdAt);
  }

  write(event: StreamEvent): string[] {
    if (this.#hasEnded) return [];
    try {
      return this.#write(event);
    } catch (error) {
      if (!(error instanceof HeadraceError)) throw error;
      this.#hasEnded = true;
      return [errorLine(error)];
    }
  }

  #write(event: StreamEvent): string[] {
    switch (event.type) {
      case "stream-start":
        this.#createdAt = new Date(event.createdAt).toISOString();
        this.#setModel(event.model);
        return [];
      case "warning":
      case "seam":
        return [];
      case "attempt-start":
        return this.#startAttempt(event);
      case "stream-end":
        return [...this.#canonicalLines(this.#group.take()), ...this.#end(event)];
      default:
        break;
    }
    if (event.extra !== undefined && this.#skeleton !== undefined) this.#apply(event.extra);
    const events = this.#group.add(event);
    return events === undefined ? [] : this.#line(events);
  }

  #startAttempt({ model, protocol, extra }: AttemptStart): string[] {
    const lines = this.#canonicalLines(this.#group.take());
    this.#attempts += 1;
    this.#template = undefined;
    this.#last = undefined;
    // The first attempt decides what the answer is called.
    if (this.#attempts === 1 && model !== "") this.#setModel(model);
    this.#skeleton = protocol === this.#shape.protocol && extra !== undefined ? new Map() : undefined;
    if (model !== "") this.#skeleton?.set("model", this.#model);
    if (extra !== undefined && this.#skeleton !== undefined) this.#apply(extra);
    return lines;
  }

  #setModel(model: string): void {
    this.#model = model;
    this.#canonical.setHead(model, this.#createdAt);
  }

  #apply({ at, set, unset }: LineExtra): void {
    if (at !== undefined) this.#timeJson = JSON.stringify(at);
    if (set === undefined && unset === undefined) return;
    const skeleton = this.#skeleton as Map<string, Json>;
    this.#template = undefined;
    for (const key of unset ?? []) skeleton.delete(key);
    for (const [key, value] of Object.entries(set ?? {})) skeleton.set(key, value ?? null);
    if (this.#attempts > 1 && skeleton.has("model")) skeleton.set("model", this.#model);
  }

  /** The line that these events were read from, or lines of our own that say the same. */
  #line(events: StreamEvent[]): string[] {
    if (this.#skeleton === undefined) return this.#canonicalLines(events);
    this.#template ??= compileLine(this.#skeleton, this.#shape);
    const template = this.#template;
    const steps = events.length === 1 && events[0]?.type === "vendor-frame" ? [] : events;
    const line = fillLine(template, steps, this.#timeJson);
    if (line === undefined) return this.#canonicalLines(steps);
    const lines = this.#canonical.closeCall().map(withEnd);
    if (template.isLast) this.#last = line;
    else lines.push(withEnd(line));
    return lines;
  }

  #canonicalLines(events: readonly StreamEvent[]): string[] {
    const [event] = events;
    // One event and one line of it: what happens for every token.
    if (events.length === 1 && event !== undefined) return this.#canonical.write(event).map(withEnd);
    return events.flatMap((one) => this.#canonical.write(one)).map(withEnd);
  }

  #end(end: StreamEnd): string[] {
    this.#hasEnded = true;
    if (!isWhole(end.outcome)) return [errorLine(endError(end))];
    const lines = [...this.#canonical.closeCall(), this.#last ?? this.#canonical.last(end.outcome as "completed")];
    return lines.map(withEnd);
  }
}

function errorLine(error: HeadraceError): string {
  return withEnd(JSON.stringify(writeErrorBody(error.report()) satisfies JsonObject));
}

function withEnd(line: string): string {
  return `${line}\n`;
}
