import { routePath } from "hono/route";

import { HeadraceError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import type { StreamOrigin } from "../core/observer.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { Protocol, RequestTarget } from "../protocols/protocol.ts";
import { beginning } from "../streams/follow.ts";
import type { AppOptions } from "./app.ts";
import type { JsonBody } from "./body.ts";
import { readJsonBody } from "./body.ts";
import type { GatewayContext } from "./environment.ts";
import type { HeadraceOptions } from "./headrace-options.ts";
import { overridesOf, takeHeadraceOptions, takeQueryOptions } from "./headrace-options.ts";
import { readEventId } from "./resume.ts";
import { respondWithAnswer, respondWithStream } from "./respond.ts";
import { describeStream, followStream } from "./stream-routes.ts";

/** A route that starts a stream in a protocol, its request in the body. */
export function generateFromBody(app: AppOptions, protocol: Protocol) {
  return async (c: GatewayContext): Promise<Response> => {
    const lastEventId = c.req.header("last-event-id");
    if (lastEventId !== undefined) return resume(c, app, lastEventId);
    return generateFromJson(c, app, protocol, await readJsonBody(c.req.raw, app));
  };
}

/**
 * `POST /v1/streams`: the answer as it grows; or, with `Prefer: respond-async` (RFC 7240), at once what stream it is, to
 * be followed or stopped.
 */
export function startNeutral(app: AppOptions, protocol: Protocol) {
  const generateNow = generateFromBody(app, protocol);
  return async (c: GatewayContext): Promise<Response> => {
    if (!/(?:^|,)\s*respond-async\b/i.test(c.req.header("prefer") ?? "")) return generateNow(c);
    const { text, json } = await readJsonBody(c.req.raw, app);
    const { body, options } = takeHeadraceOptions(json, c.req.raw.headers);
    const asked = { protocol, body, target: {}, text: `${c.req.path}\n${text}`, options, unattended: true } as const;
    const { id } = await startStream(c, app, asked);
    const headers = { location: `/v1/streams/${id}`, "preference-applied": "respond-async" };
    return c.json(describeStream(await app.streams.info(id, c.var.owner)), 202, headers);
  };
}

/** Starts a stream with a request whose body was read already. */
export function generateFromJson(
  c: GatewayContext,
  app: AppOptions,
  protocol: Protocol,
  { text, json }: JsonBody,
): Promise<Response> {
  const { body, options } = takeHeadraceOptions(json, c.req.raw.headers);
  const target = protocol.endpoint?.read(c.req.path, c.req.query()) ?? {};
  return generate(c, app, { protocol, body, target, text: `${c.req.path}\n${text}`, options });
}

/** A route that starts a stream in a protocol, its request in the query: what an EventSource can ask for. */
export function generateFromQuery(app: AppOptions, protocol: Protocol) {
  return async (c: GatewayContext): Promise<Response> => {
    const lastEventId = c.req.header("last-event-id");
    if (lastEventId !== undefined && lastEventId !== "") return resume(c, app, lastEventId);
    const { body, options } = takeQueryOptions(c.req.query(), c.req.raw.headers);
    return generate(c, app, { protocol, body, target: {}, text: c.req.url, options });
  };
}

/** Goes on with the stream that an event id names. */
export function resume(c: GatewayContext, app: AppOptions, lastEventId: string): Promise<Response> {
  const { streamId, cursor } = readEventId(lastEventId);
  return followStream(c, app, { streamId, cursor, protocol: c.var.protocol });
}

export interface Asked {
  protocol: Protocol;
  body: JsonObject;
  target: RequestTarget;
  /** What identifies the request, for idempotency. */
  text: string;
  options: HeadraceOptions;
  /** Nobody is expected to stay until its end. */
  unattended?: true;
  /** What of the request is kept with the stream; see `StreamStart.request`. */
  stored?: JsonObject;
}

async function generate(c: GatewayContext, app: AppOptions, asked: Asked): Promise<Response> {
  const { streams, clock, heartbeatMs } = app;
  const { id, request } = await startStream(c, app, asked);
  const respond = request.wantsStream === false ? respondWithAnswer : respondWithStream;
  const writeOptions = { streamId: id, includeUsage: request.wantsUsage === true };
  const { protocol } = asked;
  return respond(c, { streams, clock, patienceMs: heartbeatMs, protocol, writeOptions, position: beginning });
}

/** Starts the stream that is asked for, or finds the one that the same idempotency key started. */
export async function startStream(
  c: GatewayContext,
  { streams, router, onDisconnect }: AppOptions,
  { protocol, body, target, text, options, stored, unattended }: Asked,
): Promise<{ id: string; request: GenerateRequest }> {
  const read = withHeaders(protocol.readRequest(body, target), protocol, c.req.raw.headers);
  const resolved = router.resolve(read.model === "" ? undefined : read.model, overridesOf(options));
  const request: GenerateRequest = { ...read, model: resolved.model };
  const key = c.req.header("idempotency-key");
  const { id } = await streams.start({
    source: resolved.source,
    request,
    protocol: protocol.name,
    owner: c.var.owner,
    onDisconnect: options.onDisconnect ?? resolved.onDisconnect ?? onDisconnect,
    origin: originOf(c),
    ...(options.tags !== undefined && { tags: options.tags }),
    ...(stored !== undefined && { stored }),
    ...(unattended && { unattended }),
    ...(key !== undefined && { idempotency: { key: checkKey(key), requestHash: await hash(text) } }),
  });
  // Also on an error that comes instead of the answer: what led to it is in the trace.
  c.header("headrace-stream-id", id);
  return { id, request };
}

/** Whose trace a stream belongs to; for observers. */
export function originOf(c: GatewayContext): StreamOrigin {
  const traceparent = c.req.header("traceparent");
  const route = `${c.req.method} ${routePath(c)}`;
  return traceparent === undefined ? { route } : { route, traceparent };
}

/** Keeps the headers that a provider of the same protocol has to see. */
function withHeaders(request: GenerateRequest, { forwardedHeaders = [] }: Protocol, headers: Headers): GenerateRequest {
  const found = forwardedHeaders.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  if (found.length === 0 || request.original === undefined) return request;
  return { ...request, original: { ...request.original, headers: Object.fromEntries(found) } };
}

/** @throws HeadraceError `invalid-request` - it is no key for idempotency. */
export function checkKey(key: string): string {
  if (key.length > 0 && key.length <= 255) return key;
  throw new HeadraceError("invalid-request", "an Idempotency-Key has 1 to 255 characters", {
    param: "Idempotency-Key",
  });
}

/** What a request is compared by. */
export async function hash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
