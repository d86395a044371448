import { readError, writeError } from "./openai-chat-errors.ts";
import { createAnswerWriter, readAnswer, readDocument, writeAnswer } from "./openai-responses-answer.ts";
import { ResponseEventReader } from "./openai-responses-reader.ts";
import { readRequest } from "./openai-responses-request.ts";
import { writeRequest } from "./openai-responses-request-writer.ts";
import { ResponseWriter } from "./openai-responses-writer.ts";
import type { KeptAnswers, Protocol } from "./protocol.ts";
import { SseBody } from "./sse-body.ts";

/** OpenAI Responses. What a server of it remembers, `previous_response_id` for one, is the gateway's business. */
export const openaiResponses: Protocol = {
  name: "openai-responses",
  framing: "sse",
  // The numbers of the events are what its clients resume from.
  eventIds: false,
  contentType: "text/event-stream",
  endpoint: {
    write: () => "/responses",
    read: (path) => (path.endsWith("/responses") ? {} : undefined),
  },
  readRequest,
  writeRequest,
  keptAnswers: (body) => (body["background"] === true ? keptAnswers : undefined),
  createEventReader() {
    const reader = new ResponseEventReader();
    return new SseBody(reader, (document) => readDocument(reader, document));
  },
  createEventWriter: (options) => new ResponseWriter(options),
  readAnswer,
  writeAnswer,
  createAnswerWriter,
  readError,
  writeError,
};

/** What was asked for with `background` goes on without anybody listening. */
const keptAnswers: KeptAnswers = {
  rest: ({ id, after }) => `/responses/${encodeURIComponent(id)}?stream=true&starting_after=${after}`,
  stop: (id) => ({ method: "POST", path: `/responses/${encodeURIComponent(id)}/cancel` }),
};
