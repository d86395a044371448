import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { HeadraceError } from "../core/errors.ts";

export interface RunningSimulator {
  /** Base URL for OpenAI clients, such as `http://127.0.0.1:8485/v1`. */
  baseUrl: string;
  port: number;
  close(): Promise<void>;
}

/**
 * Serves a simulated provider over HTTP.
 *
 * @throws HeadraceError `invalid-request` - the port is taken.
 */
export async function serveSimulator(
  simulator: (url: string, init: RequestInit) => Promise<Response>,
  { host, port }: { host: string; port: number },
): Promise<RunningSimulator> {
  const listening = Promise.withResolvers<AddressInfo>();
  const fetch = async (request: Request) => {
    const { url, method, headers, signal } = request;
    const hasBody = method !== "GET" && method !== "HEAD";
    return simulator(url, { method, headers, signal, ...(hasBody && { body: await request.text() }) });
  };
  const server = serve({ fetch, hostname: host, port }, listening.resolve);
  server.once("error", (error: NodeJS.ErrnoException) => listening.reject(explain(error, host, port)));
  const address = await listening.promise;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    baseUrl: `http://${name}:${address.port}/v1`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ("closeAllConnections" in server) server.closeAllConnections();
      }),
  };
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code !== "EADDRINUSE") return error;
  return new HeadraceError("invalid-request", `port ${port} on ${host} is taken; choose another with --port`, {
    cause: error,
  });
}
