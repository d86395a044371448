import { createServer, STATUS_CODES, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import { getRequestListener, RequestError } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";

import { HeadraceError } from "../core/errors.ts";
import type { Headrace } from "../headrace.ts";
import { nodeConnection } from "./node-connection.ts";
import { wrongTarget } from "./node-target.ts";
import { acceptWebSockets, isWebSocketRequest } from "./node-websocket.ts";

export interface ServeOptions {
  /** Default: `server.host` of the configuration. */
  host?: string;
  /** Default: `server.port` of the configuration; 0 takes a free one. */
  port?: number;
}

export interface RunningServer {
  /** Where it can be reached, such as `http://127.0.0.1:8484`. */
  url: string;
  port: number;
  /** Stops accepting, lets open streams finish for `server.drainMs`, then ends what is left. */
  close(options?: { drainMs?: number }): Promise<void>;
}

/**
 * Serves the gateway over HTTP.
 *
 * @throws HeadraceError `invalid-request` - the port is taken, or the address is not this machine's.
 */
export async function serve(headrace: Headrace, options: ServeOptions = {}): Promise<RunningServer> {
  const { server: settings, limits } = headrace.config;
  const { host = settings.host, port = settings.port } = options;

  const listener = getRequestListener(
    (request, { outgoing, incoming }) =>
      headrace.fetch(request, {
        connection: () => nodeConnection(outgoing as Parameters<typeof nodeConnection>[0]),
        alreadySent: RESPONSE_ALREADY_SENT,
        rawHeaders: incoming.rawHeaders,
      }),
    // HTTP/1.0 clients may leave out the Host header. What is not a host ends here, before any route.
    {
      overrideGlobalObjects: false,
      hostname: "localhost",
      errorHandler: (error) => answerUnread(error instanceof RequestError),
    },
  );
  const server = createServer(
    {
      // A little more than the limit, so that a request just above it gets an answer that says so.
      maxHeaderSize: limits.headerBytes + 1024,
      headersTimeout: settings.headersTimeoutMs,
      requestTimeout: settings.requestTimeoutMs,
      // By default Node looks every 30 s, which is how much later than promised a slow request would be refused.
      connectionsCheckingInterval: checkingInterval(settings),
      // What is written beyond this waits in the log instead.
      highWaterMark: limits.readerQueueBytes,
      keepAliveTimeout: settings.keepAliveMs,
      // Clients are told the shorter time, so a request rarely meets a connection that is just being closed.
      keepAliveTimeoutBuffer: 2_000,
      noDelay: true,
      // Other upgrades, such as to HTTP/2, may be ignored: those requests are answered as they are.
      shouldUpgradeCallback: isWebSocketRequest,
    },
    (request, response) => {
      const wrong = wrongTarget(request);
      if (wrong === undefined) void listener(request, response);
      else refuse(response, wrong);
    },
  );
  server.maxHeadersCount = limits.headerCount + 1;
  // A client that half-closes after its request still waits for the answer. Node has this switch, its types do not.
  (server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
  server.on("clientError", answerBrokenRequest);
  const webSockets = acceptWebSockets(server, headrace);

  await listen(server, host, port);
  const address = server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: `http://${name}:${address.port}`,
    port: address.port,
    async close({ drainMs = settings.drainMs } = {}) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await headrace.close({ drainMs });
      await webSockets.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function checkingInterval({ headersTimeoutMs, requestTimeoutMs }: Headrace["config"]["server"]): number {
  return Math.min(1_000, Math.ceil(Math.min(headersTimeoutMs, requestTimeoutMs) / 4));
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(explain(error, host, port)));
    server.listen(port, host, resolve);
  });
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const cause = { cause: error };
  switch (error.code) {
    case "EADDRINUSE":
      return new HeadraceError(
        "invalid-request",
        `port ${port} on ${host} is taken, perhaps by another headrace; stop that one, or choose another with --port or HEADRACE_PORT`,
        cause,
      );
    case "EACCES":
      return new HeadraceError(
        "invalid-request",
        `port ${port} needs rights that this user lacks; choose one above 1023`,
        cause,
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new HeadraceError(
        "invalid-request",
        `${host} is no address of this machine; use 127.0.0.1 or 0.0.0.0`,
        cause,
      );
    default:
      return error;
  }
}

function errorBody(message: string): object {
  return { error: { message, type: "invalid_request_error", param: null, code: null } };
}

/** A request that never became one: its address is at fault, or else we are. */
function answerUnread(isWrong: boolean): Response {
  const message = isWrong
    ? "the request has no address that makes sense; send a path and `Host: name:port`"
    : "something went wrong inside; ask again";
  return Response.json(errorBody(message), { status: isWrong ? 400 : 500, headers: { connection: "close" } });
}

/** Nothing that follows on the connection can be trusted to be a request of its own. */
function refuse(response: ServerResponse, message: string): void {
  response.writeHead(400, { "content-type": "application/json", connection: "close" });
  response.end(JSON.stringify(errorBody(message)));
}

/** What llhttp refuses never becomes a request: it is answered here, in few words, and the connection is closed. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const status = error.code === "HPE_HEADER_OVERFLOW" ? 431 : error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
  const message = {
    400: "this is not a valid HTTP request",
    408: "the request took too long to arrive",
    431: "the request's headers are too large",
  }[status];
  const body = JSON.stringify(errorBody(message));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
