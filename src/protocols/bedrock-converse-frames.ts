import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { encodeAwsMessage } from "./aws-event-stream.ts";

/** One event of a Converse stream. */
export interface ConverseFrame {
  /** `messageStart`, `contentBlockDelta`, ...; names that end in `Exception` are the provider's errors. */
  type: string;
  payload: JsonObject;
}

/** A frame as text: an object with one member, the name of the event. The vendor's client shows events the same way. */
export function frameText({ type, payload }: ConverseFrame): string {
  return `{"${type}":${JSON.stringify(payload)}}`;
}

/** The bytes of a frame that `frameText` wrote. */
export function encodeFrame(text: string): Uint8Array<ArrayBuffer> {
  const nameEnd = text.indexOf('"', 2);
  const name = text.slice(2, nameEnd);
  const messageType = name.endsWith("Exception") ? "exception" : "event";
  return encodeAwsMessage({ messageType, name, payload: text.slice(nameEnd + 2, -1) });
}

/**
 * What the `extra` of a `bedrock-converse` event says: how the provider's frame differs from the one that would be
 * written for the event alone.
 */
export interface FrameExtra {
  /** Members to be added to the frame, or to replace what it has there. */
  set?: JsonObject;
  /** The provider sent this frame only, where blocks would have been closed before it. */
  alone?: true;
  /** The whole frame, where it cannot be made of the event. */
  frame?: { type: string; payload: JsonObject };
}

/** How `actual` differs from the `expected` frame, the last of those that would be written; undefined when it does not. */
export function differenceFromCanonical(
  expected: readonly ConverseFrame[],
  actual: ConverseFrame,
): FrameExtra | undefined {
  const own = expected.at(-1);
  const set = own?.type === actual.type ? difference(own.payload, actual.payload) : undefined;
  if (set === undefined) return { frame: { type: actual.type, payload: actual.payload } };
  const isAlone = expected.length > 1;
  const isEqual = Object.keys(set).length === 0;
  if (isEqual && !isAlone) return undefined;
  return { ...(!isEqual && { set }), ...(isAlone && { alone: true }) };
}

/** What has to be merged into `expected` to make it `actual`; undefined when something would have to be taken out. */
function difference(expected: JsonObject, actual: JsonObject): JsonObject | undefined {
  for (const key of Object.keys(expected)) {
    if (expected[key] !== undefined && !Object.hasOwn(actual, key)) return undefined;
  }
  const set: JsonObject = {};
  for (const [key, value] of Object.entries(actual)) {
    const before = expected[key];
    if (before === value || key === "__proto__") continue;
    if (isJsonObject(before) && isJsonObject(value)) {
      const inner = difference(before, value);
      if (inner === undefined) return undefined;
      if (Object.keys(inner).length > 0) set[key] = inner;
    } else if (JSON.stringify(before) !== JSON.stringify(value)) {
      set[key] = value;
    }
  }
  return set;
}

/** `base` with the members of `set` put in, however deep. */
export function merged(base: JsonObject, set: JsonObject): JsonObject {
  const result: JsonObject = { ...base };
  for (const [key, value] of Object.entries(set)) {
    if (key === "__proto__") continue;
    const before = result[key];
    result[key] = isJsonObject(before) && isJsonObject(value) ? merged(before, value) : value;
  }
  return result;
}
