import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { onTestFinished } from "vitest";

import type { ConfigInput } from "../../src/index.ts";
import { startGateway } from "./gateway.ts";

export interface Received {
  path: string;
  headers: IncomingMessage["headers"];
  body: Record<string, unknown>;
}

/**
 * An OpenAI-style provider, and a gateway that knows it as `box`.
 *
 * @param answer - gets the number of the call, from 0.
 */
export async function startWithProvider(
  answer: (request: IncomingMessage, response: ServerResponse, call: number) => void,
  config: ConfigInput | ((baseUrl: string) => ConfigInput) = {},
  outside: Parameters<typeof startGateway>[1] = {},
) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (bytes) => (text += String(bytes)));
    request.on("end", () => {
      const { url = "", headers } = request;
      received.push({ path: url, headers, body: JSON.parse(text) as Record<string, unknown> });
      answer(request, response, received.length - 1);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => server.close().closeAllConnections());
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const box = { vendor: "openai-compatible", baseUrl, apiKey: "sk-SECRET", headers: { "x-team": "blue" } };
  const own = typeof config === "function" ? config(baseUrl) : config;
  const gateway = await startGateway(
    { providers: { box }, routes: { find: { targets: ["box/embed-1"] } }, ...own },
    outside,
  );
  const post = (path: string, body: object, init: RequestInit = {}): Promise<Response> =>
    fetch(gateway.url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      ...init,
    });
  return { ...gateway, baseUrl, received, post };
}

export const json = (
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): void => {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
};
