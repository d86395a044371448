import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo, Server as TcpServer } from "node:net";

import { describe, expect, onTestFinished, test } from "vitest";

import type { AttemptEnded, Observation } from "../src/core/observer.ts";
import { createHeadrace } from "../src/index.ts";

async function listen(server: Server | TcpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    if ("closeAllConnections" in server) server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A route whose first target is a provider at this address, its second one the simulator. */
async function openRoute(baseUrl: string) {
  const observations: Observation[] = [];
  const headrace = await createHeadrace(
    {
      log: { store: "memory" },
      providers: { wire: { vendor: "openai-compatible", baseUrl } },
      routes: { smart: { targets: ["wire/m", "sim/instant"] } },
      reliability: { connectTimeoutMs: 300 },
    },
    { environment: {}, observe: (observation) => observations.push(observation) },
  );
  onTestFinished(() => headrace.close());
  const ask = async (model = "smart") => (await headrace.stream({ model, prompt: "Hi" }).final).text;
  const attempts = (): AttemptEnded[] => observations.filter((seen) => seen.type === "attempt-ended");
  return { ask, attempts };
}

const answer = [
  { choices: [{ index: 0, delta: { content: "Hello" }, finish_reason: null }] },
  { choices: [{ index: 0, delta: {}, finish_reason: "stop" }], usage: { prompt_tokens: 1, completion_tokens: 1 } },
];
const body = `${answer.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("")}data: [DONE]\n\n`;

function serve(handler: RequestListener): Promise<number> {
  return listen(createServer(handler));
}

describe("a provider that cannot be reached", () => {
  test("row 1: a refused connection leads to the next target", async () => {
    const closed = createTcpServer();
    const port = await listen(closed);
    await new Promise((resolve) => closed.close(resolve));
    const { ask, attempts } = await openRoute(`http://127.0.0.1:${port}/v1`);
    expect(await ask()).not.toBe("");
    expect(attempts().map(({ provider, outcome }) => [provider, outcome])).toEqual([
      ["wire", "failed"],
      ["sim", "completed"],
    ]);
  });

  test("row 2: one that accepts and never speaks is given up after the connect timeout", async () => {
    const port = await listen(createTcpServer(() => {}));
    const { ask, attempts } = await openRoute(`https://127.0.0.1:${port}/v1`);
    expect(await ask()).not.toBe("");
    expect(attempts()[0]).toMatchObject({ provider: "wire", error: { code: "provider-unreachable" } });
    expect(attempts()[0]?.durationMs).toBeLessThan(2_500);
  });

  test("row 3: one that fails at TLS is not tried again", async () => {
    const port = await serve((_request, response) => response.end());
    const { ask, attempts } = await openRoute(`https://127.0.0.1:${port}/v1`);
    expect(await ask()).not.toBe("");
    await expect(ask("wire/m")).rejects.toMatchObject({ code: "provider-unreachable" });
    expect(attempts().filter(({ provider }) => provider === "wire")).toHaveLength(2);
  });
});

describe("a provider that answers with something else", () => {
  test.each([
    ["row 9: an empty answer", "text/event-stream", ""],
    ["row 10: a page", "text/html", "<h1>Bad gateway</h1>"],
    ["row 10: a document of another kind", "application/json", '{"hello": "world"}'],
  ])("%s leads to the next target", async (_row, type, text) => {
    const port = await serve((_request, response) => response.setHeader("content-type", type).end(text));
    const { ask, attempts } = await openRoute(`http://127.0.0.1:${port}/v1`);
    expect(await ask()).not.toBe("");
    expect(attempts().map(({ provider }) => provider)).toEqual(["wire", "sim"]);
    const failure = await createFailure(ask);
    expect(failure.status).toBe(502);
    expect(failure.message).not.toContain("Bad gateway");
  });
});

async function createFailure(ask: (model: string) => Promise<string>): Promise<{ status: number; message: string }> {
  return ask("wire/m").then(
    () => ({ status: 200, message: "" }),
    (error: unknown) => error as { status: number; message: string },
  );
}

describe("what a call has waited for", () => {
  test("its connection, the head of the response and the first token are told apart", async () => {
    const speak = Promise.withResolvers<void>();
    const port = await serve((request, response) => {
      request.resume().on("end", () => {
        response.setHeader("content-type", "text/event-stream").flushHeaders();
        void speak.promise.then(() => response.end(body));
      });
    });
    const { ask, attempts } = await openRoute(`http://127.0.0.1:${port}/v1`);
    setTimeout(speak.resolve, 100);
    expect(await ask()).toBe("Hello");
    const [first] = attempts();
    expect(first).not.toHaveProperty("reusedConnection");
    expect(first?.connectMs).toBeGreaterThan(0);
    expect(first?.firstByteMs).toBeGreaterThan(first?.connectMs ?? Infinity);
    // The head came at once, the rest after a tenth of a second.
    expect((first?.firstContentMs ?? 0) - (first?.firstByteMs ?? Infinity)).toBeGreaterThan(50);
    expect(await ask()).toBe("Hello");
    // All of it came at once.
    const times = { firstByteMs: expect.any(Number) as number, firstContentMs: expect.any(Number) as number };
    expect(attempts()[1]).toMatchObject({ reusedConnection: true, ...times });
    expect(attempts()[1]).not.toHaveProperty("connectMs");
  });

  test("one that was refused has its connection and its first byte, and no first token", async () => {
    const port = await serve((request, response) => {
      request.resume().on("end", () => response.writeHead(400).end("{}"));
    });
    const { ask, attempts } = await openRoute(`http://127.0.0.1:${port}/v1`);
    await ask("wire/m").catch(() => {});
    const [refused] = attempts();
    expect(refused).toMatchObject({ outcome: "failed", providerStatus: 400, connectMs: expect.any(Number) as number });
    expect(refused?.firstByteMs).toBeGreaterThanOrEqual(refused?.connectMs ?? Infinity);
    expect(refused).not.toHaveProperty("firstContentMs");
  });

  test("one that found nobody has none of them", async () => {
    const closed = createTcpServer();
    const port = await listen(closed);
    await new Promise((resolve) => closed.close(resolve));
    const { ask, attempts } = await openRoute(`http://127.0.0.1:${port}/v1`);
    await ask();
    for (const time of ["connectMs", "firstByteMs", "firstContentMs"]) expect(attempts()[0]).not.toHaveProperty(time);
  });
});

describe("a connection that is used again", () => {
  test("row 41: when it closes under a request, a fresh one is used, and nobody waits", async () => {
    const requestsOf = new Map<object, number>();
    const port = await serve((request, response) => {
      const count = (requestsOf.get(request.socket) ?? 0) + 1;
      requestsOf.set(request.socket, count);
      request.resume().on("end", () => {
        if (count > 1) request.socket.destroy();
        else response.setHeader("content-type", "text/event-stream").end(body);
      });
    });
    const { ask, attempts } = await openRoute(`http://127.0.0.1:${port}/v1`);
    expect(await ask()).toBe("Hello");
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await ask()).toBe("Hello");
    expect(attempts().map(({ provider, reason, outcome }) => [provider, reason, outcome])).toEqual([
      ["wire", "first", "completed"],
      ["wire", "first", "failed"],
      ["wire", "retry", "completed"],
    ]);
  });

  test("a fresh connection that closes is no reason to hurry: the next target is asked", async () => {
    const port = await serve((request) => request.resume().on("end", () => request.socket.destroy()));
    const { ask, attempts } = await openRoute(`http://127.0.0.1:${port}/v1`);
    expect(await ask()).not.toBe("");
    expect(attempts().map(({ provider }) => provider)).toEqual(["wire", "sim"]);
  });
});
