import type { StreamEvent } from "../core/events.ts";

/** Recognises chunks that differ from an earlier one in a single string, without parsing them as JSON. */
export interface RepeatedChunk {
  /** The event of a chunk with the same text around its string; undefined for any other chunk. */
  read(data: string): StreamEvent | undefined;
}

/** Undefined when the chunk had more to say than one string, or where the string is cannot be told for sure. */
export function repeatedChunk(data: string, event: StreamEvent): RepeatedChunk | undefined {
  // With `extra` the skeleton has just changed; the next one may show whether it stays.
  if ("extra" in event) return undefined;
  const place = placeOf(event);
  if (place === undefined) return undefined;
  for (const key of place.keys) {
    const found = findString(data, key, place.text);
    if (found !== undefined) return createRepeated(found, place.withText);
  }
  return undefined;
}

interface Place {
  keys: readonly string[];
  text: string;
  withText(text: string): StreamEvent;
}

function placeOf(event: StreamEvent): Place | undefined {
  switch (event.type) {
    case "text-delta": {
      if (event.logprobs !== undefined) return undefined;
      const { choice } = event;
      const withText =
        choice === undefined
          ? (text: string): StreamEvent => ({ type: "text-delta", text })
          : (text: string): StreamEvent => ({ type: "text-delta", choice, text });
      return { keys: ["content"], text: event.text, withText };
    }
    case "reasoning-delta": {
      const { choice } = event;
      const withText =
        choice === undefined
          ? (text: string): StreamEvent => ({ type: "reasoning-delta", text })
          : (text: string): StreamEvent => ({ type: "reasoning-delta", choice, text });
      return { keys: ["reasoning_content", "reasoning"], text: event.text, withText };
    }
    case "tool-call-delta": {
      const { argumentsText: _, ...rest } = event;
      return { keys: ["arguments"], text: event.argumentsText, withText: (text) => ({ ...rest, argumentsText: text }) };
    }
    default:
      return undefined;
  }
}

/** What stands before and after the string, its quotes included. */
interface Surroundings {
  prefix: string;
  suffix: string;
}

function findString(data: string, key: string, text: string): Surroundings | undefined {
  const name = `"${key}":`;
  const at = data.indexOf(name);
  // Inside of a string the quotes of the name would be escaped, so this is a member, and the only one of its name.
  if (at === -1 || data.indexOf(name, at + 1) !== -1) return undefined;
  let start = at + name.length;
  while (data.charCodeAt(start) === 32) start += 1;
  if (data.charCodeAt(start) !== 34) return undefined;
  let end = start + 1;
  while (end < data.length && data.charCodeAt(end) !== 34) end += data.charCodeAt(end) === 92 ? 2 : 1;
  if (parseString(data.slice(start + 1, end)) !== text) return undefined;
  return { prefix: data.slice(0, start + 1), suffix: data.slice(end) };
}

function createRepeated({ prefix, suffix }: Surroundings, withText: (text: string) => StreamEvent): RepeatedChunk {
  const start = prefix.length;
  const around = start + suffix.length;
  return {
    read(data) {
      const end = data.length - suffix.length;
      // Slices compare several times faster than startsWith and endsWith look.
      if (data.length <= around || data.slice(0, start) !== prefix || data.slice(end) !== suffix) return undefined;
      const text = parseString(data.slice(start, end));
      return text === undefined ? undefined : withText(text);
    },
  };
}

/** What is between the quotes of a JSON string; undefined when it is none, because a quote ends it earlier. */
function parseString(inner: string): string | undefined {
  // oxlint-disable-next-line no-control-regex -- control characters are what a JSON string may not hold.
  if (!/["\\\u0000-\u001f]/.test(inner)) return inner;
  try {
    return JSON.parse(`"${inner}"`) as string;
  } catch {
    return undefined;
  }
}
