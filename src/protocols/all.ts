import type { ProtocolName } from "../core/events.ts";
import { eventSource } from "./event-source.ts";
import { events } from "./events.ts";
import { openaiChat } from "./openai-chat.ts";
import { plainText } from "./plain-text.ts";
import type { Protocol } from "./protocol.ts";

export const protocols: Readonly<Record<ProtocolName, Protocol>> = {
  "openai-chat": openaiChat,
  "plain-text": plainText,
  "event-source": eventSource,
  events,
};
