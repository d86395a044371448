import type { ServerResponse } from "node:http";

import OpenAI from "openai";
import { describe, expect, test } from "vitest";

import type { Summary, Trace, TracePage, TraceSummary } from "../src/records/trace.ts";
import { readFrames, eventually } from "./support/gateway.ts";
import { startOtlpReceiver } from "./support/otlp-receiver.ts";
import {
  answerInChunks,
  chunk,
  counted,
  lastChunk,
  onlyTrace,
  read,
  untilAllEnded,
  vectors,
} from "./support/passed-calls.ts";
import { json, startWithProvider } from "./support/passing-provider.ts";
import { readPrometheusText, sumOf } from "./support/prometheus-text.ts";
import { all } from "./support/simulator.ts";

/** OpenAI as it is known, but here. */
const asOpenAi = (baseUrl: string) => ({
  providers: { openai: { vendor: "openai", baseUrl, apiKey: "sk-SECRET" } },
  routes: { find: { targets: ["openai/text-embedding-3-small"] } },
});

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

  test("cost what a provider says that knows better than a list", async () => {
    const { url, post } = await startWithProvider(
      (_request, response) => json(response, 200, vectors({ prompt_tokens: 8, total_tokens: 8, cost: 0.0125 })),
      (baseUrl) => ({ providers: { openrouter: { vendor: "openrouter", baseUrl, apiKey: "k" } }, routes: {} }),
    );
    await (await post("/v1/embeddings", { model: "openrouter/any/model", input: "x" })).text();
    expect((await onlyTrace(url)).cost?.total).toBe(0.0125);
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
