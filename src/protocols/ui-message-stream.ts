import { isJsonObject } from "../core/json.ts";
import { readError, writeError } from "./openai-chat-errors.ts";
import type { Protocol } from "./protocol.ts";
import { SseBody } from "./sse-body.ts";
import { readAnswer, writeAnswer } from "./ui-message-stream-answer.ts";
import { UiChunkReader } from "./ui-message-stream-reader.ts";
import { readRequest } from "./ui-message-stream-request.ts";
import { writeRequest } from "./ui-message-stream-request-writer.ts";
import { UiStreamWriter } from "./ui-message-stream-writer.ts";

/**
 * What the AI SDK's `useChat` speaks with its server. Its client checks each chunk against a schema and throws at a type
 * it does not know.
 *
 * @see https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol
 */
export const uiMessageStream: Protocol = {
  name: "ui-message-stream",
  framing: "sse",
  contentType: "text/event-stream",
  responseHeaders: { "x-vercel-ai-ui-message-stream": "v1" },
  readRequest,
  writeRequest,
  createEventReader: (quirks) =>
    new SseBody(new UiChunkReader(quirks), (document) => {
      return isJsonObject(document) && Array.isArray(document["parts"]) ? readAnswer(document) : undefined;
    }),
  createEventWriter: (options) => new UiStreamWriter(options),
  readAnswer,
  writeAnswer,
  readError,
  writeError,
};
