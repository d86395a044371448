import type { ProtocolName } from "./events.ts";

/** Interfaces of OpenAI's whose requests and answers pass as they are. */
export type PassedProtocol = "openai-embeddings" | "openai-completions";

/** What something is asked in. */
export type AskedProtocol = ProtocolName | PassedProtocol;

/** What a model is asked to do, in the words of OpenTelemetry's `gen_ai.operation.name`. */
export type Operation = "chat" | "embeddings" | "text_completion";

export const operations = ["chat", "embeddings", "text_completion"] as const satisfies readonly Operation[];

const passed: Readonly<Record<PassedProtocol, Operation>> = {
  "openai-embeddings": "embeddings",
  "openai-completions": "text_completion",
};

/** What is asked for in a protocol: a stream is a `chat`, whatever its protocol calls it. */
export function operationOf(protocol: AskedProtocol): Operation {
  return isPassed(protocol) ? passed[protocol] : "chat";
}

/** Whether what is asked in it passes as it is, so that there is no log of it. */
export function isPassed(protocol: AskedProtocol): protocol is PassedProtocol {
  return Object.hasOwn(passed, protocol);
}
