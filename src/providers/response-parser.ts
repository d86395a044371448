import { HeadraceError } from "../core/errors.ts";

export interface ResponseHead {
  status: number;
  /** Names in lower case; of repeated headers the last one. */
  headers: Record<string, string>;
}

/** Told of the parts of a response as they come. */
export interface ResponseListener {
  onHead(head: ResponseHead): void;
  /** Valid during the call only. */
  onData(bytes: Buffer): void;
  /** The body is complete. */
  onEnd(): void;
}

const maxHeadBytes = 64 * 1024;
const maxHeaders = 256;
const maxInterim = 16;
const maxChunkLine = 1024;
const maxTrailerBytes = 16 * 1024;

const carriageReturn = 13;
const lineFeed = 10;

type State = "head" | "chunk-size" | "chunk-data" | "chunk-end" | "trailers" | "length" | "until-close" | "done";

/**
 * Reads one HTTP/1.1 response, strictly: whatever two readers could take for different messages is an error.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-6
 */
export class ResponseParser {
  readonly #listener: ResponseListener;
  #state: State = "head";
  #head: Buffer[] = [];
  #headBytes = 0;
  #interim = 0;
  /** Bytes of the chunk, or of the body, that have not come yet. */
  #left = 0;
  #sizeLine = "";
  #trailer = "";
  #trailerBytes = 0;
  #keepAlive = false;

  constructor(listener: ResponseListener) {
    this.#listener = listener;
  }

  /** The response is complete, and the connection can take another request. */
  get reusable(): boolean {
    return this.#state === "done" && this.#keepAlive;
  }

  get hasBegun(): boolean {
    return this.#state !== "head" || this.#headBytes > 0 || this.#interim > 0;
  }

  /**
   * Takes the next bytes of the connection.
   *
   * @throws HeadraceError `provider-error` - it is no HTTP/1.1 response, or bytes follow a complete one.
   */
  push(bytes: Buffer): void {
    let rest: Buffer | undefined = bytes;
    while (rest !== undefined && rest.length > 0) {
      if (this.#state === "chunk-size") rest = this.#chunk(rest);
      else if (this.#state === "chunk-data" || this.#state === "length") rest = this.#body(rest);
      else if (this.#state === "chunk-end") rest = this.#chunkEnd(rest);
      else if (this.#state === "head") rest = this.#readHead(rest);
      else if (this.#state === "trailers") rest = this.#trailers(rest);
      else if (this.#state === "done") throw breach("bytes after the end of the answer");
      else {
        this.#listener.onData(rest);
        rest = undefined;
      }
    }
  }

  /** The connection was closed in order. Returns whether the response is complete. */
  close(): boolean {
    if (this.#state === "until-close") this.#finish();
    return this.#state === "done";
  }

  #readHead(bytes: Buffer): Buffer | undefined {
    this.#head.push(Buffer.from(bytes));
    this.#headBytes += bytes.length;
    const all = this.#head.length === 1 ? (this.#head[0] as Buffer) : Buffer.concat(this.#head);
    const end = all.indexOf("\r\n\r\n");
    if ((end === -1 ? all.length : end) > maxHeadBytes) throw breach("headers of more than 64 KiB");
    if (end === -1) {
      this.#head = [all];
      return undefined;
    }
    this.#head = [];
    this.#headBytes = 0;
    this.#begin(readHead(all.toString("latin1", 0, end)));
    return all.subarray(end + 4);
  }

  #begin({ version, ...head }: ReadHead): void {
    const { status, headers } = head;
    if (status < 200) {
      this.#interim++;
      if (this.#interim > maxInterim || status === 101) throw breach("an interim answer that was not asked for");
      return;
    }
    const connection = (headers["connection"] ?? "").toLowerCase();
    this.#keepAlive = version === "1.1" ? !connection.includes("close") : connection.includes("keep-alive");
    const coding = headers["transfer-encoding"]?.toLowerCase();
    const length = headers["content-length"];
    if (coding !== undefined && length !== undefined) throw breach("both a length and a transfer coding");
    if (coding !== undefined && coding !== "chunked") throw breach("an unknown transfer coding");
    if (length !== undefined && !/^\d{1,15}$/.test(length)) throw breach("a length that is no number");
    if (status === 204 || status === 304) this.#state = "done";
    else if (coding !== undefined) this.#state = "chunk-size";
    else if (length === undefined) {
      this.#state = "until-close";
      this.#keepAlive = false;
    } else {
      this.#left = Number(length);
      this.#state = this.#left === 0 ? "done" : "length";
    }
    this.#listener.onHead(head);
    if (this.#state === "done") this.#listener.onEnd();
  }

  /** A chunk that came whole, which most do, is taken in one step. */
  #chunk(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf(lineFeed);
    if (end === -1) {
      this.#sizeLine += bytes.toString("latin1");
      if (this.#sizeLine.length > maxChunkLine) throw breach("a chunk size that does not end");
      return undefined;
    }
    const size = this.#sizeLine === "" ? sizeIn(bytes, end) : undefined;
    this.#left = size ?? readChunkSize(this.#sizeLine + bytes.toString("latin1", 0, end));
    this.#sizeLine = "";
    this.#state = this.#left === 0 ? "trailers" : "chunk-data";
    return bytes.subarray(end + 1);
  }

  #body(bytes: Buffer): Buffer | undefined {
    const take = Math.min(this.#left, bytes.length);
    this.#left -= take;
    const isChunk = this.#state === "chunk-data";
    if (this.#left === 0 && isChunk) this.#state = "chunk-end";
    this.#listener.onData(take === bytes.length ? bytes : bytes.subarray(0, take));
    if (this.#left === 0 && !isChunk) this.#finish();
    return take === bytes.length ? undefined : bytes.subarray(take);
  }

  #chunkEnd(bytes: Buffer): Buffer | undefined {
    const expected = this.#sizeLine === "" ? carriageReturn : lineFeed;
    if (bytes[0] !== expected) throw breach("a chunk that is longer than its size");
    if (expected === carriageReturn && bytes.length > 1) {
      if (bytes[1] !== lineFeed) throw breach("a chunk that is longer than its size");
      this.#state = "chunk-size";
      return bytes.length === 2 ? undefined : bytes.subarray(2);
    }
    if (expected === carriageReturn) {
      this.#sizeLine = "\r";
      return undefined;
    }
    this.#sizeLine = "";
    this.#state = "chunk-size";
    return bytes.subarray(1);
  }

  #trailers(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf(lineFeed);
    const line = this.#trailer + bytes.toString("latin1", 0, end === -1 ? bytes.length : end + 1);
    this.#trailerBytes += end === -1 ? bytes.length : end + 1;
    if (this.#trailerBytes > maxTrailerBytes) throw breach("trailers of more than 16 KiB");
    this.#trailer = end === -1 ? line : "";
    if (end === -1) return undefined;
    if (line === "\r\n") this.#finish();
    return bytes.subarray(end + 1);
  }

  #finish(): void {
    this.#state = "done";
    this.#listener.onEnd();
  }
}

interface ReadHead extends ResponseHead {
  version: "1.0" | "1.1";
}

function readHead(text: string): ReadHead {
  const [statusLine = "", ...lines] = text.split("\r\n");
  const match = /^HTTP\/(1\.[01]) (\d{3})(?: |$)/.exec(statusLine);
  if (match === null || lines.length > maxHeaders) throw breach("no HTTP/1.1 answer");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [whole, name = "", value = ""] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)$/.exec(line) ?? [];
    if (whole === undefined) throw breach("a header that is none");
    const key = name.toLowerCase();
    const isRepeated = Object.hasOwn(headers, key);
    if (isRepeated && (key === "content-length" || key === "transfer-encoding")) throw breach("two lengths");
    if (key !== "__proto__") headers[key] = value.trimEnd();
  }
  return { version: match[1] as "1.0" | "1.1", status: Number(match[2]), headers };
}

/** The size in a line of hex digits only; undefined when there is more to it. */
function sizeIn(bytes: Buffer, end: number): number | undefined {
  if (end < 2 || end > 9 || bytes[end - 1] !== carriageReturn) return undefined;
  let size = 0;
  for (let index = 0; index < end - 1; index++) {
    const digit = hexDigit(bytes[index] as number);
    if (digit === -1) return undefined;
    size = size * 16 + digit;
  }
  return size;
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 97 && code <= 102) return code - 87;
  if (code >= 65 && code <= 70) return code - 55;
  return -1;
}

function readChunkSize(line: string): number {
  const match = /^([0-9a-fA-F]{1,12})[ \t]*(?:;[^\r\n]*)?\r$/.exec(line);
  if (match === null) throw breach("a chunk without a size");
  return Number.parseInt(match[1] as string, 16);
}

function breach(what: string): HeadraceError {
  return new HeadraceError("provider-error", `the provider broke HTTP: ${what}`);
}
