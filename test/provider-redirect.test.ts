import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { startGateway } from "./support/gateway.ts";

/** A server that answers with this, and remembers who asked. */
async function serveHeader(status: number, headers: Record<string, string> = {}) {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    response.writeHead(status, headers).end("moved");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test.each([301, 302, 303, 307, 308])(
  "a provider that answers with %i to another address gets its key sent there by nobody",
  async (status) => {
    const elsewhere = await serveHeader(200);
    const provider = await serveHeader(status, { location: `${elsewhere.url}/v1/chat/completions` });
    const { url } = await startGateway(
      {
        providers: {
          box: { vendor: "openai-compatible", baseUrl: `${provider.url}/v1`, apiKey: "canary-of-the-provider" },
        },
      },
      { report: () => {} },
    );
    const ask = (path: string, body: object) =>
      fetch(url + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "box/x", ...body }),
      });
    for (const response of [
      await ask("/v1/chat/completions", { messages: [{ role: "user", content: "hi" }] }),
      await ask("/v1/embeddings", { input: "hi" }),
    ]) {
      expect(response.status).toBe(502);
      expect(await response.text()).not.toMatch(/canary|127\.0\.0\.1/);
    }
    expect(provider.asked.length).toBeGreaterThanOrEqual(2);
    expect(provider.asked[0]?.headers.authorization).toBe("Bearer canary-of-the-provider");
    expect(elsewhere.asked).toEqual([]);
  },
);
