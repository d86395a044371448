import { HeadraceError } from "../core/errors.ts";

/** One event of a server-sent event stream. */
export interface SseFrame {
  data: string;
  /** Undefined for the default type, `message`. */
  event: string | undefined;
  /** The id of this very block; undefined when it had none. */
  id: string | undefined;
}

export interface SseReader {
  /** The last event id so far, also from blocks without data. Empty when there was none. */
  readonly lastEventId: string;
  /** The reconnection time that the server asked for, in milliseconds. */
  readonly retryMs: number | undefined;
  /**
   * Takes the next bytes and returns the events that they complete. What is not closed by a blank line when the body
   * ends was never an event.
   *
   * @throws HeadraceError `response-too-large` - a line or an event is over the limit. The reader is of no use then.
   */
  push(bytes: Uint8Array): SseFrame[];
}

const defaultMaxSize = 1024 * 1024;

/**
 * Reads server-sent events by all rules of the standard, however the bytes are cut.
 *
 * @param maxSize - longest line or event, in UTF-16 code units. Default 1 Mi.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export function createSseReader(maxSize: number = defaultMaxSize): SseReader {
  return new Reader(maxSize);
}

const lineEnd = /\r\n|\n|\r/g;
const byteOrderMark = 0xfeff;

class Reader implements SseReader {
  lastEventId = "";
  retryMs: number | undefined;

  readonly #maxSize: number;
  readonly #text = new Utf8Text();
  #atStart = true;
  #swallowLineFeed = false;
  // Joining once per line keeps a 1 MB line linear; `line += chunk` would copy it when it is looked into.
  #lineParts: string[] = [];
  #lineSize = 0;
  #data: string[] = [];
  #dataSize = 0;
  #event: string | undefined;
  #id: string | undefined;
  #frames: SseFrame[] = [];

  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  push(bytes: Uint8Array): SseFrame[] {
    let text = this.#text.decode(bytes);
    if (text === "") return [];
    if (this.#atStart) {
      this.#atStart = false;
      if (text.charCodeAt(0) === byteOrderMark) text = text.slice(1);
    }
    return this.#readWhole(text) ?? this.#readLines(text);
  }

  /** One whole event in one read is by far the most common: a line of data, maybe after one with its type. */
  #readWhole(text: string): SseFrame[] | undefined {
    const end = text.length - 2;
    const typeEnd = text.startsWith("event: ") ? text.indexOf("\n") : -1;
    const start = typeEnd + 1;
    if (
      !text.startsWith("data: ", start) ||
      text.indexOf("\n", start) !== end ||
      text.charCodeAt(end + 1) !== 10 ||
      end > this.#maxSize ||
      !this.#isBetweenEvents() ||
      text.includes("\r")
    ) {
      return undefined;
    }
    const event = typeEnd > 7 ? text.slice(7, typeEnd) : undefined;
    return [{ data: text.slice(start + 6, end), event, id: undefined }];
  }

  #isBetweenEvents(): boolean {
    return (
      this.#lineSize === 0 &&
      this.#data.length === 0 &&
      this.#event === undefined &&
      this.#id === undefined &&
      !this.#swallowLineFeed
    );
  }

  #readLines(text: string): SseFrame[] {
    this.#frames = [];
    let start = 0;
    if (this.#swallowLineFeed) {
      this.#swallowLineFeed = false;
      if (text.charCodeAt(0) === 10) start = 1;
    }
    lineEnd.lastIndex = start;
    for (let match = lineEnd.exec(text); match !== null; match = lineEnd.exec(text)) {
      this.#line(text.slice(start, match.index));
      start = lineEnd.lastIndex;
      // The line ends here and now; should the other half of a CRLF follow, it is no further line.
      if (start === text.length && match[0] === "\r") this.#swallowLineFeed = true;
    }
    if (start < text.length) this.#keep(text.slice(start));
    return this.#frames;
  }

  #keep(part: string): void {
    this.#lineParts.push(part);
    this.#lineSize += part.length;
    this.#limit(this.#lineSize + this.#dataSize);
  }

  #line(part: string): void {
    if (this.#lineSize === 0) {
      this.#limit(part.length + this.#dataSize);
      this.#field(part);
      return;
    }
    this.#keep(part);
    const line = this.#lineParts.join("");
    this.#lineParts = [];
    this.#lineSize = 0;
    this.#field(line);
  }

  #limit(size: number): void {
    if (size <= this.#maxSize) return;
    throw new HeadraceError("response-too-large", `an event of the stream is longer than ${this.#maxSize} characters`);
  }

  #field(line: string): void {
    if (line === "") {
      this.#dispatch();
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1);
    if (name === "data") {
      this.#data.push(value);
      this.#dataSize += value.length + 1;
    } else if (name === "event") {
      this.#event = value;
    } else if (name === "id") {
      if (!value.includes("\0")) this.#id = value;
    } else if (name === "retry") {
      if (/^[0-9]+$/.test(value)) this.retryMs = Number(value);
    }
  }

  #dispatch(): void {
    const id = this.#id;
    if (id !== undefined) this.lastEventId = id;
    if (this.#data.length > 0) {
      const event = this.#event === "" ? undefined : this.#event;
      this.#frames.push({ data: this.#data.join("\n"), event, id });
      this.#data = [];
      this.#dataSize = 0;
    }
    this.#event = undefined;
    this.#id = undefined;
  }
}

/** UTF-8 in pieces. */
export class Utf8Text {
  // Decoding without `stream` is several times faster, and right whenever the piece begins and ends between characters.
  readonly #wholes = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #pieces = new TextDecoder("utf-8", { ignoreBOM: true });
  #insideCharacter = false;

  decode(bytes: Uint8Array): string {
    const last = bytes.at(-1);
    if (last === undefined) return "";
    const endsBetween = last < 0x80;
    if (!this.#insideCharacter && endsBetween) return this.#wholes.decode(bytes);
    this.#insideCharacter = !endsBetween;
    return this.#pieces.decode(bytes, { stream: true });
  }
}

export interface SseFields {
  data: string;
  event?: string;
  id?: string;
}

/** An event as text on the wire. Data may hold line ends of any kind: a reader gets them back as LF. */
export function sseFrame({ event, data, id }: SseFields): string {
  let frame = "";
  if (id !== undefined) frame += `id: ${singleLine(id)}\n`;
  if (event !== undefined) frame += `event: ${singleLine(event)}\n`;
  for (const line of data.split(lineEnd)) frame += `data: ${line}\n`;
  return `${frame}\n`;
}

/** An event whose data is one line, as JSON always is. */
export function dataFrame(line: string): string {
  return `data: ${line}\n\n`;
}

/** Gives an id to a frame that was already written. */
export function frameWithId(frame: string, id: string): string {
  return `id: ${id}\n${frame}`;
}

function singleLine(text: string): string {
  return text.replace(/[\r\n\0]+/g, " ");
}
