import type { StreamEvent } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { FrameDifference } from "./frame-difference.ts";
import { writeFinishReason } from "./gemini-finish.ts";
import { type CountName, countNames, countOf } from "./gemini-usage.ts";

/**
 * A chunk is taken apart into events (what it says) and a skeleton (the rest). In the skeleton a mark stands where a
 * value went into an event, and tells which event of the chunk that is, and which of its fields.
 */
export interface ChunkExtra extends FrameDifference {
  /** Types of the events of the chunk, when they are others than those of the chunk before. */
  types?: string[];
  /** The whole chunk, for the rare one that has marks of its own in it. It leaves the skeleton as it is. */
  verbatim?: JsonObject;
}

export type Field = "text" | "signature" | "callId" | "name" | "arguments" | "finish" | "choice" | CountName;

const fields: readonly Field[] = [
  "text",
  "signature",
  "callId",
  "name",
  "arguments",
  "finish",
  "choice",
  ...countNames,
];

const markCharacter = "\uFFFC";

export function mark(event: number, field: Field): string {
  return `${markCharacter}${event}.${fields.indexOf(field)}`;
}

/** Whether the provider itself sent what looks like a mark. */
export function hasForeignMarks(data: string, skeleton: JsonObject, ownMarks: number): boolean {
  if (!data.includes(markCharacter) && !/\\ufffc/i.test(data)) return false;
  return JSON.stringify(skeleton).split(markCharacter).length !== ownMarks + 1;
}

// How JSON.stringify writes a mark.
const writtenMark = /"\uFFFC(\d+)\.(\d+)"/;

/** A skeleton ready to be filled: the text between the marks, and what goes into each of them. */
export interface ChunkTemplate {
  /** Types of the events that the chunk was made of. */
  types: readonly string[];
  segments: readonly string[];
  fillings: readonly { event: number; field: Field }[];
}

/** Members are written in the order they came in. */
export function compileTemplate(members: ReadonlyMap<string, Json>, types: readonly string[]): ChunkTemplate {
  const texts: string[] = [];
  for (const [key, value] of members) texts.push(`${JSON.stringify(key)}:${JSON.stringify(value)}`);
  // Text, event and field of marks take turns.
  const pieces = `{${texts.join(",")}}`.split(writtenMark);
  const segments: string[] = [pieces[0] as string];
  const fillings: { event: number; field: Field }[] = [];
  for (let index = 1; index < pieces.length; index += 3) {
    fillings.push({ event: Number(pieces[index]), field: fields[Number(pieces[index + 1])] ?? "text" });
    segments.push(pieces[index + 2] as string);
  }
  return { types, segments, fillings };
}

/** The chunk's JSON; undefined when the events are not the ones it was made of. */
export function fillTemplate(
  { types, segments, fillings }: ChunkTemplate,
  events: readonly StreamEvent[],
): string | undefined {
  if (events.length !== types.length) return undefined;
  for (let index = 0; index < types.length; index++) {
    if ((events[index] as StreamEvent).type !== types[index]) return undefined;
  }
  let text = segments[0] as string;
  for (let index = 0; index < fillings.length; index++) {
    const { event, field } = fillings[index] as ChunkTemplate["fillings"][number];
    const value = jsonOf(events[event] as StreamEvent, field);
    if (value === undefined) return undefined;
    text += value + (segments[index + 1] as string);
  }
  return text;
}

/** JSON of a field; undefined when the event has no such thing. */
function jsonOf(event: StreamEvent, field: Field): string | undefined {
  switch (field) {
    case "text":
      return "text" in event ? JSON.stringify(event.text) : undefined;
    case "choice":
      return String(("choice" in event ? event.choice : undefined) ?? 0);
    case "signature":
      return event.type === "reasoning-signature" ? JSON.stringify(event.signature) : undefined;
    case "callId":
      return event.type === "tool-call-start" ? JSON.stringify(event.callId) : undefined;
    case "name":
      return event.type === "tool-call-start" ? JSON.stringify(event.name) : undefined;
    case "arguments":
      return event.type === "tool-call-delta" ? event.argumentsText : undefined;
    case "finish": {
      const word = event.type === "finish" ? writeFinishReason(event) : undefined;
      return word === undefined ? undefined : JSON.stringify(word);
    }
    default: {
      const count = event.type === "usage" ? countOf(event.usage, field) : undefined;
      return count === undefined ? undefined : String(count);
    }
  }
}
