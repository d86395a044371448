import type { ProtocolName } from "../core/events.ts";
import { anthropicMessages } from "./anthropic-messages.ts";
import { bedrockConverse } from "./bedrock-converse.ts";
import { eventSource } from "./event-source.ts";
import { events } from "./events.ts";
import { gemini } from "./gemini.ts";
import { ollamaChat, ollamaGenerate } from "./ollama.ts";
import { openaiChat } from "./openai-chat.ts";
import { openaiResponses } from "./openai-responses.ts";
import { plainText } from "./plain-text.ts";
import type { Protocol } from "./protocol.ts";
import { uiMessageStream } from "./ui-message-stream.ts";

export const protocols: Readonly<Record<ProtocolName, Protocol>> = {
  "openai-chat": openaiChat,
  "openai-responses": openaiResponses,
  gemini,
  "ollama-chat": ollamaChat,
  "ollama-generate": ollamaGenerate,
  "anthropic-messages": anthropicMessages,
  "bedrock-converse": bedrockConverse,
  "plain-text": plainText,
  "event-source": eventSource,
  events,
  "ui-message-stream": uiMessageStream,
};
