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
  /** The role `developer` is unknown; it is sent as `system`. */
  noDeveloperRole?: true;
  /** The server never sends an end marker: a clean end of the body after some content is the end. */
  endsWithoutMarker?: true;
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
}

/** What a reader of an answer may choose about its form. */
export interface WriteOptions {
  /** The caller asked for usage in the stream, where the protocol makes that an option. Default false. */
  includeUsage?: boolean;
  /** The id that frames carry when no provider gave one. */
  streamId: string;
}

/** Writes the body for one reader. Pure state: the same events give the same frames, live, resumed or replayed. */
export interface EventWriter {
  /** The frames that this event completes, each a whole one of the protocol's framing; often one, sometimes none. */
  write(event: StreamEvent): string[];
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

/** A wire format: pure functions, both directions, no I/O. */
export interface Protocol {
  readonly name: ProtocolName;
  /** How frames are told apart; only `sse` has room for ids and comments. */
  readonly framing: "sse" | "text";
  /** Content type of a streamed body. */
  readonly contentType: string;

  /** @throws HeadraceError `invalid-request` with `param` - a field is missing or has the wrong type. */
  readRequest(body: JsonObject): GenerateRequest;
  /** The body for a provider, always asking for a stream with usage. */
  writeRequest(request: GenerateRequest, quirks: ProtocolQuirks): JsonObject;

  createEventReader(quirks: ProtocolQuirks): EventReader;
  createEventWriter(options: WriteOptions): EventWriter;

  /** A provider's answer that came as one document, as events. */
  readAnswer(body: JsonObject): StreamEvent[];
  writeAnswer(answer: Answer, options: WriteOptions): JsonObject;

  readError(failure: ProviderFailure): HeadraceError;
  writeError(error: HeadraceError, requestId: string): WholeResponse;
}
