import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { type FrameDifference, frameDifference, isSame } from "./frame-difference.ts";
import {
  indexMember,
  isIndex,
  isLifecycle,
  type OutputItems,
  partListOf,
  type TextStream,
  textStreamOf,
} from "./openai-responses-output.ts";

/**
 * Events of this protocol repeat what earlier ones said: a text comes in pieces, then whole, then as part of its part, of
 * its item and of the response. What an event repeats is left out of its skeleton, so that a log holds it once.
 */
export const hole = "\uFFFC";

/** What the `extra` of an `openai-responses` event says. */
export interface FrameExtra extends FrameDifference {
  /** The whole event, for the rare one that cannot be put together again. It leaves the skeleton as it is. */
  verbatim?: JsonObject;
}

/** What is known before an event: the output so far, and the response as it was last told. */
export interface Known {
  output: OutputItems;
  response: JsonObject;
}

/**
 * What is left of an event; undefined when it could not be told from another one.
 *
 * @param hasStep - the event's piece of text went into a step of the answer.
 */
export function packFrame(frame: JsonObject, known: Known, hasStep: boolean): JsonObject | undefined {
  const { sequence_number: _, ...skeleton } = frame;
  const type = frame["type"] as string;
  for (const [key, value] of Object.entries(skeleton)) {
    if (inStep(type, key) && value !== undefined) {
      if (hasStep && isFilled(value)) skeleton[key] = hole;
      else if (value === hole) return undefined;
      continue;
    }
    const repeated = repeats(type, key, frame, known);
    if (repeated === undefined) continue;
    if (isJsonObject(repeated)) {
      if (isJsonObject(value)) skeleton[key] = (frameDifference(repeated, value) ?? {}) as JsonObject;
    } else if (isSame(value, repeated)) skeleton[key] = hole;
    else if (value === hole) return undefined;
  }
  return skeleton;
}

/** The event that a skeleton was left of. Its pieces of text are for the caller to fill in. */
export function unpackFrame(skeleton: Iterable<readonly [string, Json]>, known: Known): JsonObject {
  const frame: JsonObject = Object.fromEntries(skeleton);
  const type = frame["type"] as string;
  for (const [key, value] of Object.entries(frame)) {
    const repeated = repeats(type, key, frame, known);
    if (repeated === undefined) continue;
    if (!isJsonObject(repeated)) {
      if (value === hole) frame[key] = repeated;
    } else if (isJsonObject(value)) frame[key] = structuredClone(applyDifference(repeated, value as FrameDifference));
  }
  return frame;
}

function applyDifference(previous: JsonObject, { set, unset }: FrameDifference): JsonObject {
  const next: JsonObject = { ...previous, ...set };
  for (const key of unset ?? []) delete next[key];
  return next;
}

/** Whether the member goes into a step of the answer. */
function inStep(type: string, key: string): boolean {
  if (key !== "delta" && key !== "logprobs") return false;
  const { step } = textStreamOf(type, ".delta") ?? {};
  return step !== undefined && (key === "delta" || step === "text");
}

function isFilled(value: Json): boolean {
  return (typeof value === "string" || Array.isArray(value)) && value.length > 0;
}

/** What the member of an event may repeat; undefined when it is always new. */
function repeats(type: string, key: string, frame: JsonObject, known: Known): Json | undefined {
  if (key === "response" && isLifecycle(type)) return { ...known.response, output: known.output.items };
  const { output_index: outputIndex } = frame;
  if (!isIndex(outputIndex)) return undefined;
  if (key === "item" && type === "response.output_item.done") return known.output.items[outputIndex] ?? {};
  if (key === "part") return doneList(type) === undefined ? undefined : (donePart(type, frame, known) ?? {});
  const text = textStreamOf(type, ".done");
  if (text !== undefined && (key === text.key || key === "logprobs")) return doneText(text, key, frame, known);
  return undefined;
}

function doneList(type: string): "content" | "summary" | undefined {
  return partListOf(type, ".done");
}

function donePart(type: string, frame: JsonObject, { output }: Known): JsonObject | undefined {
  const list = doneList(type);
  const index = list === undefined ? undefined : (frame[indexMember(list)] ?? 0);
  const parts = list === undefined ? undefined : output.items[frame["output_index"] as number]?.[list];
  const part = Array.isArray(parts) && isIndex(index) ? parts[index] : undefined;
  return isJsonObject(part) ? part : undefined;
}

function doneText({ list }: TextStream, key: string, frame: JsonObject, { output }: Known): Json | undefined {
  const item = output.items[frame["output_index"] as number];
  if (list === undefined) return nonEmpty(item?.[key]);
  const parts = item?.[list];
  const index = frame[indexMember(list)] ?? 0;
  const part = Array.isArray(parts) && isIndex(index) ? parts[index] : undefined;
  return isJsonObject(part) ? nonEmpty(part[key]) : undefined;
}

/** Nothing is saved by leaving out nothing. */
function nonEmpty(value: Json | undefined): Json | undefined {
  const isEmpty = value === "" || (Array.isArray(value) && value.length === 0) || isJsonObject(value);
  return isEmpty ? undefined : (value ?? undefined);
}
