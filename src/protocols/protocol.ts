import type { Answer } from "../core/answer.ts";
import type { HeadraceError } from "../core/errors.ts";
import type { ProtocolName, StreamEvent } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { GenerateRequest } from "../core/request.ts";

/** How a vendor departs from the protocol it speaks. Each difference is a named field that any vendor can set. */
export interface ProtocolQuirks {
  /** The vendor knows `max_tokens` only. Default: `max_completion_tokens`, or what the caller wrote. */
  maxTokensField?: "max_tokens" | "max_completion_tokens";
  /** Usage comes without being asked for, and asking is an error. */
  refusesStreamOptions?: true;
  /** The server knows OpenAI's own hints: `service_tier`, `prompt_cache_key`, `safety_identifier`, `verbosity`, `metadata`. */
  knowsHints?: true;
  /** The role `developer` is unknown; it is sent as `system`. */
  noDeveloperRole?: true;
  /** The server says in US dollars what an answer costs, as `usage.cost`. */
  tellsCost?: true;
  /** The server never sends an end marker: a clean end of the body after some content is the end. */
  endsWithoutMarker?: true;
  /** Answers are made in the background, where they survive their connection; of OpenAI's Responses only. */
  background?: true;
}

/** A place in an answer that a provider keeps. */
export interface AnswerPosition {
  /** The provider's id of the answer. */
  id: string;
  /** The last thing that was read of it, as the provider numbers them. */
  after: string;
}

/** How a provider is asked about an answer that it keeps. */
export interface KeptAnswers {
  /** Path and query below the base URL of what follows a position, to be fetched with GET. */
  rest(position: AnswerPosition): string;
  /** What stops the generation. */
  stop(id: string): { method: "POST" | "DELETE"; path: string };
}

/** Reads a provider's body. Pure state: the same bytes, however they are cut, give the same events. */
export interface EventReader {
  /**
   * Takes the next bytes and returns the events that they complete.
   *
   * Never throws on what a provider sends. A provider's error, or a body that breaks the protocol, comes back as a
   * last event `stream-end` with outcome `failed`; after a `stream-end` nothing more is returned.
   */
  push(bytes: Uint8Array): StreamEvent[];
  /** The body ended. Returns a `stream-end`, `failed` with `stream-truncated` when the answer was not complete. */
  end(): StreamEvent[];
  /** Up to where the answer was read, where it can be read on from there; undefined while that is unknown. */
  readonly position?: AnswerPosition | undefined;
  /** The provider says that the answer waits for its turn. */
  readonly isQueued?: boolean;
  /** What is pushed from now on is another body, which begins behind `position` or repeats some of what is before it. */
  reopen?(): void;
}

/** What a reader of an answer may choose about its form. */
export interface WriteOptions {
  /** The caller asked for usage in the stream, where the protocol makes that an option. Default false. */
  includeUsage?: boolean;
  /** The id that frames carry when no provider gave one. */
  streamId: string;
  /**
   * The reader builds its message anew from this stream, so it is also told what the message held before the answer was
   * added to it (`StreamStart.chat`). Default false.
   */
  replay?: boolean;
}

/** Writes the body for one reader. Pure state: the same events give the same frames, live, resumed or replayed. */
export interface EventWriter {
  /** The frames that this event completes, each a whole one of the protocol's framing; often one, sometimes none. */
  write(event: StreamEvent): string[];
}

/** Writes an answer that is not a stream while its events arrive. */
export interface AnswerWriter {
  add(event: StreamEvent): void;
  body(): JsonObject;
}

/** An answer that is not a stream. */
export interface WholeResponse {
  status: number;
  headers?: Record<string, string>;
  body: Json;
}

/** What a provider answered instead of a stream. */
export interface ProviderFailure {
  status: number;
  headers: Record<string, string>;
  /** At most the first 64 KiB. */
  body: string;
}

/** What the address of a request says besides its body. */
export interface RequestTarget {
  model?: string;
  stream?: boolean;
}

/** Where a protocol is spoken. */
export interface Endpoint {
  /** Path and query below a provider's base URL that a streamed answer is asked for at, with its leading slash. */
  write(request: GenerateRequest): string;
  /** What the path of a request says; undefined when it is none of this protocol. Query parameters by name. */
  read(path: string, query: Readonly<Record<string, string>>): RequestTarget | undefined;
}

/** Told of everything of a request that is left out or changed, in a sentence that names the field. */
export type Warn = (message: string) => void;

/** A wire format: pure functions, both directions, no I/O. */
export interface Protocol {
  readonly name: ProtocolName;
  /** How frames are told apart; only `sse` has room for ids and comments. `text` cannot say that it broke off. */
  readonly framing: "sse" | "ndjson" | "binary" | "text";
  /** False when clients of this protocol have a cursor of their own, so that frames carry no `id:` line. Default true. */
  readonly eventIds?: false;
  /** Content type of a streamed body. */
  readonly contentType: string;
  /** Further headers of a streamed body, names in lower case. */
  readonly responseHeaders?: Readonly<Record<string, string>>;

  /** Missing for protocols that no provider speaks. */
  readonly endpoint?: Endpoint;
  /** Headers of a request that belong to the protocol and go on to a provider of the same, names in lower case. */
  readonly forwardedHeaders?: readonly string[];

  /**
   * @param target - what the address said; its fields stand for those that this protocol's bodies do not have.
   * @throws HeadraceError `invalid-request` with `param` - a field is missing or has the wrong type.
   */
  readRequest(body: JsonObject, target?: RequestTarget): GenerateRequest;
  /**
   * The body for a provider, always asking for a stream with usage. What the protocol has no words for is told to `warn`.
   *
   * @throws HeadraceError `invalid-request` with `param` - it cannot be said, and leaving it out would change the meaning.
   */
  writeRequest(request: GenerateRequest, quirks: ProtocolQuirks, warn: Warn): JsonObject;

  /** Undefined when nothing is kept of the answer to this body. */
  keptAnswers?(body: JsonObject): KeptAnswers | undefined;

  createEventReader(quirks: ProtocolQuirks): EventReader;
  createEventWriter(options: WriteOptions): EventWriter;
  /** The bytes of a frame, for `binary` framing. */
  encodeFrame?(frame: string): Uint8Array<ArrayBuffer>;

  /** A provider's answer that came as one document, as events. */
  readAnswer(body: JsonObject): StreamEvent[];
  writeAnswer(answer: Answer, options: WriteOptions): JsonObject;
  /** The same from the events themselves, for protocols whose answers hold more than an `Answer` does. */
  createAnswerWriter?(options: WriteOptions): AnswerWriter;

  readError(failure: ProviderFailure): HeadraceError;
  writeError(error: HeadraceError, requestId: string): WholeResponse;
}
