import assert from "node:assert/strict";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { createGzip } from "node:zlib";
import { describe, onTestFinished, test } from "vitest";
import { judgeArrivals } from "../src/cli/doctor/arrivals.ts";
import { checkUrl } from "../src/cli/doctor/url.ts";
import { useCommandLine } from "./support/command-line.ts";
import { startGateway } from "./support/gateway.ts";

const { run } = useCommandLine();

type Relay = (upstream: IncomingMessage, response: ServerResponse) => void;

/** A proxy in front of `target` that passes answers on in its own way. */
async function startProxy(target: string, relay: Relay): Promise<string> {
  const server: Server = createServer((incoming, response) => {
    const headers = { ...incoming.headers, "accept-encoding": "identity" };
    const outgoing = request(target + (incoming.url ?? ""), { method: incoming.method, headers }, (upstream) =>
      relay(upstream, response),
    );
    outgoing.once("error", () => response.destroy());
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** As nginx does with a small answer and `proxy_buffering on`. */
const buffering: Relay = (upstream, response) => {
  const parts: Buffer[] = [];
  upstream.on("data", (bytes: Buffer) => void parts.push(bytes));
  upstream.on("end", () => response.writeHead(upstream.statusCode ?? 0, { server: "nginx" }).end(Buffer.concat(parts)));
};

/** Compresses for those who accept it, and never flushes. */
const compressing: Relay = (upstream, response) => {
  const isAccepted = response.req.headers["accept-encoding"]?.includes("gzip") === true;
  response.writeHead(upstream.statusCode ?? 0, isAccepted ? { "content-encoding": "gzip" } : {});
  response.flushHeaders();
  if (isAccepted) upstream.pipe(createGzip()).pipe(response);
  else upstream.pipe(response);
};

/** Collects for half a second at a time. */
const batching: Relay = (upstream, response) => {
  response.writeHead(upstream.statusCode ?? 0);
  let parts: Buffer[] = [];
  const flush = () => {
    response.write(Buffer.concat(parts));
    parts = [];
  };
  const timer = setInterval(flush, 500);
  upstream.on("data", (bytes: Buffer) => void parts.push(bytes));
  upstream.on("end", () => {
    clearInterval(timer);
    flush();
    response.end();
  });
};

interface Said {
  ok: boolean;
  delivery: string;
  message: string;
  next?: string;
}

async function measure(url: string, ...args: string[]): Promise<{ said: Said; code: number | null }> {
  const { stdout, stderr, code } = await run(["doctor", "--url", url, "--json", ...args]);
  assert.equal(stderr, "");
  return { said: JSON.parse(stdout) as Said, code };
}

describe("headrace doctor --url", () => {
  test("tells a direct connection from a proxy that buffers, one that compresses and one that batches", async () => {
    const { url } = await startGateway();
    const proxies = await Promise.all([buffering, compressing, batching].map((relay) => startProxy(url, relay)));
    const check = async (address: string) => (await checkUrl({ url: address, timeoutMs: 20_000 })).finding;
    const [direct, buffered, compressed, batched] = await Promise.all([url, ...proxies].map(check));
    assert.match(direct?.message ?? "", /^streams: 40 events over/);
    assert.equal(direct?.level, "ok");
    assert.match(buffered?.message ?? "", /^buffers: all 40 events came at the end.*nginx/);
    assert.match(buffered?.next ?? "", /proxy_buffering off/);
    assert.match(compressed?.message ?? "", /^buffers.*compresses it \(gzip\), and without compression it streams/);
    assert.match(compressed?.next ?? "", /switch compression off for text\/event-stream/);
    assert.match(batched?.message ?? "", /^batches every [3-7]\d\d ms/);
    assert.deepEqual([buffered?.level, compressed?.level, batched?.level], ["problem", "problem", "problem"]);
  });

  test("ends with 0 when it streams and with 1 when it does not", async () => {
    const { url } = await startGateway();
    const proxy = await startProxy(url, buffering);
    const [direct, buffered] = await Promise.all([measure(`${url}/v1`), measure(proxy)]);
    assert.equal(direct.said.delivery, "streams", direct.said.message);
    assert.equal(direct.code, 0);
    assert.equal(buffered.said.delivery, "buffers", buffered.said.message);
    assert.equal(buffered.code, 1);
  });

  test("asks any OpenAI-compatible server when it is told what for, and nothing otherwise", async () => {
    let asked = 0;
    const server = createServer((incoming, response) => {
      if (incoming.method === "POST") asked++;
      if (incoming.method !== "POST") return void response.end('{"data":[{"id":"other"}]}');
      response.writeHead(200, { "content-type": "text/event-stream" });
      let word = 0;
      const timer = setInterval(() => {
        response.write('data: {"choices":[{"delta":{"content":"word "}}]}\n\n');
        if (++word < 20) return;
        clearInterval(timer);
        response.end("data: [DONE]\n\n");
      }, 30);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const unnamed = await measure(url);
    assert.match(unnamed.said.message, /no simulator/);
    assert.equal(unnamed.code, 1);
    assert.equal(asked, 0);
    const named = await measure(url, "--model", "other");
    assert.equal(named.said.delivery, "streams", named.said.message);
    assert.equal(asked, 1);
  });

  test("says what is wrong when there is no answer to measure, and keeps the key to itself", async () => {
    const { url } = await startGateway({ access: { keys: [{ name: "alice", key: "her-own-long-secret-key" }] } });
    const refused = await run(["doctor", "--url", url, "--key", "another-secret"]);
    assert.match(refused.stdout, /refuses the key.*\n.*--key/);
    assert.equal(refused.code, 1);
    assert.doesNotMatch(refused.stdout + refused.stderr, /another-secret/);
    const unasked = await run(["doctor", "--url", url]);
    assert.match(unasked.stdout, /wants a key, and none was given.*\n.*--key or in HEADRACE_API_KEY/);
    assert.equal(unasked.code, 1);
    const named = await run(["doctor", "--url", url, "--model", "sim/instant"]);
    assert.match(named.stdout, /wants a key, and none was given/);
    const given = await run(["doctor", "--url", url], { env: { HEADRACE_API_KEY: "her-own-long-secret-key" } });
    assert.match(given.stdout, /streams: 40 events over/);
    assert.equal(given.code, 0);
    assert.doesNotMatch(given.stdout + given.stderr, /her-own/);
    const nobody = await measure("http://127.0.0.1:1");
    assert.match(nobody.said.message, /no whole answer: .*ECONNREFUSED/);
    const { code, stderr } = await run(["doctor", "--url", "ftp://x"]);
    assert.match(stderr, /--url must be an address/);
    assert.equal(code, 2);
  });
});

describe("what arrivals say", () => {
  const every = (ms: number, events: number, count: number) =>
    Array.from({ length: count }, (_, index) => ({ atMs: index * ms, events }));

  test.each([
    ["streams", every(50, 1, 40), { intervalMs: 50, totalMs: 2000 }],
    ["streams", every(10, 1, 40), { totalMs: 400 }],
    ["streams", every(60, 3, 20), { totalMs: 1200 }],
    ["batches", every(250, 5, 8), { intervalMs: 50, totalMs: 2000 }],
    ["batches", every(400, 20, 4), { totalMs: 1300 }],
    ["buffers", every(1, 10, 4), { intervalMs: 50, totalMs: 2000 }],
    ["buffers", every(1, 20, 4), { totalMs: 3000 }],
    ["unclear", every(50, 1, 4), { totalMs: 200 }],
    ["unclear", every(1, 5, 4), { totalMs: 20 }],
    ["unclear", [], { totalMs: 2000 }],
  ] as const)("%s", (delivery, arrivals, pace) => {
    assert.equal(judgeArrivals(arrivals, pace).delivery, delivery);
  });
});
