import { HeadraceError } from "../core/errors.ts";
import type { ErrorReport } from "../core/errors.ts";
import type { StreamEvent } from "../core/events.ts";
import type { AnswerPosition, EventReader } from "./protocol.ts";
import { createSseReader } from "./sse.ts";

const maxDocumentSize = 1024 * 1024;

/** Makes events of the frames of a stream, and knows when the answer is complete. */
export interface FrameReader {
  readonly hasEnded: boolean;
  /** Reads one frame. `event` is undefined for the default type. */
  read(data: string, event: string | undefined): StreamEvent[];
  /** The body is over. */
  end(): StreamEvent[];
  /** The answer broke. */
  fail(error: ErrorReport): StreamEvent[];
  /** As of `EventReader`. */
  readonly position?: AnswerPosition | undefined;
  readonly isQueued?: boolean;
  reopen?(): void;
}

/** Reads a body that should be a stream of server-sent events, and may be a document or a page of some proxy. */
export class SseBody implements EventReader {
  #frames = createSseReader();
  readonly #reader: FrameReader;
  readonly #readDocument: (document: unknown) => StreamEvent[] | undefined;
  /** Collects what is no stream; undefined for a stream, and until the first byte that tells. */
  #document: string[] | undefined;
  #documentSize = 0;
  readonly #decoder = new TextDecoder();
  #isStream = false;

  /** @param readDocument - the events of a JSON document that came instead of a stream; undefined when it is none of this protocol. */
  constructor(reader: FrameReader, readDocument: (document: unknown) => StreamEvent[] | undefined) {
    this.#reader = reader;
    this.#readDocument = readDocument;
  }

  push(bytes: Uint8Array): StreamEvent[] {
    if (this.#reader.hasEnded) return [];
    if (!this.#isStream && this.#collect(bytes)) {
      return this.#documentSize > maxDocumentSize ? this.#reader.fail(tooLarge) : [];
    }
    try {
      const frames = this.#frames.push(bytes);
      const [first] = frames;
      if (frames.length === 1 && first !== undefined) return this.#reader.read(first.data, first.event);
      return frames.flatMap(({ data, event }) => this.#reader.read(data, event));
    } catch (error) {
      if (error instanceof HeadraceError) return this.#reader.fail(error.report());
      throw error;
    }
  }

  end(): StreamEvent[] {
    if (this.#document === undefined || this.#reader.hasEnded) return this.#reader.end();
    const document = parseJson(this.#document.join("") + this.#decoder.decode());
    const events = document === undefined ? undefined : this.#readDocument(document);
    return events ?? this.#reader.fail(noStream);
  }

  get position(): AnswerPosition | undefined {
    return this.#reader.position;
  }

  get isQueued(): boolean {
    return this.#reader.isQueued === true;
  }

  reopen(): void {
    this.#frames = createSseReader();
    this.#reader.reopen?.();
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // HTML, most likely.
    return undefined;
  }
}
