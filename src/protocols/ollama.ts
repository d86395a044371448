import { readAnswer, writeAnswer } from "./ollama-answer.ts";
import { readError, writeError } from "./ollama-errors.ts";
import type { LineShape } from "./ollama-line.ts";
import { chatLines, generateLines } from "./ollama-line.ts";
import { OllamaReader } from "./ollama-reader.ts";
import { readChatRequest, readGenerateRequest } from "./ollama-request.ts";
import { writeChatRequest, writeGenerateRequest } from "./ollama-request-writer.ts";
import { OllamaWriter } from "./ollama-writer.ts";
import type { Protocol } from "./protocol.ts";

/** Ollama's own chat, in JSON lines. */
export const ollamaChat: Protocol = {
  ...answersIn(chatLines),
  endpoint: {
    write: () => "/api/chat",
    read: (path) => (path.endsWith("/api/chat") ? {} : undefined),
  },
  readRequest: (body) => readChatRequest(body),
  writeRequest: writeChatRequest,
};

/** Ollama's own single prompt, in JSON lines. */
export const ollamaGenerate: Protocol = {
  ...answersIn(generateLines),
  endpoint: {
    write: () => "/api/generate",
    read: (path) => (path.endsWith("/api/generate") ? {} : undefined),
  },
  readRequest: (body) => readGenerateRequest(body),
  writeRequest: writeGenerateRequest,
};

/** All that the two have in common. */
function answersIn(shape: LineShape): Omit<Protocol, "readRequest" | "writeRequest" | "endpoint"> {
  return {
    name: shape.protocol,
    framing: "ndjson",
    contentType: "application/x-ndjson",
    createEventReader: () => new OllamaReader(shape),
    createEventWriter: () => new OllamaWriter(shape),
    readAnswer: (body) => readAnswer(body, shape),
    writeAnswer: (answer) => writeAnswer(answer, shape),
    readError,
    writeError,
  };
}
