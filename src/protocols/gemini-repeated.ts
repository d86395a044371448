import type { StreamEvent } from "../core/events.ts";
import { kindsOf, type TokenKinds } from "./gemini-token-kinds.ts";
import { type CountName, countNames, type Counts, unknownCount, usageOf } from "./gemini-usage.ts";
import { findString, parseString } from "./repeated-frame.ts";

/** Recognises chunks that differ from an earlier one in their text and their counts of tokens, without parsing them. */
export class RepeatedChunk {
  readonly #type: "text-delta" | "reasoning-delta";
  readonly #choice: number | undefined;
  /** What stands before the text, its opening quote included. */
  readonly #before: string;
  /** What stands after it, between its counts. */
  readonly #segments: readonly string[];
  /** Which counts those are, by their position in `countNames`. */
  readonly #positions: readonly number[];
  readonly #counts: Counts = countNames.map(() => unknownCount);
  /** They stand between the counts, where nothing differs. */
  readonly #kinds: TokenKinds | undefined;

  constructor(
    { type, choice }: { type: "text-delta" | "reasoning-delta"; choice?: number },
    before: string,
    { segments, names }: { segments: readonly string[]; names: readonly CountName[] },
    kinds: TokenKinds | undefined,
  ) {
    this.#type = type;
    this.#choice = choice;
    this.#before = before;
    this.#segments = segments;
    this.#positions = names.map((name) => countNames.indexOf(name));
    this.#kinds = kinds;
  }

  /** The events of a chunk with the same text around what differs; undefined for any other chunk. */
  read(data: string): StreamEvent[] | undefined {
    const start = this.#before.length;
    // Slices compare several times faster than startsWith looks.
    if (data.slice(0, start) !== this.#before) return undefined;
    const end = endOfString(data, start);
    const text = end <= start ? undefined : parseString(data.slice(start, end));
    if (text === undefined) return undefined;
    if (!this.#readCounts(data, end)) return undefined;
    const type = this.#type;
    const choice = this.#choice;
    // Written out, since it happens for every token and spreading costs more than all the rest.
    if (this.#positions.length === 0) return [choice === undefined ? { type, text } : { type, choice, text }];
    const delta: StreamEvent = choice === undefined ? { type, text, more: true } : { type, choice, text, more: true };
    const usage = usageOf(this.#counts);
    if (this.#kinds !== undefined) Object.assign(usage, this.#kinds);
    return [delta, { type: "usage", usage }];
  }

  #readCounts(data: string, from: number): boolean {
    let position = from;
    for (let index = 0; ; index++) {
      const segment = this.#segments[index] as string;
      const next = position + segment.length;
      if (data.slice(position, next) !== segment) return false;
      const count = this.#positions[index];
      if (count === undefined) return next === data.length;
      let value = 0;
      position = next;
      for (let code = data.charCodeAt(position); code >= 48 && code <= 57; code = data.charCodeAt(++position)) {
        value = value * 10 + (code - 48);
      }
      const digits = position - next;
      if (digits === 0 || digits > 12 || (digits > 1 && data.charCodeAt(next) === 48)) return false;
      this.#counts[count] = value;
    }
  }
}

/** Undefined when the chunk had more to say than that, or where it says it cannot be told for sure. */
export function repeatedChunk(data: string, events: readonly StreamEvent[]): RepeatedChunk | undefined {
  const [delta, usage] = events;
  if (delta?.type !== "text-delta" && delta?.type !== "reasoning-delta") return undefined;
  if (delta.type === "text-delta" && delta.logprobs !== undefined) return undefined;
  if (events.length > 2 || (usage !== undefined && usage.type !== "usage")) return undefined;
  // With `extra` the skeleton has just changed; the next one may show whether it stays.
  if ("extra" in (usage ?? delta)) return undefined;
  const found = findString(data, "text", delta.text);
  if (found === undefined || (usage === undefined) !== !data.includes('"usageMetadata":')) return undefined;
  const counts = usage === undefined ? { segments: [found.suffix], names: [] } : splitAtCounts(found.suffix);
  const kinds = usage === undefined ? undefined : kindsOf(usage.usage);
  return counts === undefined ? undefined : new RepeatedChunk(delta, found.prefix, counts, kinds);
}

// Some kinds of counts are added up in a usage, so that they cannot be told from it.
const anyCount = new RegExp(`"(?:${countNames.join("|")}|toolUsePromptTokenCount)"`, "g");
const countPattern = new RegExp(String.raw`("(?:${countNames.join("|")})":\s*)(\d+)(?=[,}\s])`);

function splitAtCounts(text: string): { segments: string[]; names: CountName[] } | undefined {
  const pieces = text.split(countPattern);
  const names: CountName[] = [];
  let segment = pieces[0] as string;
  const segments: string[] = [];
  for (let index = 1; index < pieces.length; index += 3) {
    const key = pieces[index] as string;
    segments.push(segment + key);
    names.push(key.slice(1, key.indexOf('"', 1)) as CountName);
    segment = pieces[index + 2] as string;
  }
  segments.push(segment);
  const isClear = names.length > 0 && new Set(names).size === names.length;
  return isClear && text.match(anyCount)?.length === names.length ? { segments, names } : undefined;
}

/** Where the quote is that closes the string that begins at `start`; -1 when there is none. */
function endOfString(data: string, start: number): number {
  let end = data.indexOf('"', start);
  while (end !== -1 && isEscaped(data, end)) end = data.indexOf('"', end + 1);
  return end;
}

function isEscaped(data: string, at: number): boolean {
  let backslashes = 0;
  while (data.charCodeAt(at - 1 - backslashes) === 92) backslashes++;
  return backslashes % 2 === 1;
}
