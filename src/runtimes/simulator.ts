import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { HeadraceError } from "../core/errors.ts";
import { type Breakage, BrokenConnection } from "../providers/simulator/faults/connection.ts";

export interface RunningSimulator {
  /** Base URL for OpenAI clients, such as `http://127.0.0.1:8485/v1`. */
  baseUrl: string;
  port: number;
  close(): Promise<void>;
}

type Simulate = (url: string, init: RequestInit) => Promise<Response>;

/**
 * Serves a simulated provider over HTTP. Connections that are to break do break: sockets are closed or reset, bodies end
 * without their last chunk, requests are never answered.
 *
 * @throws HeadraceError `invalid-request` - the port is taken.
 */
export async function serveSimulator(
  simulator: Simulate,
  { host, port }: { host: string; port: number },
): Promise<RunningSimulator> {
  const server = createServer({ noDelay: true }, (request, response) => {
    answer(simulator, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  const listening = Promise.withResolvers<void>();
  server.once("error", (error: NodeJS.ErrnoException) => listening.reject(explain(error, host, port)));
  server.listen(port, host, listening.resolve);
  await listening.promise;
  const address = server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    baseUrl: `http://${name}:${address.port}/v1`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(simulator: Simulate, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const leaving = new AbortController();
  response.once("close", () => leaving.abort(new HeadraceError("cancelled", "the client has left")));
  try {
    const result = await simulator(`http://simulator${request.url ?? "/"}`, {
      method: request.method ?? "GET",
      headers: headersOf(request),
      body: await readText(request),
      signal: leaving.signal,
    });
    for (const [name, value] of result.headers) response.setHeader(name, value);
    // An announced length may be wrong, and the next answer on this connection would suffer for it.
    if (result.headers.has("content-length")) response.shouldKeepAlive = false;
    // Told at once: a first token may be long in coming.
    response.writeHead(result.status).flushHeaders();
    for await (const bytes of result.body ?? []) await send(response, bytes);
    response.end();
  } catch (error) {
    if (leaving.signal.aborted) return;
    if (!(error instanceof BrokenConnection)) throw error;
    breakDown(response, error.how);
  }
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
  return Object.fromEntries(entries);
}

async function readText(request: IncomingMessage): Promise<string> {
  request.setEncoding("utf8");
  let text = "";
  for await (const part of request) text += String(part);
  return text;
}

/** Resolves when the bytes have left: what is written before a connection breaks has to arrive. */
function send(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => response.write(bytes, () => resolve()));
}

function breakDown({ socket }: ServerResponse, how: Breakage): void {
  if (how === "cut") socket?.destroy();
  else socket?.resetAndDestroy();
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code !== "EADDRINUSE") return error;
  return new HeadraceError("invalid-request", `port ${port} on ${host} is taken; choose another with --port`, {
    cause: error,
  });
}
