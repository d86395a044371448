import type { StreamEvent } from "../core/events.ts";
import { isJsonObject } from "../core/json.ts";
import { readAnswer } from "./openai-chat-answer.ts";
import { readStreamError } from "./openai-chat-errors.ts";
import { ChunkReader } from "./openai-chat-reader.ts";
import type { EventReader, ProtocolQuirks } from "./protocol.ts";
import { SseBody } from "./sse-body.ts";

/** Reads a body that should be a stream of chunks, and may be a document. */
export function createBodyReader(quirks: ProtocolQuirks): EventReader {
  const chunks = new ChunkReader(quirks);
  return new SseBody(chunks, (document): StreamEvent[] | undefined => {
    // Google's compatible endpoint wraps its error in an array.
    const first: unknown = Array.isArray(document) ? document[0] : document;
    if (!isJsonObject(first)) return undefined;
    const error = readStreamError(first);
    if (error !== undefined) return chunks.fail(error);
    return Array.isArray(first["choices"]) ? readAnswer(first) : undefined;
  });
}
