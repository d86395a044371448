import type { Answer } from "../../src/core/answer.ts";
import { foldAnswer } from "../../src/core/answer.ts";
import type { ProtocolName, StreamEvent } from "../../src/core/events.ts";
import type { GenerateRequest } from "../../src/core/request.ts";
import type { ConfigInput } from "../../src/index.ts";
import { protocols } from "../../src/protocols/all.ts";
import type { Protocol } from "../../src/protocols/protocol.ts";

/** A protocol as people see it. Tests of all pairs and `docs/protocols.md` are made of these rows. */
export interface ProtocolRow {
  label: string;
  /** Missing where the gateway has no route for it. */
  served?: Served;
  /** A provider that speaks it, as configured; the simulator answers in its place. Missing where nobody does. */
  spokenBy?: NonNullable<ConfigInput["providers"]>[string];
}

interface Served {
  /** Everything that clients call. */
  routes: readonly string[];
  /** Where a stream is started: what stands before the protocol's own path, or all of it where it has none. */
  base: string;
  /** The request is in the query. */
  method?: "GET";
  /** It has text and nothing else, so no tools. */
  textOnly?: true;
}

/** A protocol joins the tests of all pairs, and the documentation, by its row here. */
export const protocolRows: Partial<Record<ProtocolName, ProtocolRow>> = {
  "openai-chat": {
    label: "OpenAI Chat Completions",
    served: { routes: ["POST /v1/chat/completions"], base: "/v1" },
    spokenBy: { vendor: "openai-compatible", baseUrl: "http://simulator.local/v1" },
  },
  "anthropic-messages": {
    label: "Anthropic Messages",
    served: { routes: ["POST /v1/messages", "POST /v1/messages/count_tokens"], base: "" },
    spokenBy: { vendor: "anthropic", baseUrl: "http://simulator.local", apiKey: "none" },
  },
  gemini: {
    label: "Google Gemini",
    served: {
      routes: [
        "POST /v1beta/models/{model}:streamGenerateContent?alt=sse",
        "POST /v1beta/models/{model}:generateContent",
      ],
      base: "/v1beta",
    },
    spokenBy: { vendor: "gemini", baseUrl: "http://simulator.local" },
  },
  "openai-responses": {
    label: "OpenAI Responses",
    served: {
      routes: [
        "POST /v1/responses",
        "GET /v1/responses/{id}",
        "POST /v1/responses/{id}/cancel",
        "DELETE /v1/responses/{id}",
        "GET /v1/responses/{id}/input_items",
      ],
      base: "/v1",
    },
    spokenBy: { vendor: "openai-responses", apiKey: "none", baseUrl: "http://simulator.local/v1" },
  },
  "bedrock-converse": {
    label: "Amazon Bedrock Converse",
    served: { routes: ["POST /model/{model}/converse-stream", "POST /model/{model}/converse"], base: "" },
    spokenBy: { vendor: "bedrock", baseUrl: "http://simulator.local", region: "us-east-1", apiKey: "none" },
  },
  "ollama-chat": {
    label: "Ollama, chat",
    served: { routes: ["POST /api/chat"], base: "" },
    spokenBy: { vendor: "ollama-native", baseUrl: "http://simulator.local" },
  },
  "ollama-generate": {
    label: "Ollama, prompt",
    served: { routes: ["POST /api/generate"], base: "", textOnly: true },
  },
  "ui-message-stream": {
    label: "AI SDK UI message stream",
    served: {
      routes: ["POST /api/chat", "GET /api/chat/{id}/stream", "POST /api/chat/{id}/stop"],
      base: "/api/chat",
    },
  },
  "event-source": {
    label: "EventSource messages",
    served: { routes: ["GET /stream?prompt="], base: "/stream", method: "GET", textOnly: true },
  },
  "plain-text": {
    label: "plain text",
    served: { routes: ["POST /generate"], base: "/generate", textOnly: true },
  },
  events: {
    label: "Headrace's own events",
    served: { routes: ["POST /v1/streams", "GET /v1/streams/{id}"], base: "" },
  },
};

export type NamedRow = ProtocolRow & { protocol: Protocol };

export const allRows: readonly NamedRow[] = Object.entries(protocolRows).map(([name, row]) => ({
  ...row,
  protocol: protocols[name as ProtocolName],
}));

/** Asks a gateway in a protocol, as a client that writes and reads it itself; over HTTP unless `send` is another way. */
export async function askIn(
  { protocol, served }: NamedRow,
  url: string,
  request: GenerateRequest,
  send: (url: string, init: RequestInit) => Promise<Response> = fetch,
): Promise<Response> {
  if (served === undefined) throw new Error(`${protocol.name} is not served`);
  const warnings: string[] = [];
  const body = protocol.writeRequest(request, {}, (warning) => warnings.push(warning));
  if (warnings.length > 0) throw new Error(warnings.join("; "));
  const path = served.base + (protocol.endpoint?.write(request) ?? "");
  if (served.method === "GET") {
    const query = Object.entries(body).filter(([, value]) => value !== undefined);
    return send(`${url}${path}?${new URLSearchParams(query as [string, string][])}`, {});
  }
  const headers = { "content-type": "application/json" };
  return send(url + path, { method: "POST", headers, body: JSON.stringify(body) });
}

/** What a client makes of an answer. A connection that breaks off is how protocols without words for it say so. */
export async function readIn({ protocol }: NamedRow, response: Response): Promise<Answer> {
  const reader = protocol.createEventReader({});
  const events: StreamEvent[] = [];
  try {
    for await (const bytes of response.body ?? []) events.push(...reader.push(bytes));
    events.push(...reader.end());
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    events.push({ type: "stream-end", outcome: "interrupted" });
  }
  return foldAnswer(events);
}
