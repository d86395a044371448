import { createAnswerWriter } from "./gemini-answer-writer.ts";
import { readAnswer, writeAnswer } from "./gemini-answer.ts";
import { endpoint } from "./gemini-endpoint.ts";
import { readError, writeError } from "./gemini-errors.ts";
import { createBodyReader } from "./gemini-reader.ts";
import { readRequest } from "./gemini-request.ts";
import { writeRequest } from "./gemini-request-writer.ts";
import { ChunkWriter } from "./gemini-writer.ts";
import type { Protocol } from "./protocol.ts";

/**
 * Google's `generateContent` and `streamGenerateContent`.
 *
 * @see https://ai.google.dev/api/generate-content
 */
export const gemini: Protocol = {
  name: "gemini",
  framing: "sse",
  // Google's client takes a block for data only when it begins with that.
  eventIds: false,
  contentType: "text/event-stream",
  endpoint,
  readRequest,
  writeRequest,
  createEventReader: createBodyReader,
  createEventWriter: (options) => new ChunkWriter(options),
  readAnswer,
  writeAnswer,
  createAnswerWriter,
  readError,
  writeError,
};
