import { z } from "zod";

import {
  exportQuerySchema,
  keySchema,
  listQuerySchema,
  setupSchema,
  summaryQuerySchema,
  summarySchema,
  targetsSchema,
  tracePageSchema,
  traceSchema,
} from "./admin-schemas.ts";

/** A route as it is described to others. */
export interface Described {
  method: "get" | "post" | "delete";
  /** With `{name}` for what is filled in. */
  path: string;
  summary: string;
  tag: "protocols" | "streams" | "models" | "admin" | "operations";
  query?: z.ZodObject;
  /** What the JSON body is. */
  body?: string;
  response?: z.ZodType;
  /** Several where the request chooses. Default: JSON. */
  contentType?: string | readonly string[];
}

const events = "text/event-stream";
const follow = z.object({
  after: z.string().optional().describe("The cursor to read on after; also the header `Last-Event-ID`."),
  as: z.string().optional().describe("The protocol to read it in. Default: as it was started."),
});
const page = z.object({
  limit: z.int().min(1).max(100).default(20),
  before: z.string().optional().describe("The last id of the page before."),
});

const protocols: Described[] = [
  post("/v1/chat/completions", "OpenAI Chat Completions", "A request of OpenAI's Chat Completions API."),
  post("/v1/responses", "OpenAI Responses", "A request of OpenAI's Responses API."),
  get("/v1/responses/{id}", "A response, or the rest of its stream", "protocols"),
  { method: "delete", path: "/v1/responses/{id}", summary: "Delete a response", tag: "protocols" },
  post("/v1/responses/{id}/cancel", "Cancel a response"),
  get("/v1/responses/{id}/input_items", "What a response answers to", "protocols"),
  post("/v1/messages", "Anthropic Messages", "A request of Anthropic's Messages API."),
  post("/v1/messages/count_tokens", "Estimate the tokens of a request", "A request of Anthropic's Messages API."),
  post(
    "/{version}/{target}",
    "Gemini: models/{model}:generateContent, :streamGenerateContent, :countTokens",
    "A request of Google's Gemini API.",
  ),
  get("/v1beta/models", "Models, for Google's clients", "models"),
  get("/v1beta/models/{id}", "A model, for Google's clients", "models"),
  post("/model/{model}/converse", "Bedrock Converse", "A request of Amazon Bedrock's Converse API."),
  post("/model/{model}/converse-stream", "Bedrock ConverseStream", "A request of Amazon Bedrock's Converse API."),
  post("/v1/embeddings", "Passed through to the model's provider", "A request of OpenAI's Embeddings API."),
  post("/v1/completions", "Passed through to the model's provider", "A request of OpenAI's Completions API."),
  post(
    "/api/chat",
    "The AI SDK's useChat, or Ollama",
    "A request of the AI SDK's chat transport, or of Ollama's chat API.",
  ),
  { ...get("/api/chat/{chatId}/stream", "Resume the answer of a chat", "protocols"), contentType: events },
  post("/api/chat/{chatId}/stop", "Stop the answer of a chat"),
  { method: "delete", path: "/api/chat/{chatId}/stop", summary: "Stop the answer of a chat", tag: "protocols" },
  post("/api/generate", "Ollama's generate", "A request of Ollama's generate API."),
  post("/api/show", "A model, for Ollama's clients", "A request of Ollama's API."),
  get("/api/tags", "Models, for Ollama's clients", "models"),
  get("/api/version", "The version, for Ollama's clients", "models"),
  {
    ...get("/stream", "Server-sent events for EventSource", "protocols"),
    query: z.object({ prompt: z.string(), model: z.string().optional() }),
    contentType: events,
  },
  { ...post("/generate", "The answer as chunked text", '`{"prompt": "Hello"}`'), contentType: "text/plain" },
  get("/ws", "WebSocket: many streams on one connection", "protocols"),
];

const streams: Described[] = [
  { ...post("/v1/streams", "Start a stream", "A prompt or messages."), tag: "streams", contentType: events },
  { ...get("/v1/streams", "The caller's streams, newest first", "streams"), query: page },
  { ...get("/v1/streams/{id}", "Follow a stream from any position", "streams"), query: follow, contentType: events },
  {
    method: "delete",
    path: "/v1/streams/{id}",
    summary: "Stop a stream; with `purge=true`, remove all that is kept of it",
    tag: "streams",
    query: z.object({ purge: z.enum(["true", "false"]).optional() }),
  },
  {
    ...post(
      "/v1/streams/{id}/break",
      "Break the connection to the provider that answers now, to see what then happens",
    ),
    tag: "streams",
    response: z.object({
      id: z.string(),
      object: z.literal("stream.break"),
      attempts: z.array(z.object({ attempt: z.int(), target: z.string() })).describe("What was under way."),
      breaks_left: z.int().describe("How often this stream can be broken again."),
    }),
  },
  {
    ...get("/v1/streams/{id}/trace", "What is known of a stream beside its content", "streams"),
    response: traceSchema,
  },
  get("/v1/models", "Routes and models that can be asked", "models"),
  get("/v1/models/{id}", "A route or model", "models"),
];

const admin: Described[] = [
  { ...get("/admin/key", "What the caller's key is", "admin"), response: keySchema },
  {
    ...get("/admin/streams", "Streams, newest first, filtered", "admin"),
    query: listQuerySchema,
    response: tracePageSchema,
  },
  { ...get("/admin/summary", "Sums over a time", "admin"), query: summaryQuerySchema, response: summarySchema },
  { ...get("/admin/targets", "How the targets have been doing", "admin"), response: targetsSchema },
  {
    ...get(
      "/admin/live",
      "An event `stream`, its data a `TraceSummary` of the schemas below, for each stream that begins, changes or ends",
      "admin",
    ),
    contentType: events,
  },
  { ...get("/admin/setup", "What there is to work with", "admin"), response: setupSchema },
  {
    ...get("/admin/export", "All streams that a list would show, as a file", "admin"),
    query: exportQuerySchema,
    contentType: ["application/jsonl", "text/csv"],
  },
];

const operations: Described[] = [
  ...["/health", "/health/live", "/healthz", "/health/ready", "/readyz"].map((path) =>
    get(path, "Whether it is up", "operations"),
  ),
  { ...get("/metrics", "Metrics for Prometheus", "operations"), contentType: "text/plain" },
  { ...get("/", "The web UI for browsers, a greeting for others", "operations"), contentType: "text/plain" },
  { ...get("/assets/{name}", "A file of the web UI", "operations"), contentType: "application/octet-stream" },
  get("/openapi.json", "This description", "operations"),
];

/** All routes of the gateway. */
export const describedRoutes: readonly Described[] = [...protocols, ...streams, ...admin, ...operations];

function get(path: string, summary: string, tag: Described["tag"]): Described {
  return { method: "get", path, summary, tag };
}

function post(path: string, summary: string, body?: string): Described {
  return { method: "post", path, summary, tag: "protocols", ...(body !== undefined && { body }) };
}
