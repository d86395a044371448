import type { ServerResponse } from "node:http";

import OpenAI from "openai";
import { describe, expect, test } from "vitest";

import type { Summary, Trace, TracePage, TraceSummary } from "../src/records/trace.ts";
import { createVirtualClock } from "../src/testing.ts";
import { eventually, readFrames } from "./support/gateway.ts";
import { startOtlpReceiver } from "./support/otlp-receiver.ts";
import { json, startWithProvider } from "./support/passing-provider.ts";
import { startProcess, temporaryFolder } from "./support/process.ts";
import { readPrometheusText, sumOf } from "./support/prometheus-text.ts";
import { databasePath } from "./support/records.ts";
import { all } from "./support/simulator.ts";

const vectors = (usage?: object) =>
  JSON.stringify({
    object: "list",
    data: [{ object: "embedding", index: 0, embedding: [0.25, -0.5] }],
    model: "text-embedding-3-small",
    ...(usage !== undefined && { usage }),
  });
const counted = { prompt_tokens: 1_000, total_tokens: 1_000 };

/** OpenAI as it is known, but here. */
const asOpenAi = (baseUrl: string) => ({
  providers: { openai: { vendor: "openai", baseUrl, apiKey: "sk-SECRET" } },
  routes: { find: { targets: ["openai/text-embedding-3-small"] } },
});

async function read<Body>(url: string, headers: Record<string, string> = {}): Promise<Body> {
  const response = await fetch(url, { headers });
  expect(response.status, await response.clone().text()).toBe(200);
  return (await response.json()) as Body;
}

const list = async (url: string, query = ""): Promise<TraceSummary[]> =>
  (await read<TracePage>(`${url}/admin/streams${query}`)).data;

/** The trace of the only call there was, once it is closed. */
async function onlyTrace(url: string): Promise<Trace> {
  let found: TraceSummary[] = [];
  await eventually(async () => {
    found = await list(url);
    return found.length > 0 && found.every(({ state }) => state === "closed");
  }, "the end of the call");
  expect(found).toHaveLength(1);
  return read<Trace>(`${url}/v1/streams/${found[0]?.id}/trace`);
}

const chunk = (text: string, more: object = {}) =>
  `data: ${JSON.stringify({ id: "c", object: "text_completion", choices: [{ index: 0, text, finish_reason: null, ...more }] })}\n\n`;
const lastChunk = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 3 } })}\n\n`;

function answerInChunks(response: ServerResponse, frames: readonly string[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end([...frames, "data: [DONE]\n\n"].join(""));
}

describe("embeddings through OpenAI's own client", () => {
  test("are in the records with what they cost, whose they are, and how to find them", async () => {
    const key = "ann-key-0123456789";
    const { url } = await startWithProvider(
      (_request, response) => json(response, 200, vectors(counted)),
      (baseUrl) => ({ ...asOpenAi(baseUrl), access: { keys: [{ name: "ann", key }] } }),
    );
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
    const { data, response } = await openai.embeddings
      .create(
        { model: "find", input: "hello", encoding_format: "float" },
        { headers: { "headrace-tags": "team=search" } },
      )
      .withResponse();
    expect(data.data[0]?.embedding).toEqual([0.25, -0.5]);
    const id = response.headers.get("headrace-stream-id");
    expect(response.headers.get("headrace-target")).toBe("openai/text-embedding-3-small");
    const auth = { authorization: `Bearer ${key}` };
    const trace = await read<Trace>(`${url}/v1/streams/${id}/trace`, auth);
    // $0.02 per million tokens, says the price list.
    const cost = { total: 0.00002, delivered: 0.00002, discarded: 0, hedged: 0, currency: "USD" };
    expect(trace).toMatchObject({
      id,
      owner: "ann",
      model: "find",
      route: "find",
      operation: "embeddings",
      protocol: "openai-embeddings",
      state: "closed",
      outcome: "completed",
      tags: { team: "search" },
      usage: { inputTokens: 1_000, outputTokens: 0 },
      cost,
      entries: 0,
      timeline: [],
      readers: { attached: 1, resumed: 0, left: 1, disconnected: 0 },
    });
    expect(trace.usage).not.toHaveProperty("estimated");
    expect(trace).not.toHaveProperty("timeToFirstTokenMs");
    expect(trace.attempts).toMatchObject([
      { provider: "openai", model: "text-embedding-3-small", reason: "first", outcome: "completed", cost: cost.total },
    ]);
    expect(trace.attempts[0]?.share).toBe("delivered");
    expect(trace.attempts[0]?.durationMs).toBeGreaterThanOrEqual(0);
    const found = await read<TracePage>(`${url}/admin/streams?operation=embeddings&tag=team:search`, auth);
    expect(found.data).toMatchObject([{ id, operation: "embeddings", cost, attemptCount: 1 }]);
    expect((await read<TracePage>(`${url}/admin/streams?operation=chat`, auth)).data).toEqual([]);
    const { totals, groups } = await read<Summary>(`${url}/admin/summary?by=operation`, auth);
    expect(totals).toMatchObject({ requests: 1, inputTokens: 1_000, outputTokens: 0, cost: cost.total });
    expect(groups).toMatchObject([{ key: "embeddings", requests: 1 }]);
    const csv = await (await fetch(`${url}/admin/export?format=csv`, { headers: auth })).text();
    expect(csv).toContain("ann");
    expect(csv).toContain(",embeddings,openai-embeddings,");
  });

  test("whose provider does not count them are estimated, and say so", async () => {
    const { url } = await startWithProvider((_request, response) => json(response, 200, vectors()));
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
    await openai.embeddings.create({ model: "box/embed-1", input: ["x".repeat(400), "y".repeat(40)] });
    expect((await onlyTrace(url)).usage).toEqual({ inputTokens: 110, outputTokens: 0, estimated: true });
  });

  test.each([
    ["at the end", false],
    ["before the vectors", true],
  ])("of many texts come through byte for byte, and are counted by their usage %s", async (_where, isFirst) => {
    const data = Array.from({ length: 60 }, (_, index) => ({
      index,
      embedding: Array.from({ length: 3_000 }, () => 0.123456),
    }));
    const body = JSON.stringify(isFirst ? { usage: counted, data } : { data, usage: counted });
    expect(body.length).toBeGreaterThan(1_500_000);
    const { url, post } = await startWithProvider((_request, response) => json(response, 200, body));
    const response = await post("/v1/embeddings", { model: "box/embed-1", input: "x" });
    expect((await response.text()) === body).toBe(true);
    expect((await onlyTrace(url)).usage).toEqual({ inputTokens: 1_000, outputTokens: 0 });
  });
});

describe("legacy completions through OpenAI's own client", () => {
  const connect = async (answer: (response: ServerResponse) => void) => {
    const { url } = await startWithProvider((_request, response) => answer(response));
    return { url, openai: new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 }) };
  };
  const request = { model: "box/instruct", prompt: "x".repeat(40), max_tokens: 20 };

  test("in one piece are counted as the provider counts", async () => {
    const { url, openai } = await connect((response) =>
      json(
        response,
        200,
        JSON.stringify({
          choices: [{ index: 0, text: "a blue sky", finish_reason: "length" }],
          usage: { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 },
        }),
      ),
    );
    expect((await openai.completions.create(request)).choices[0]?.text).toBe("a blue sky");
    const trace = await onlyTrace(url);
    expect(trace).toMatchObject({
      operation: "text_completion",
      protocol: "openai-completions",
      outcome: "length",
      usage: { inputTokens: 9, outputTokens: 4 },
      attempts: [{ outcome: "completed", finishReason: "length" }],
    });
    expect(trace.attempts[0]).not.toHaveProperty("firstContentMs");
  });

  test("as a stream have a first token, and the usage of their last chunk", async () => {
    const frames = [chunk("a "), chunk("blue "), chunk("sky", { finish_reason: "stop" }), lastChunk];
    const { url, openai } = await connect((response) => answerInChunks(response, frames));
    const chunks = await all(
      await openai.completions.create({ ...request, stream: true, stream_options: { include_usage: true } }),
    );
    expect(chunks.map(({ choices }) => choices[0]?.text ?? "").join("")).toBe("a blue sky");
    const trace = await onlyTrace(url);
    expect(trace).toMatchObject({
      outcome: "completed",
      finishReason: "stop",
      usage: { inputTokens: 7, outputTokens: 3 },
    });
    expect(trace.usage).not.toHaveProperty("estimated");
    expect(trace.timeToFirstTokenMs).toBeGreaterThanOrEqual(0);
    expect(trace.timeline.at(-1)?.[1]).toBe("a blue sky".length);
    expect(trace.attempts[0]?.firstContentMs).toBeGreaterThanOrEqual(0);
  });

  test("as a stream without usage are estimated from their text, and say so", async () => {
    const frames = [chunk("a ".repeat(40)), chunk("", { finish_reason: "stop" })];
    const { url, openai } = await connect((response) => answerInChunks(response, frames));
    await all(await openai.completions.create({ ...request, stream: true }));
    expect((await onlyTrace(url)).usage).toEqual({ inputTokens: 10, outputTokens: 20, estimated: true });
  });

  test("that their provider never finished are not taken for whole", async () => {
    const { url, openai } = await connect((response) =>
      response.writeHead(200, { "content-type": "text/event-stream" }).end(chunk("a blue")),
    );
    await all(await openai.completions.create({ ...request, stream: true }));
    expect(await onlyTrace(url)).toMatchObject({
      outcome: "interrupted",
      error: { code: "stream-truncated" },
      attempts: [{ outcome: "failed", usage: { outputTokens: 2, estimated: true } }],
    });
  });
});

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
    expect((await Promise.all([quick, slow])).map((response) => response?.status).toSorted()).toEqual([200, 502]);
    const { url } = await startWithProvider(() => {}, { log: { path } });
    expect((await list(url)).map(({ outcome, usage }) => [outcome, usage?.inputTokens]).toSorted()).toEqual([
      ["completed", 1_000],
      ["interrupted", 1],
    ]);
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
    const broken = expect(asked).rejects.toThrow();
    await first.kill();
    await broken;
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

describe("calls that are passed on, seen from elsewhere", () => {
  test("are told of live, from their beginning to their end", async () => {
    const waiting: ServerResponse[] = [];
    const { url, post } = await startWithProvider((_request, response) => waiting.push(response));
    const feed = readFrames(await fetch(`${url}/admin/live`));
    const asked = post("/v1/embeddings", { model: "box/embed-1", input: "x" });
    const seen: TraceSummary[] = [];
    for await (const frame of feed) {
      seen.push(JSON.parse(/^data: (.*)$/m.exec(frame)?.[1] ?? "") as TraceSummary);
      if (seen.length === 1) {
        await eventually(() => waiting.length === 1, "the provider's call");
        json(waiting[0] as ServerResponse, 200, vectors(counted));
        await (await asked).text();
      }
      if (seen.at(-1)?.state === "closed") break;
    }
    expect(seen[0]).toMatchObject({ operation: "embeddings", state: "open" });
    expect(seen.at(-1)).toMatchObject({ id: seen[0]?.id, outcome: "completed", usage: { inputTokens: 1_000 } });
  });

  test("are counted for Prometheus under the names of all others, by their operation", async () => {
    const { url, post } = await startWithProvider((request, response) => {
      if (request.url?.endsWith("embeddings") === true) json(response, 200, vectors(counted));
      else answerInChunks(response, [chunk("sky", { finish_reason: "stop" }), lastChunk]);
    });
    await (await post("/v1/embeddings", { model: "find", input: "x" })).text();
    for (let made = 0; made < 20; made++)
      await (await post("/v1/embeddings", { model: `box/up-${made}`, input: "x" })).text();
    await (await post("/v1/completions", { model: "box/instruct", prompt: "x", stream: true })).text();
    await untilAllEnded(url);
    const samples = readPrometheusText(await (await fetch(`${url}/metrics`)).text());
    const embeddings = {
      gen_ai_operation_name: "embeddings",
      gen_ai_provider_name: "box",
      gen_ai_request_model: "embed-1",
    };
    const tokens = "gen_ai_client_token_usage_sum";
    expect(sumOf(samples, tokens, { ...embeddings, gen_ai_token_type: "input" })).toBe(1_000);
    expect(
      sumOf(samples, "gen_ai_client_token_usage_count", {
        gen_ai_operation_name: "embeddings",
        gen_ai_token_type: "output",
      }),
    ).toBe(0);
    expect(sumOf(samples, "gen_ai_client_operation_duration_seconds_count", embeddings)).toBe(1);
    expect(
      sumOf(samples, "gen_ai_server_request_duration_seconds_count", {
        gen_ai_operation_name: "embeddings",
        gen_ai_request_model: "find",
      }),
    ).toBe(1);
    expect(
      sumOf(samples, "gen_ai_server_time_to_first_token_seconds_count", { gen_ai_operation_name: "embeddings" }),
    ).toBe(0);
    const completion = { gen_ai_operation_name: "text_completion" };
    expect(sumOf(samples, tokens, { ...completion, gen_ai_token_type: "output" })).toBe(3);
    expect(sumOf(samples, "gen_ai_server_time_to_first_token_seconds_count", completion)).toBe(1);
    expect(sumOf(samples, "headrace_streams_total", { protocol: "openai-embeddings", outcome: "completed" })).toBe(21);
    expect(sumOf(samples, "headrace_attempts_total")).toBe(22);
    const models = new Set(samples.flatMap(({ labels }) => labels["gen_ai_request_model"] ?? []));
    expect([...models].toSorted()).toEqual(["embed-1", "find", "other"]);
  });

  test("are a server span and a client span in the caller's trace, which goes on at the provider", async () => {
    const collector = await startOtlpReceiver();
    const { post, headrace, received } = await startWithProvider(
      (_request, response) => json(response, 200, vectors(counted)),
      {
        telemetry: { tracesUrl: collector.tracesUrl, captureContent: true },
      },
    );
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    const headers = { "content-type": "application/json", traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
    await (await post("/v1/embeddings", { model: "find", input: "a secret text" }, { headers })).text();
    await headrace.close();
    const server = collector.spans.find(({ kind }) => kind === "server");
    const client = collector.spans.find(({ kind }) => kind === "client");
    expect(collector.spans).toHaveLength(2);
    expect(server).toMatchObject({
      name: "POST /v1/embeddings",
      traceId,
      parentSpanId: "00f067aa0ba902b7",
      isError: false,
    });
    expect(server?.attributes).toMatchObject({
      "headrace.outcome": "completed",
      "headrace.protocol": "openai-embeddings",
    });
    expect(client).toMatchObject({ name: "embeddings embed-1", traceId, parentSpanId: server?.spanId });
    expect(client?.attributes).toMatchObject({
      "gen_ai.operation.name": "embeddings",
      "gen_ai.request.model": "embed-1",
      "gen_ai.request.stream": false,
      "gen_ai.usage.input_tokens": 1_000,
    });
    expect(received[0]?.headers["traceparent"]).toBe(`00-${traceId}-${client?.spanId}-01`);
    expect(JSON.stringify(collector.spans)).not.toContain("a secret text");
  });
});

/** Until nothing is open any more. */
async function untilAllEnded(url: string): Promise<void> {
  await eventually(async () => (await list(url, "?state=open")).length === 0, "the end of all calls");
}
