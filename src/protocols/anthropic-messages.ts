import { createAnswerWriter, readAnswer, writeAnswer } from "./anthropic-messages-answer.ts";
import { createBodyReader } from "./anthropic-messages-body.ts";
import { readError, writeError } from "./anthropic-messages-errors.ts";
import { readRequest } from "./anthropic-messages-request.ts";
import { writeRequest } from "./anthropic-messages-request-writer.ts";
import { MessageWriter } from "./anthropic-messages-writer.ts";
import type { Protocol } from "./protocol.ts";

/** Anthropic Messages. Base URLs are without `/v1`, as Anthropic's own client has them. */
export const anthropicMessages: Protocol = {
  name: "anthropic-messages",
  framing: "sse",
  contentType: "text/event-stream",
  endpoint: {
    write: () => "/v1/messages",
    read: (path) => (path.endsWith("/v1/messages") ? {} : undefined),
  },
  forwardedHeaders: ["anthropic-version", "anthropic-beta"],
  readRequest,
  writeRequest,
  createEventReader: createBodyReader,
  createEventWriter: (options) => new MessageWriter(options),
  readAnswer,
  writeAnswer,
  createAnswerWriter,
  readError,
  writeError,
};
