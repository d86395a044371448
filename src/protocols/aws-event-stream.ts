import { HeadraceError } from "../core/errors.ts";

/** A message of the AWS event stream encoding, as services with JSON payloads send it. */
export interface AwsMessage {
  /** `exception` is an error of the service's model, `error` any other. */
  messageType: "event" | "exception" | "error";
  /** The name of the event or of the exception, or the code of the error. */
  name: string;
  payload: string;
}

// total length, headers length, CRC of both; at the end the CRC of everything before it.
const preludeSize = 12;
const checksumSize = 4;
const smallestMessage = preludeSize + checksumSize;
const defaultMaxSize = 1024 * 1024;

/**
 * Reads messages however the bytes are cut. Checks both checksums of each, so that a damaged message is never taken for
 * a good one.
 *
 * Written here and not taken from the vendor's package because that one reads async iterables of whole messages, and
 * takes headers apart anew for every token.
 *
 * @see https://smithy.io/2.0/aws/amazon-eventstream.html
 */
export class AwsEventStreamReader {
  /** Why nothing more is read; what came before it was returned. */
  failure: HeadraceError | undefined;
  readonly #maxSize: number;
  /** The beginning of a message, in pieces so that a large one is put together only once. */
  #pieces: Uint8Array[] = [];
  #size = 0;
  #needed = preludeSize;
  #hasMessages = false;
  readonly #decoder = new TextDecoder();
  #lastHeaders: { bytes: Uint8Array; read: MessageHeaders } | undefined;

  /** @param maxSize - of one message, in bytes. Default 1 MiB, as for server-sent events. */
  constructor(maxSize: number = defaultMaxSize) {
    this.#maxSize = maxSize;
  }

  /** Takes the next bytes and returns the messages that they complete. */
  push(bytes: Uint8Array): AwsMessage[] {
    if (this.failure !== undefined || bytes.length === 0) return [];
    const all = this.#joined(bytes);
    if (all === undefined) return [];
    const messages: AwsMessage[] = [];
    let start = 0;
    let needed = preludeSize;
    while (all.length - start >= preludeSize) {
      const size = this.#sizeAt(all, start);
      if (size === undefined) return messages;
      needed = size;
      if (all.length - start < size) break;
      const message = this.#messageAt(all, start, size);
      if (message === undefined) return messages;
      messages.push(message);
      start += size;
      needed = preludeSize;
    }
    this.#keep(all, start, needed);
    return messages;
  }

  #joined(bytes: Uint8Array): Uint8Array | undefined {
    if (this.#size === 0) return bytes;
    this.#pieces.push(new Uint8Array(bytes));
    this.#size += bytes.length;
    if (this.#size < this.#needed) return undefined;
    const all = new Uint8Array(this.#size);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  #keep(all: Uint8Array, start: number, needed: number): void {
    this.#size = all.length - start;
    // A copy, so that a small rest does not keep a large read alive. `slice` would be none where it is a Buffer's.
    this.#pieces = this.#size === 0 ? [] : [new Uint8Array(all.subarray(start))];
    this.#needed = needed;
  }

  #sizeAt(bytes: Uint8Array, start: number): number | undefined {
    if (crc32(bytes, start, start + 8) !== uint32(bytes, start + 8)) {
      return this.#fail(
        this.#hasMessages
          ? damaged
          : "the provider answered with something that is no event stream; check its base URL",
      );
    }
    const size = uint32(bytes, start);
    if (size > this.#maxSize) {
      this.failure = new HeadraceError("response-too-large", `an event of the stream is over ${this.#maxSize} bytes`);
      return undefined;
    }
    return size < smallestMessage + uint32(bytes, start + 4) ? this.#fail(damaged) : size;
  }

  #messageAt(bytes: Uint8Array, start: number, size: number): AwsMessage | undefined {
    const end = start + size - checksumSize;
    if (crc32(bytes, start, end) !== uint32(bytes, end)) return this.#fail(damaged);
    const payloadAt = start + preludeSize + uint32(bytes, start + 4);
    const headers = this.#headersOf(bytes.subarray(start + preludeSize, payloadAt));
    if (headers === undefined) return this.#fail(damaged);
    this.#hasMessages = true;
    const { messageType, name } = headers;
    return { messageType, name, payload: this.#decoder.decode(bytes.subarray(payloadAt, end)) };
  }

  /** Most messages have the headers of the one before, to the byte. */
  #headersOf(bytes: Uint8Array): MessageHeaders | undefined {
    if (this.#lastHeaders !== undefined && isSame(this.#lastHeaders.bytes, bytes)) return this.#lastHeaders.read;
    const read = readHeaders(bytes, this.#decoder);
    if (read !== undefined) this.#lastHeaders = { bytes: new Uint8Array(bytes), read };
    return read;
  }

  #fail(message: string): undefined {
    this.failure = new HeadraceError("provider-error", message);
  }
}

const damaged = "the provider's stream arrived damaged: a checksum or a length in it is wrong";

type MessageHeaders = Pick<AwsMessage, "messageType" | "name">;

/** Bytes of a value by the number of its type; bytes and strings say their own length. */
const valueSizes = [0, 0, 1, 2, 4, 8, undefined, undefined, 8, 16] as const;
const stringType = 7;

/** Undefined when the headers break off or hold a type that there is not. */
function readHeaders(bytes: Uint8Array, decoder: TextDecoder): MessageHeaders | undefined {
  const found = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const nameEnd = at + 1 + (bytes[at] as number);
    const type = bytes[nameEnd];
    if (type === undefined || type >= valueSizes.length) return undefined;
    const known = valueSizes[type];
    const valueAt = nameEnd + (known === undefined ? 3 : 1);
    const end = valueAt + (known ?? ((bytes[nameEnd + 1] ?? 0) << 8) + (bytes[nameEnd + 2] ?? 0));
    if (end > bytes.length) return undefined;
    if (type === stringType) {
      found.set(decoder.decode(bytes.subarray(at + 1, nameEnd)), decoder.decode(bytes.subarray(valueAt, end)));
    }
    at = end;
  }
  const exception = found.get(":exception-type");
  const error = found.get(":error-code");
  const messageType = found.get(":message-type");
  if (messageType === "exception" || exception !== undefined) {
    return { messageType: "exception", name: exception ?? "" };
  }
  if (messageType === "error" || error !== undefined) return { messageType: "error", name: error ?? "" };
  return { messageType: "event", name: found.get(":event-type") ?? "" };
}

const encoder = new TextEncoder();

/** The headers of a message, up to the text of its name and after it. */
interface HeadersAround {
  beforeName: Uint8Array;
  afterName: Uint8Array;
}

function headersAround(nameHeader: string, messageType: AwsMessage["messageType"]): HeadersAround {
  const afterName = [...header(":content-type", "application/json"), ...header(":message-type", messageType)];
  // The length of the name follows.
  const beforeName = header(nameHeader, "").slice(0, -2);
  return { beforeName: Uint8Array.from(beforeName), afterName: Uint8Array.from(afterName) };
}

function header(name: string, text: string): number[] {
  const value = encoder.encode(text);
  return [name.length, ...encoder.encode(name), stringType, value.length >> 8, value.length & 0xff, ...value];
}

const headers = {
  event: headersAround(":event-type", "event"),
  exception: headersAround(":exception-type", "exception"),
  error: headersAround(":error-code", "error"),
} as const;

/** The bytes of a message. */
export function encodeAwsMessage({ messageType, name, payload }: AwsMessage): Uint8Array<ArrayBuffer> {
  const { beforeName, afterName } = headers[messageType];
  const nameBytes = encoder.encode(name);
  const payloadBytes = encoder.encode(payload);
  const nameAt = preludeSize + beforeName.length + 2;
  const afterNameAt = nameAt + nameBytes.length;
  const payloadAt = afterNameAt + afterName.length;
  const end = payloadAt + payloadBytes.length;
  const bytes = new Uint8Array(end + checksumSize);
  bytes.set(beforeName, preludeSize);
  bytes[nameAt - 2] = nameBytes.length >> 8;
  bytes[nameAt - 1] = nameBytes.length;
  bytes.set(nameBytes, nameAt);
  bytes.set(afterName, afterNameAt);
  bytes.set(payloadBytes, payloadAt);
  setUint32(bytes, 0, bytes.length);
  setUint32(bytes, 4, payloadAt - preludeSize);
  setUint32(bytes, 8, crc32(bytes, 0, 8));
  setUint32(bytes, end, crc32(bytes, 0, end));
  return bytes;
}

const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32 as in zlib, of the bytes from `start` to before `end`. */
function crc32(bytes: Uint8Array, start: number, end: number): number {
  let crc = -1;
  for (let at = start; at < end; at++) {
    crc = (crcTable[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

function uint32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16);
  return (high | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
}

function setUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}
