import { isJsonObject } from "../core/json.ts";
import { readAnswer } from "./anthropic-messages-answer.ts";
import { readStreamError } from "./anthropic-messages-errors.ts";
import { MessageReader } from "./anthropic-messages-reader.ts";
import type { EventReader, ProtocolQuirks } from "./protocol.ts";
import { SseBody } from "./sse-body.ts";

/** Reads a body that should be a stream of Anthropic's events, and may be a document. */
export function createBodyReader(quirks: ProtocolQuirks): EventReader {
  const reader = new MessageReader(quirks);
  return new SseBody(reader, (document) => {
    if (!isJsonObject(document)) return undefined;
    const error = readStreamError(document, undefined);
    if (error !== undefined) return reader.fail(error);
    return Array.isArray(document["content"]) ? readAnswer(document) : undefined;
  });
}
