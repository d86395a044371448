import type { StreamEvent } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { callBody, type ChunkVisitor, hole, type TextKind, visitChunk } from "./openai-chat-chunk.ts";
import { writeFinishReason } from "./openai-chat-finish.ts";
import { readUsage } from "./openai-chat-usage.ts";

/** A skeleton ready to be filled: the text between the holes, and what goes into each of them. */
export interface ChunkTemplate {
  /** Types of the events that the frame was made of. */
  expects: readonly StreamEvent["type"][];
  segments: readonly string[];
  holes: readonly Filling[];
  /** The choices of the frame; for those whose number went into an event, their position. */
  choices: readonly number[];
}

interface Filling {
  /** Which of the frame's events. */
  event: number;
  /** JSON text; undefined when the event has no such thing, so that the frame cannot be made. */
  write(event: StreamEvent): string | undefined;
}

/** The members that may hold steps of the answer. */
const visited = ["choices", "usage", "x_groq"] as const;

/** Compiles skeletons, each mostly like the one before. */
export class TemplateCompiler {
  #previous: readonly (Json | undefined)[] = [];
  #visit = new CompilingVisit();
  /** JSON of the visited members, with marks where the holes are. */
  #marked = new Map<string, string>();

  /** Members are written in the order they came in. */
  compile(skeleton: ReadonlyMap<string, Json>): ChunkTemplate {
    this.#visitMembers(skeleton);
    const members: string[] = [];
    for (const [key, value] of skeleton) {
      members.push(`${JSON.stringify(key)}:${this.#marked.get(key) ?? JSON.stringify(value)}`);
    }
    // Text and numbers of holes take turns.
    const parts = `{${members.join(",")}}`.split(mark);
    const { expects, choices, holes } = this.#visit;
    const isForged = parts.length !== 2 * holes.length + 1;
    if (isForged) return { expects: ["stream-end"], segments: [], holes: [], choices };
    const segments: string[] = [parts[0] as string];
    const ordered: Filling[] = [];
    for (let index = 1; index < parts.length; index += 2) {
      ordered.push(holes[Number(parts[index])] as Filling);
      segments.push(parts[index + 1] as string);
    }
    return { expects, segments, holes: ordered, choices };
  }

  #visitMembers(skeleton: ReadonlyMap<string, Json>): void {
    const values = visited.map((key) => skeleton.get(key));
    // Some vendors change something else in every chunk.
    if (this.#previous.length > 0 && values.every((value, index) => value === this.#previous[index])) return;
    this.#previous = values;
    this.#visit = new CompilingVisit();
    this.#marked = new Map();
    const copy: JsonObject = {};
    visited.forEach((key, index) => {
      const value = values[index];
      if (value !== undefined) copy[key] = JSON.parse(JSON.stringify(value)) as Json;
    });
    visitChunk(copy, this.#visit);
    for (const [key, value] of Object.entries(copy)) this.#marked.set(key, JSON.stringify(value));
  }
}

/** The frame's JSON; undefined when the events are not the ones it was made of. */
export function fillTemplate(
  { expects, segments, holes }: ChunkTemplate,
  events: readonly StreamEvent[],
): string | undefined {
  if (events.length !== expects.length) return undefined;
  for (let index = 0; index < events.length; index++) {
    if ((events[index] as StreamEvent).type !== expects[index]) return undefined;
  }
  let text = segments[0] as string;
  for (let index = 0; index < holes.length; index++) {
    const { event, write } = holes[index] as Filling;
    const value = write(events[event] as StreamEvent);
    if (value === undefined) return undefined;
    text += value + (segments[index + 1] as string);
  }
  return text;
}

// How JSON.stringify writes the marks of holes. A provider that sends them itself is found out by their number.
const mark = /"\\u0001(\d+)\\u0001"/;

const deltaTypes = { text: "text-delta", reasoning: "reasoning-delta", refusal: "refusal-delta" } as const;

class CompilingVisit implements ChunkVisitor {
  readonly expects: StreamEvent["type"][] = [];
  readonly holes: Filling[] = [];
  readonly choices: number[] = [];
  #eventsBefore = 0;
  #textEvent = -1;

  beginChoice(choice: JsonObject, position: number): void {
    this.choices.push(typeof choice["index"] === "number" ? choice["index"] : position);
    this.#eventsBefore = this.expects.length;
    this.#textEvent = -1;
  }

  text(kind: TextKind, holder: JsonObject, key: string): void {
    if (holder[key] !== hole) return;
    if (kind === "text" && this.#textEvent === -1) this.#textEvent = this.expects.length;
    this.#expect(deltaTypes[kind]);
    this.#hole(holder, key, (event) => ("text" in event ? JSON.stringify(event.text) : undefined));
  }

  toolCall(entry: JsonObject): void {
    const named = callBody(entry);
    if (named === undefined) return;
    const before = this.expects.length;
    this.#call(named.body, named.key, entry);
    if (entry["index"] === hole && this.expects.length > before) {
      this.#hole(entry, "index", (event) => ("call" in event ? String(event.call) : undefined));
    }
  }

  functionCall(call: JsonObject): void {
    this.#call(call, "arguments", {});
  }

  #call(body: JsonObject, key: string, entry: JsonObject): void {
    if (body["name"] === hole) {
      this.#expect("tool-call-start");
      this.#hole(body, "name", (event) => (event.type === "tool-call-start" ? JSON.stringify(event.name) : undefined));
      if (entry["id"] === hole) {
        this.#hole(entry, "id", (event) =>
          event.type === "tool-call-start" ? JSON.stringify(event.callId) : undefined,
        );
      }
    }
    if (body[key] !== hole) return;
    this.#expect("tool-call-delta");
    this.#hole(body, key, (event) =>
      event.type === "tool-call-delta" ? JSON.stringify(event.argumentsText) : undefined,
    );
  }

  finish(choice: JsonObject): void {
    if (choice["finish_reason"] !== hole) return;
    this.#expect("finish");
    this.#hole(choice, "finish_reason", (event) => {
      if (event.type !== "finish") return undefined;
      const word = event.providerReason ?? writeFinishReason(event.reason);
      return word === undefined ? undefined : JSON.stringify(word);
    });
  }

  endChoice(choice: JsonObject): void {
    const last = this.expects.length - 1;
    if (last < this.#eventsBefore) return;
    if (choice["index"] === hole) {
      this.#hole(choice, "index", (event) => String(("choice" in event ? event.choice : undefined) ?? 0), last);
    }
    if (choice["logprobs"] === hole && this.#textEvent !== -1) {
      const write = (event: StreamEvent) =>
        JSON.stringify((event.type === "text-delta" ? event.logprobs : undefined) ?? null);
      this.#hole(choice, "logprobs", write, this.#textEvent);
    }
  }

  usage(usage: JsonObject): void {
    if (readUsage(usage) !== undefined) this.#expect("usage");
  }

  #expect(type: StreamEvent["type"]): void {
    this.expects.push(type);
  }

  #hole(holder: JsonObject, key: string, write: Filling["write"], event: number = this.expects.length - 1): void {
    holder[key] = `\u0001${this.holes.length}\u0001`;
    this.holes.push({ event, write });
  }
}
