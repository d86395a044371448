import { Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

import type { Keyring } from "../access/keys.ts";
import { HeadraceError, toHeadraceError } from "../core/errors.ts";
import type { ProtocolName } from "../core/events.ts";
import type { Observe } from "../core/observer.ts";
import type { Clock } from "../core/time.ts";
import type { StreamLog } from "../log/stream-log.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { writeRetryHeaders } from "../protocols/retry-after.ts";
import type { ModelFacts } from "../records/prices.ts";
import type { Records } from "../records/records.ts";
import type { SetupReport } from "../records/trace.ts";
import type { Router } from "../routing/router.ts";
import type { OnDisconnect, Streams } from "../streams/streams.ts";
import { admission } from "./admission.ts";
import { addAdminRoutes } from "./admin-routes.ts";
import { chatFromBody } from "./api-chat.ts";
import type { BodyLimits } from "./body.ts";
import { resumeChat, stopChat } from "./chat-routes.ts";
import { countTokens } from "./count-tokens.ts";
import type { GatewayContext, GatewayEnvironment } from "./environment.ts";
import { generateFromBody, generateFromQuery, startNeutral } from "./generate.ts";
import {
  countGeminiTokens,
  forGoogleClients,
  geminiCountPath,
  generateContent,
  geminiPath,
  getGeminiModel,
  listGeminiModels,
} from "./gemini-routes.ts";
import { greeting } from "./greeting.ts";
import type { GuardOptions } from "./guard.ts";
import { describedModels, listOfModels } from "./model-list.ts";
import { listTags, ollamaGenerate, ollamaVersion, showModel } from "./ollama-routes.ts";
import { passThrough } from "./pass-through.ts";
import type { PassedCalls } from "./passed-calls.ts";
import { createResponse } from "./responses.ts";
import { cancelResponse, deleteResponse, getResponse, listInputItems } from "./response-routes.ts";
import { breakStream, deleteStream, getStream, listStreams } from "./stream-routes.ts";
import type { ReadWebUi } from "./web-ui.ts";
import { getAsset, getPage } from "./web-ui.ts";

export interface AppOptions extends GuardOptions, BodyLimits {
  streams: Streams;
  /** Calls whose answers pass as they are. */
  passedCalls: PassedCalls;
  /** Told of everything worth counting or tracing. */
  observe: Observe;
  log: StreamLog;
  router: Router;
  keyring: Keyring;
  protocols: Readonly<Record<ProtocolName, Protocol>>;
  clock: Clock;
  createRequestId: () => string;
  heartbeatMs: number;
  /** Connections at once. */
  readers: number;
  /** Answers that one WebSocket can carry at once. */
  streamsPerSocket: number;
  onDisconnect: OnDisconnect;
  /** Everything counted so far, for Prometheus; missing when nothing is. */
  metrics?: () => Promise<{ contentType: string; text: string }>;
  /** False while the gateway is on its way down: load balancers then look elsewhere. */
  isReady: () => boolean;
  readWebUi: ReadWebUi;
  /** Missing when nothing is kept of streams beside their logs. */
  records: Records | undefined;
  /** What there is to work with. */
  setup: () => SetupReport;
  version: string;
  /** Context and prices of models, where they are known; by `provider/model`. */
  factsOf: (targets: readonly string[]) => Promise<ReadonlyMap<string, ModelFacts>>;
  /** Told of what went wrong inside, with the request's id. */
  report: (error: HeadraceError, requestId: string) => void;
}

/** The HTTP API. */
export function createApp(options: AppOptions): Hono<GatewayEnvironment> {
  const { protocols } = options;
  const app = new Hono<GatewayEnvironment>();

  app.use(admission(options));

  app.post("/v1/chat/completions", generateFromBody(options, protocols["openai-chat"]));
  app.post("/v1/responses", createResponse(options));
  app.get("/v1/responses/:id", getResponse(options));
  app.delete("/v1/responses/:id", deleteResponse(options));
  app.post("/v1/responses/:id/cancel", cancelResponse(options));
  app.get("/v1/responses/:id/input_items", listInputItems(options));
  app.post("/v1/messages", generateFromBody(options, protocols["anthropic-messages"]));
  app.post("/v1/messages/count_tokens", countTokens(options));
  app.post(geminiPath, generateContent(options));
  app.post(geminiCountPath, countGeminiTokens(options));
  app.get("/v1beta/models", listGeminiModels(options));
  app.get("/v1beta/models/:id{.+}", getGeminiModel(options));
  app.get("/v1/models", forGoogleClients(options, listGeminiModels(options)));
  app.get("/v1/models/:id{.+}", forGoogleClients(options, getGeminiModel(options)));
  for (const path of ["/model/:model/converse-stream", "/model/:model/converse"]) {
    app.post(path, generateFromBody(options, protocols["bedrock-converse"]));
  }
  app.post("/v1/embeddings", passThrough(options, "openai-embeddings", "/embeddings"));
  app.post("/v1/completions", passThrough(options, "openai-completions", "/completions"));
  app.post("/v1/streams", startNeutral(options, protocols["events"]));
  app.post("/generate", generateFromBody(options, protocols["plain-text"]));
  app.get("/stream", generateFromQuery(options, protocols["event-source"]));

  app.post("/api/chat", chatFromBody(options));
  app.get("/api/chat/:chatId/stream", resumeChat(options));
  app.on(["POST", "DELETE"], "/api/chat/:chatId/stop", stopChat(options));
  app.post("/api/generate", ollamaGenerate(options));
  app.post("/api/show", showModel(options));
  app.get("/api/tags", listTags(options));
  app.get("/api/version", ollamaVersion);

  app.get("/v1/streams", listStreams(options));
  app.get("/v1/streams/:id", getStream(options));
  app.delete("/v1/streams/:id", deleteStream(options));
  app.post("/v1/streams/:id/break", breakStream(options));

  addAdminRoutes(app, options);

  app.get("/ws", () => {
    throw new HeadraceError("invalid-request", "this is a WebSocket; connect to it with `new WebSocket(...)`");
  });

  app.get("/v1/models", async (c) => c.json(listOfModels(await describedModels(options))));
  app.get("/v1/models/:id{.+}", async (c) => {
    const found = (await describedModels(options)).find(({ id }) => id === c.req.param("id"));
    if (found === undefined) throw new HeadraceError("model-not-found", "there is no such model; see GET /v1/models");
    return c.json(found);
  });

  const { metrics } = options;
  if (metrics !== undefined) {
    app.get("/metrics", async (c) => {
      const { contentType, text } = await metrics();
      return c.body(text, 200, { "content-type": contentType, "cache-control": "no-store" });
    });
  }
  for (const path of ["/health", "/health/live", "/healthz"]) app.get(path, (c) => c.json({ status: "ok" }));
  for (const path of ["/health/ready", "/readyz"]) {
    app.get(path, (c) => (options.isReady() ? c.json({ status: "ok" }) : c.json({ status: "stopping" }, 503)));
  }
  app.get("/", getPage(options.readWebUi, greeting));
  app.get("/assets/:name", getAsset(options.readWebUi));

  app.notFound((c) => {
    throw new HeadraceError(
      "not-found",
      `there is no ${c.req.method} ${c.req.path.slice(0, 200)} here; GET / lists what is`,
    );
  });
  app.onError((thrown, c) => answerError(c, toHeadraceError(thrown), options));
  return app;
}

function answerError(c: GatewayContext, error: HeadraceError, { report }: AppOptions): Response {
  if (error.status >= 500) report(error, c.var.requestId);
  const { status, headers, body } = c.var.protocol.writeError(error, c.var.requestId);
  for (const [name, value] of Object.entries({ ...writeRetryHeaders(error), ...headers })) c.header(name, value);
  // Whoever sent too much is still sending: the connection cannot be used for another request. Not every protocol has
  // these statuses.
  if (error.status === 413 || error.status === 408 || error.status === 431) c.header("connection", "close");
  return c.json(body, status as ContentfulStatusCode);
}
