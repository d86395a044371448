import type { JsonObject } from "../core/json.ts";
import type { TextStream } from "./openai-responses-output.ts";
import { parseString } from "./repeated-frame.ts";

/** An event whose place is the same as an earlier one's: all that is new in it. */
export interface RepeatedPiece {
  text: string;
  obfuscation: string | undefined;
  /** Its place among the events; undefined where they are not numbered. */
  number: number | undefined;
}

/** Recognises pieces of one text by what stands around them, without parsing them as JSON. */
export interface RepeatedPieces {
  /** What the text is appended to. */
  readonly holder: JsonObject;
  readonly key: TextStream["key"];
  /** Undefined for any other event. */
  read(data: string): RepeatedPiece | undefined;
}

interface Place {
  kind: "number" | "delta" | "obfuscation";
  start: number;
  end: number;
}

/** Undefined when it cannot be told for sure where in the event the piece of text is. */
export function repeatedPieces(data: string, holder: JsonObject, key: TextStream["key"]): RepeatedPieces | undefined {
  const places: Place[] = [];
  for (const [name, kind] of members) {
    const place = placeOf(data, name, kind);
    if (place === "unclear") return undefined;
    if (place !== undefined) places.push(place);
  }
  if (!places.some(({ kind }) => kind === "delta")) return undefined;
  places.sort((one, other) => one.start - other.start);
  const literals: string[] = [];
  let at = 0;
  for (const { start, end } of places) {
    literals.push(data.slice(at, start));
    at = end;
  }
  literals.push(data.slice(at));
  return { holder, key, read: createMatcher(literals, places) };
}

const members = [
  ["sequence_number", "number"],
  ["delta", "delta"],
  ["obfuscation", "obfuscation"],
] as const;

function placeOf(data: string, name: string, kind: Place["kind"]): Place | "unclear" | undefined {
  const quoted = `"${name}":`;
  const at = data.indexOf(quoted);
  if (at === -1) return undefined;
  // Inside of a string the quotes of the name would be escaped, so this is a member, and the only one of its name.
  if (data.indexOf(quoted, at + 1) !== -1) return "unclear";
  let start = at + quoted.length;
  while (data.charCodeAt(start) === 32) start++;
  if (kind === "number") {
    const end = endOfDigits(data, start);
    return end === start ? "unclear" : { kind, start, end };
  }
  if (data.charCodeAt(start) !== 34) return "unclear";
  const end = endOfString(data, start + 1);
  return end === -1 ? "unclear" : { kind, start: start + 1, end };
}

function createMatcher(literals: readonly string[], places: readonly Place[]): RepeatedPieces["read"] {
  const kinds = places.map(({ kind }) => kind);
  return (data) => {
    let at = 0;
    let text: string | undefined;
    let obfuscation: string | undefined;
    let number: number | undefined;
    for (let index = 0; index < kinds.length; index++) {
      const literal = literals[index] as string;
      // Slices compare several times faster than startsWith looks.
      if (data.slice(at, at + literal.length) !== literal) return undefined;
      at += literal.length;
      const kind = kinds[index];
      const end = kind === "number" ? endOfDigits(data, at) : endOfString(data, at);
      if (end === -1 || (kind === "number" && end === at)) return undefined;
      if (kind === "number") number = Number(data.slice(at, end));
      else {
        const value = parseString(data.slice(at, end));
        if (value === undefined) return undefined;
        if (kind === "delta") text = value;
        else obfuscation = value;
      }
      at = end;
    }
    // Nothing said is no step of the answer.
    if (text === undefined || text === "" || data.slice(at) !== literals[kinds.length]) return undefined;
    return { text, obfuscation, number };
  };
}

function endOfDigits(data: string, start: number): number {
  let end = start;
  for (let code = data.charCodeAt(end); code >= 48 && code <= 57; code = data.charCodeAt(end)) end++;
  return end;
}

/** Where the closing quote is; -1 when there is none. */
function endOfString(data: string, start: number): number {
  let end = data.indexOf('"', start);
  // A backslash before it may escape it, or be escaped itself.
  if (end === -1 || data.charCodeAt(end - 1) !== 92 || end === start) return end;
  end = start;
  while (end < data.length && data.charCodeAt(end) !== 34) end += data.charCodeAt(end) === 92 ? 2 : 1;
  return end < data.length ? end : -1;
}
