import { HeadraceError } from "../core/errors.ts";
import type { ErrorReport } from "../core/errors.ts";
import type { StreamEvent } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { readAnswer } from "./openai-chat-answer.ts";
import { readStreamError } from "./openai-chat-errors.ts";
import { ChunkReader } from "./openai-chat-reader.ts";
import type { EventReader, ProtocolQuirks } from "./protocol.ts";
import { createSseReader } from "./sse.ts";

const maxDocumentSize = 1024 * 1024;

/** Reads a body that should be a stream of chunks, and may be a document or a page of some proxy. */
export class ChatBodyReader implements EventReader {
  readonly #frames = createSseReader();
  readonly #chunks: ChunkReader;
  /** Collects what is no stream; undefined for a stream, and until the first byte that tells. */
  #document: string[] | undefined;
  #documentSize = 0;
  readonly #decoder = new TextDecoder();
  #isStream = false;

  constructor(quirks: ProtocolQuirks) {
    this.#chunks = new ChunkReader(quirks);
  }

  push(bytes: Uint8Array): StreamEvent[] {
    if (this.#chunks.hasEnded) return [];
    if (!this.#isStream && this.#collect(bytes)) {
      return this.#documentSize > maxDocumentSize ? this.#chunks.fail(tooLarge) : [];
    }
    try {
      const frames = this.#frames.push(bytes);
      const [first] = frames;
      if (frames.length === 1 && first !== undefined) return this.#chunks.read(first.data, first.event);
      return frames.flatMap(({ data, event }) => this.#chunks.read(data, event));
    } catch (error) {
      if (error instanceof HeadraceError) return this.#chunks.fail(error.report());
      throw error;
    }
  }

  end(): StreamEvent[] {
    if (this.#document === undefined || this.#chunks.hasEnded) return this.#chunks.end();
    const document = parseObject(this.#document.join("") + this.#decoder.decode());
    if (document === undefined) return this.#chunks.fail(noStream);
    const error = readStreamError(document);
    if (error !== undefined) return this.#chunks.fail(error);
    return Array.isArray(document["choices"]) ? readAnswer(document) : this.#chunks.fail(noStream);
  }

  /** Whether these bytes belong to a document. The first character that is no space decides. */
  #collect(bytes: Uint8Array): boolean {
    if (this.#document === undefined) {
      const first = bytes.find((byte) => !isSpaceOrMark(byte));
      if (first === undefined) return false;
      const beginsDocument = first === 0x7b || first === 0x5b || first === 0x3c; // { [ <
      this.#isStream = !beginsDocument;
      if (!beginsDocument) return false;
      this.#document = [];
    }
    this.#documentSize += bytes.length;
    if (this.#documentSize <= maxDocumentSize) this.#document.push(this.#decoder.decode(bytes, { stream: true }));
    return true;
  }
}

/** Space, tab, CR, LF, and the bytes of a byte order mark. */
function isSpaceOrMark(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d) || byte === 0xef || byte === 0xbb || byte === 0xbf;
}

const tooLarge: ErrorReport = {
  code: "response-too-large",
  message: "the provider's answer is longer than 1 MiB in one piece",
};
const noStream: ErrorReport = {
  code: "provider-error",
  message: "the provider answered with something that is no stream; check its base URL",
};

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const first: unknown = Array.isArray(value) ? value[0] : value;
    return isJsonObject(first) ? first : undefined;
  } catch {
    // HTML, most likely.
    return undefined;
  }
}
