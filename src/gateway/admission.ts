import type { MiddlewareHandler } from "hono";

import type { Principal } from "../access/keys.ts";
import { HeadraceError } from "../core/errors.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { accessTo, checkRole } from "./access.ts";
import type { AppOptions } from "./app.ts";
import type { GatewayContext, GatewayEnvironment } from "./environment.ts";
import { guard } from "./guard.ts";

const nobody: Principal = { owner: "", role: "user" };

const exposedHeaders = "headrace-stream-id, headrace-target, x-request-id, retry-after, retry-after-ms";

/** What every request meets first: it gets its id, the protocol that it is answered in, and whose it is; or it is refused. */
export function admission(options: AppOptions): MiddlewareHandler<GatewayEnvironment> {
  const { protocols, keyring } = options;
  return async (c, next) => {
    c.set("requestId", requestIdOf(c, options));
    c.set("protocol", protocolOfPath(c.req.path, protocols));
    c.set("headers", { "x-request-id": c.var.requestId });
    c.header("x-request-id", c.var.requestId);
    const origin = guard(c.req.raw, c.env.rawHeaders, options);
    if (origin !== undefined) {
      const headers = corsHeaders(c, origin);
      Object.assign(c.var.headers, headers);
      for (const [name, value] of Object.entries(headers)) c.header(name, value);
    }
    if (c.req.method === "OPTIONS") return c.body(null, 204);
    // Google's clients may send the key in the address, where it must be repeated nowhere.
    const inAddress = c.var.protocol === protocols["gemini"] ? c.req.query("key") : undefined;
    const isOpen = accessTo(c.req.path) === "anyone";
    // Answers that are streams write to the connection themselves, where nothing may follow the headers of a HEAD. And
    // whoever wants only headers wants no model called.
    if (c.req.method === "HEAD" && !isOpen) {
      c.header("allow", "GET");
      throw new HeadraceError("method-not-allowed", "HEAD is answered for pages and health checks only; use GET");
    }
    const { owner, role } = isOpen ? nobody : keyring.authenticate(c.req.raw.headers, inAddress);
    checkRole(c.req.path, role);
    c.set("owner", owner);
    c.set("role", role);
    return next();
  };
}

/** Errors on routes that speak no protocol of their own have the shape that most clients know. */
function protocolOfPath(path: string, protocols: AppOptions["protocols"]): Protocol {
  if (path === "/stream") return protocols["event-source"];
  if (path === "/generate") return protocols["plain-text"];
  if (path.startsWith("/v1beta/")) return protocols["gemini"];
  if (/^\/api\/(show|tags|version)$/.test(path)) return protocols["ollama-chat"];
  if (path.startsWith("/v1/messages/")) return protocols["anthropic-messages"];
  const spoken = Object.values(protocols).find(({ endpoint }) => endpoint?.read(path, {}) !== undefined);
  return spoken ?? protocols["openai-chat"];
}

function requestIdOf(c: GatewayContext, { createRequestId }: AppOptions): string {
  const given = c.req.header("x-request-id");
  return given !== undefined && /^[\w.-]{1,128}$/.test(given) ? given : createRequestId();
}

/** What lets a web page of this origin read the answer. */
function corsHeaders(c: GatewayContext, origin: string): Record<string, string> {
  const headers = {
    "access-control-allow-origin": origin,
    vary: "origin",
    "access-control-expose-headers": exposedHeaders,
  };
  if (c.req.method !== "OPTIONS") return headers;
  return {
    ...headers,
    "access-control-allow-methods": "GET, POST, DELETE, OPTIONS",
    "access-control-allow-headers": c.req.header("access-control-request-headers") ?? "*",
    "access-control-max-age": "600",
  };
}
