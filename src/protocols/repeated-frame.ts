import type { StreamEvent } from "../core/events.ts";

/** Recognises frames that differ from an earlier one in a single string, without parsing them as JSON. */
export interface RepeatedFrame {
  /** The event of a frame with the same text around its string; undefined for any other frame. */
  read(data: string): StreamEvent | undefined;
}

/**
 * Learns from a frame whose only step of the answer was the string `text`, the value of a member `key`.
 *
 * Undefined where the string is cannot be told for sure.
 */
export function repeatedFrame(
  data: string,
  { key, text, withText }: { key: string; text: string; withText: (text: string) => StreamEvent },
): RepeatedFrame | undefined {
  const found = findString(data, key, text);
  return found === undefined ? undefined : createRepeated(found, withText);
}

/** What stands before and after the string, its quotes included. */
export interface Surroundings {
  prefix: string;
  suffix: string;
}

/** Finds the string `text` that is the member `key`; undefined when the name occurs twice, or with another value. */
export function findString(data: string, key: string, text: string): Surroundings | undefined {
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

function createRepeated({ prefix, suffix }: Surroundings, withText: (text: string) => StreamEvent): RepeatedFrame {
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
export function parseString(inner: string): string | undefined {
  // oxlint-disable-next-line no-control-regex -- control characters are what a JSON string may not hold.
  if (!/["\\\u0000-\u001f]/.test(inner)) return inner;
  try {
    return JSON.parse(`"${inner}"`) as string;
  } catch {
    return undefined;
  }
}
