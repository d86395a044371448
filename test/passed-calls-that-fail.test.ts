import type { ServerResponse } from "node:http";

import { describe, expect, test } from "vitest";

import type { Summary } from "../src/records/trace.ts";
import { createVirtualClock } from "../src/testing.ts";
import { eventually } from "./support/gateway.ts";
import { chunk, counted, list, onlyTrace, read, vectors } from "./support/passed-calls.ts";
import { json, startWithProvider } from "./support/passing-provider.ts";
import { startProcess, temporaryFolder } from "./support/process.ts";
import { databasePath } from "./support/records.ts";

describe("a call that does not go well", () => {
  const ask = { model: "box/embed-1", input: "x".repeat(40) };

  test("and is refused is one record without cost", async () => {
    const { url, post } = await startWithProvider((_request, response) => json(response, 400, "{}"));
    const response = await post("/v1/embeddings", ask);
    expect(response.status).toBe(400);
    const trace = await onlyTrace(url);
    expect(trace.id).toBe(response.headers.get("headrace-stream-id"));
    expect(trace).toMatchObject({ outcome: "failed", error: { code: "provider-rejected" } });
    expect(trace.attempts).toMatchObject([{ outcome: "failed", providerStatus: 400, share: "discarded" }]);
    expect(trace).not.toHaveProperty("usage");
    expect(JSON.stringify(trace)).not.toContain("SECRET");
  });

  test("is tried again; each call of the provider is one attempt of the same record", async () => {
    const { url, post, received } = await startWithProvider((_request, response, call) =>
      call === 0 ? json(response, 500, "{}", { "retry-after-ms": "1" }) : json(response, 200, vectors(counted)),
    );
    expect((await post("/v1/embeddings", ask)).status).toBe(200);
    const trace = await onlyTrace(url);
    expect(trace.attempts).toMatchObject([
      { reason: "first", outcome: "failed", providerStatus: 500 },
      { reason: "retry", outcome: "completed", usage: { inputTokens: 1_000 } },
    ]);
    expect(received).toHaveLength(2);
    expect(trace.usage?.inputTokens).toBe(1_000);
  });

  test("goes to another provider of the same model, but never to another embedding model", async () => {
    const { url, post, received } = await startWithProvider(
      (_request, response, call) => (call < 1 ? json(response, 503, "{}") : json(response, 200, vectors(counted))),
      (baseUrl) => {
        const box = { vendor: "openai-compatible", baseUrl, apiKey: "k" };
        const targets = ["one/embed-1", "one/embed-2", "two/embed-1"];
        return { providers: { one: box, two: box }, routes: { find: { targets } } };
      },
    );
    const response = await post("/v1/embeddings", { ...ask, model: "find" });
    expect(response.headers.get("headrace-target")).toBe("two/embed-1");
    expect(received.map(({ body }) => body["model"])).toEqual(["embed-1", "embed-1"]);
    expect((await onlyTrace(url)).attempts).toMatchObject([
      { provider: "one", reason: "first", outcome: "failed" },
      { provider: "two", reason: "failover", outcome: "completed" },
    ]);
  });

  test("whose client leaves was begun all the same, so what it may have cost is estimated", async () => {
    const { url, post, received } = await startWithProvider(() => {});
    const leaving = new AbortController();
    const asked = post("/v1/embeddings", ask, { signal: leaving.signal });
    await eventually(() => received.length === 1, "the provider's call");
    expect(await list(url, "?state=open")).toMatchObject([{ state: "open", operation: "embeddings", attemptCount: 1 }]);
    leaving.abort();
    await expect(asked).rejects.toThrow(/abort/);
    expect(await onlyTrace(url)).toMatchObject({
      outcome: "cancelled",
      usage: { inputTokens: 10, outputTokens: 0, estimated: true },
      attempts: [{ outcome: "cancelled", share: "discarded" }],
    });
  });

  test("and breaks off is interrupted, with what had come until then", async () => {
    const { url, post } = await startWithProvider((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(chunk("a blue sky, "), () => response.destroy());
    });
    const response = await post("/v1/completions", { model: "box/m", prompt: "x".repeat(40), stream: true });
    await expect(response.text()).rejects.toThrow(/terminated/);
    expect(await onlyTrace(url)).toMatchObject({
      outcome: "interrupted",
      usage: { inputTokens: 10, outputTokens: 3, estimated: true },
      attempts: [{ outcome: "failed", share: "delivered" }],
      readers: { attached: 1, left: 0, disconnected: 1 },
    });
  });

  test("can be stopped by its id, and nothing is left of it when it is purged", async () => {
    const { url, post } = await startWithProvider((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write(chunk("a"));
    });
    const response = await post("/v1/completions", { model: "box/m", prompt: "x", stream: true });
    const id = response.headers.get("headrace-stream-id");
    const stopped = await fetch(`${url}/v1/streams/${id}`, { method: "DELETE" });
    expect(await stopped.json()).toMatchObject({ id, state: "closed", protocol: "openai-completions" });
    await expect(response.text()).rejects.toThrow(/terminated/);
    expect(await onlyTrace(url)).toMatchObject({ outcome: "cancelled" });
    expect((await fetch(`${url}/v1/streams/${id}?purge=true`, { method: "DELETE" })).status).toBe(200);
    expect((await fetch(`${url}/v1/streams/${id}/trace`)).status).toBe(404);
    expect(await list(url)).toEqual([]);
    expect((await fetch(`${url}/v1/streams/${id}`, { method: "DELETE" })).status).toBe(404);
  });

  test("belongs to its key: nobody else sees or stops it", async () => {
    const [ann, bob] = ["ann-key-0123456789", "bob-key-0123456789"] as const;
    const keys = [
      { name: "ann", key: ann },
      { name: "bob", key: bob },
    ];
    const { url, post } = await startWithProvider(
      (_request, response) => response.writeHead(200, { "content-type": "text/event-stream" }).write(chunk("a")),
      { access: { keys } },
    );
    const headers = { "content-type": "application/json", authorization: `Bearer ${ann}` };
    const response = await post("/v1/completions", { model: "box/m", prompt: "x", stream: true }, { headers });
    const path = `${url}/v1/streams/${response.headers.get("headrace-stream-id")}`;
    const asBob = { headers: { authorization: `Bearer ${bob}` } };
    expect((await fetch(path, { method: "DELETE", ...asBob })).status).toBe(404);
    expect((await fetch(`${path}/trace`, asBob)).status).toBe(404);
    const asAnn = { headers: { authorization: `Bearer ${ann}` } };
    expect(await (await fetch(`${path}/trace`, asAnn)).json()).toMatchObject({ state: "open", owner: "ann" });
    await response.body?.cancel();
  });
});

describe("a gateway that ends with calls under way", { timeout: 60_000 }, () => {
  test("lets them finish for a while, and then ends them as interrupted", async () => {
    const clock = createVirtualClock();
    const path = databasePath();
    const waiting: ServerResponse[] = [];
    const { headrace, post } = await startWithProvider(
      (_request, response) => waiting.push(response),
      { log: { path } },
      { clock },
    );
    const [quick, slow] = ["quick", "slow"].map((model) =>
      post("/v1/embeddings", { model: `box/${model}`, input: "x" }),
    );
    await eventually(() => waiting.length === 2, "the provider's calls");
    const closing = headrace.close({ drainMs: 10_000 });
    json(waiting[0] as ServerResponse, 200, vectors(counted));
    const first = await Promise.race([quick, slow]);
    expect(first?.status).toBe(200);
    await first?.text();
    await clock.advance(10_000);
    await closing;
    const statuses = (await Promise.all([quick, slow])).map((response) => response?.status);
    expect(new Set(statuses)).toEqual(new Set([200, 502]));
    const { url } = await startWithProvider(() => {}, { log: { path } });
    const ends = (await list(url)).map(({ outcome, usage }) => `${outcome}, ${usage?.inputTokens} in`);
    expect(new Set(ends)).toEqual(new Set(["completed, 1000 in", "interrupted, 1 in"]));
  });

  test("by kill -9 has them in its ledger after the next start, each once", async () => {
    const waiting: ServerResponse[] = [];
    const { baseUrl } = await startWithProvider((_request, response) => waiting.push(response));
    const folder = await temporaryFolder();
    const config = `export default {
      providers: { box: { vendor: "openai-compatible", baseUrl: ${JSON.stringify(baseUrl)}, apiKey: "k" } },
      prices: { "box/*": { inputPerMillion: 1, outputPerMillion: 0 } },
    };`;
    const first = await startProcess(folder, config);
    const asked = fetch(`${first.url}/v1/embeddings`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "box/embed-1", input: "x".repeat(4_000) }),
    });
    // From the moment the provider hears of it, it may cost something.
    await eventually(() => waiting.length === 1, "the provider's call");
    await Promise.all([expect(asked).rejects.toThrow(/fetch failed/), first.kill()]);
    const second = await startProcess(folder, config);
    expect(await onlyTrace(second.url)).toMatchObject({
      operation: "embeddings",
      outcome: "interrupted",
      error: { code: "stream-interrupted" },
      usage: { inputTokens: 1_000, outputTokens: 0, estimated: true },
      cost: { total: 0.001, delivered: 0, discarded: 0.001 },
      attempts: [{ outcome: "cancelled", usage: { inputTokens: 1_000, estimated: true } }],
    });
    const { totals } = await read<Summary>(`${second.url}/admin/summary`);
    expect(totals).toMatchObject({ requests: 1, errors: 1, cost: 0.001 });
    await second.kill();
  });
});
