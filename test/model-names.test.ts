import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { startGateway } from "./support/gateway.ts";

const hostile = [
  ..."..|.|../x|a/../../x|a/..|%2e%2e|..%2f|a?b=c|a#b|\\..\\x|http://evil/|//evil|a;b|@evil".split("|"),
  "a\r\nx-admin: 1",
  "x\u0000y",
  "é",
  "\ud800",
];

/** Vendors with the model in the path: where below their address every call has to go. */
const vendors = {
  bedrock: { region: "us-east-1", expected: /^\/model\/([^/?]+)\/converse-stream$/ },
  gemini: { expected: /^\/v1beta\/(?:models\/)?([^?]+):streamGenerateContent\?alt=sse$/ },
  "azure-openai-deployments": {
    apiVersion: "2024-10-21",
    expected: /^\/openai\/deployments\/([^/?]+)\/chat\/completions\?api-version=2024-10-21$/,
  },
};

test.each(Object.entries(vendors))(
  "whatever a model is called, it stays its segment of the path at %s",
  async (vendor, { expected, ...settings }) => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? "");
      response.writeHead(404).end("{}");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    onTestFinished(() => server.closeAllConnections());
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { url } = await startGateway(
      { providers: { it: { vendor, baseUrl, apiKey: "canary", ...settings } }, reliability: { maxAttempts: 1 } },
      { report: () => {} },
    );
    for (const name of hostile) {
      asked.length = 0;
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: `it/${name}`, messages: [{ role: "user", content: "Hi" }] }),
      });
      const text = await response.text();
      expect(text).not.toContain("canary");
      const models = asked.map((path) => decodeURIComponent(expected.exec(path)?.[1] ?? `not ours: ${path}`));
      // Either it is asked for by its name, or nobody is asked.
      expect([response.status, models]).toEqual(models.length > 0 ? [502, [name]] : [400, []]);
    }
  },
);
