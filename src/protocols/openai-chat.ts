import { readAnswer, writeAnswer } from "./openai-chat-answer.ts";
import { createBodyReader } from "./openai-chat-body.ts";
import { readError, writeError } from "./openai-chat-errors.ts";
import { readRequest } from "./openai-chat-request.ts";
import { writeRequest } from "./openai-chat-request-writer.ts";
import { ChunkWriter } from "./openai-chat-writer.ts";
import type { Protocol } from "./protocol.ts";

/** OpenAI Chat Completions, in all the variants that vendors have made of it. */
export const openaiChat: Protocol = {
  name: "openai-chat",
  framing: "sse",
  contentType: "text/event-stream",
  endpoint: {
    write: () => "/chat/completions",
    read: (path) => (path.endsWith("/chat/completions") ? {} : undefined),
  },
  readRequest,
  writeRequest,
  createEventReader: createBodyReader,
  createEventWriter: (options) => new ChunkWriter(options),
  readAnswer,
  writeAnswer,
  readError,
  writeError,
};
