import { describe, expect, test } from "vitest";

import { traceSchema } from "../src/gateway/admin-schemas.ts";
import type { Summary, Trace, TracePage, TraceSummary } from "../src/records/trace.ts";
import { eventually, readFrames, scriptedModel, startGateway } from "./support/gateway.ts";
import { databasePath } from "./support/records.ts";

const post = (url: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

const chat = (model: string) => ({ model, stream: true, messages: [{ role: "user", content: "Hello, who are you?" }] });

async function ask(url: string, model: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await post(`${url}/v1/chat/completions`, chat(model), headers);
  await response.text();
  return response.headers.get("headrace-stream-id") ?? "";
}

async function read<Body>(url: string, headers: Record<string, string> = {}): Promise<Body> {
  const response = await fetch(url, { headers });
  expect(response.status, await response.clone().text()).toBe(200);
  return (await response.json()) as Body;
}

const prices = { "models/poet": { inputPerMillion: 1_000, outputPerMillion: 2_000 } };

describe.each(["memory", "sqlite"] as const)("the trace of a stream, with the log in %s", (store) => {
  const logIn = () => (store === "memory" ? { store } : { store, path: databasePath() });

  test("says who answered, what it took and what it cost", async () => {
    const { model } = scriptedModel(["one ", "two ", "three"]);
    const routes = { best: { targets: ["poet"] } };
    const { url } = await startGateway({ log: logIn(), models: { poet: model }, routes, prices });
    const id = await ask(url, "best", { "headrace-tags": "team=search, user=a=b" });
    const trace = await read<Trace>(`${url}/v1/streams/${id}/trace`);
    expect(trace).toMatchObject({
      id,
      model: "best",
      route: "best",
      protocol: "openai-chat",
      state: "closed",
      outcome: "completed",
      finishReason: "stop",
      tags: { team: "search", user: "a=b" },
      readers: { attached: 1, resumed: 0, left: 1, disconnected: 0 },
      attempts: [{ attempt: 0, provider: "models", model: "poet", reason: "first", outcome: "completed" }],
      seams: [],
    });
    const { data } = await read<{ data: { entries: number }[] }>(`${url}/v1/streams`);
    expect(trace.entries).toBe(data[0]?.entries);
    const [attempt] = trace.attempts;
    expect(attempt).toMatchObject({ share: "delivered", usage: { outputTokens: 4, estimated: true } });
    const { inputTokens } = trace.usage ?? { inputTokens: 0 };
    const total = (inputTokens * 1_000 + 4 * 2_000) / 1e6;
    expect(trace.cost).toEqual({ total, delivered: total, discarded: 0, hedged: 0, currency: "USD" });
    expect(trace.timeline.at(-1)?.[1]).toBe("one two three".length);
    expect(trace.owner).toBeUndefined();
  });

  test("is there while the stream is open, and is finished with it", async () => {
    const poet = scriptedModel(["one ", "two ", "three"]);
    const release = poet.hold(2);
    const { url } = await startGateway({ log: logIn(), models: { poet: poet.model } });
    const response = await post(`${url}/v1/chat/completions`, chat("poet"));
    const id = response.headers.get("headrace-stream-id");
    const open = await read<Trace>(`${url}/v1/streams/${id}/trace`);
    expect(open).toMatchObject({ state: "open", attempts: [{ outcome: "open" }] });
    const { data } = await read<TracePage>(`${url}/admin/streams?state=open`);
    expect(data).toMatchObject([{ id, state: "open", attemptCount: 1 }]);
    release();
    await response.text();
    await eventually(async () => (await read<Trace>(`${url}/v1/streams/${id}/trace`)).state === "closed");
    expect((await read<TracePage>(`${url}/admin/streams?state=open`)).data).toEqual([]);
  });

  test("tells what an open stream has cost so far, as an estimate that no sum contains", async () => {
    const poet = scriptedModel(["one ", "two ", "three"]);
    const release = poet.hold(2);
    const { url } = await startGateway({ log: logIn(), models: { poet: poet.model }, prices });
    const response = await post(`${url}/v1/chat/completions`, chat("poet"));
    const trace = () => read<Trace>(`${url}/v1/streams/${response.headers.get("headrace-stream-id")}/trace`);
    const costs: number[] = [];
    await eventually(async () => {
      const { cost, usage, state } = await trace();
      expect([state, usage?.estimated]).toEqual(["open", true]);
      costs.push(cost?.total ?? 0);
      return (usage?.outputTokens ?? 0) > 0;
    });
    expect(costs.at(-1)).toBeGreaterThan(0.001);
    expect((await trace()).attempts[0]).not.toHaveProperty("cost");
    expect((await read<Summary>(`${url}/admin/summary`)).totals.cost).toBe(0);
    release();
    await response.text();
    await eventually(async () => (await trace()).state === "closed");
    const { cost } = await trace();
    expect((await read<Summary>(`${url}/admin/summary`)).totals.cost).toBe(cost?.total);
  });

  test("what a model costs that nobody knows stays unknown", async () => {
    const { model } = scriptedModel(["one"]);
    const { url } = await startGateway({ log: logIn(), models: { poet: model } });
    const id = await ask(url, "poet");
    const trace = await read<Trace>(`${url}/v1/streams/${id}/trace`);
    expect(trace.usage?.outputTokens).toBe(1);
    expect(trace).not.toHaveProperty("cost");
    expect(trace.attempts[0]).not.toHaveProperty("cost");
  });

  test("nothing is left of a stream that is purged", async () => {
    const path = databasePath();
    const { model } = scriptedModel(["one"]);
    const log = store === "memory" ? { store } : { store, path };
    const { url } = await startGateway({ log, models: { poet: model } });
    const id = await ask(url, "poet", { "headrace-tags": "user=42" });
    await read<Trace>(`${url}/v1/streams/${id}/trace`);
    expect((await fetch(`${url}/v1/streams/${id}?purge=true`, { method: "DELETE" })).status).toBe(200);
    expect((await fetch(`${url}/v1/streams/${id}/trace`)).status).toBe(404);
    expect((await read<TracePage>(`${url}/admin/streams`)).data).toEqual([]);
    expect((await read<{ totals: { requests: number } }>(`${url}/admin/summary`)).totals.requests).toBe(0);
  });
});

test("a trace that outlived its log can be purged, by whose it is", async () => {
  const keys = ["alice", "mallory"].map((name) => ({ name, key: `${name}-has-a-long-secret-key` }));
  const as = (name: string) => ({ authorization: `Bearer ${name}-has-a-long-secret-key` });
  const { model } = scriptedModel(["one"]);
  const log = { store: "sqlite" as const, path: databasePath() };
  const { url, headrace } = await startGateway({ log, models: { poet: model }, access: { keys } });
  const id = await ask(url, "poet", as("alice"));
  await read<Trace>(`${url}/v1/streams/${id}/trace`, as("alice"));
  await headrace.streams.delete(id);
  expect((await fetch(`${url}/v1/streams/${id}`, { headers: as("alice") })).status).toBe(404);
  const purge = async (name: string): Promise<number> =>
    (await fetch(`${url}/v1/streams/${id}?purge=true`, { method: "DELETE", headers: as(name) })).status;
  expect(await purge("mallory")).toBe(404);
  await read<Trace>(`${url}/v1/streams/${id}/trace`, as("alice"));
  expect(await purge("alice")).toBe(200);
  expect((await fetch(`${url}/v1/streams/${id}/trace`, { headers: as("alice") })).status).toBe(404);
  expect(await purge("alice")).toBe(404);
});

test.each([
  ["its own price", { cost: 0.0125, cost_details: { upstream_inference_cost: null } }, 0.0125],
  [
    "a fee beside what the vendor behind it takes",
    { cost: 0.01, is_byok: true, cost_details: { upstream_inference_cost: 0.2 } },
    0.21,
  ],
  ["a fee alone", { cost: 0.01, is_byok: true }, undefined],
  ["nonsense", { cost: "free" }, undefined],
])("a provider that says what it charges is believed (%s)", async (_what, told, cost) => {
  const usage = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9, ...told };
  const chunks = [
    { choices: [{ index: 0, delta: { role: "assistant", content: "Hello" }, finish_reason: null }] },
    { choices: [{ index: 0, delta: {}, finish_reason: "stop" }], usage },
  ];
  const body = [...chunks.map((chunk) => JSON.stringify(chunk)), "[DONE]"].map((data) => `data: ${data}\n\n`).join("");
  const { url } = await startGateway(
    { providers: { shop: { vendor: "openrouter", apiKey: "sk-or-secret", baseUrl: "http://shop.test/v1" } } },
    { fetch: async () => new Response(body, { headers: { "content-type": "text/event-stream" } }) },
  );
  const response = await post(`${url}/v1/chat/completions`, {
    ...chat("shop/poet"),
    stream_options: { include_usage: true },
  });
  // The client sees what the provider said.
  expect(await response.text()).toContain(JSON.stringify(told).slice(1, -1));
  const id = response.headers.get("headrace-stream-id");
  const trace = traceSchema.parse(await read(`${url}/v1/streams/${id}/trace`));
  expect(trace.attempts[0]?.usage).toEqual({ inputTokens: 7, outputTokens: 2, totalTokens: 9 });
  expect(trace.cost?.total).toBe(cost);
});

describe("a stream that takes several attempts", () => {
  test("is paid for by what each of them was for", async () => {
    const poet = scriptedModel(["one ", "two"]);
    const routes = { best: { targets: ["sim/gpt-4o?fault=500", "poet"] } };
    const { url } = await startGateway({ models: { poet: poet.model }, routes, prices });
    const id = await ask(url, "best");
    const trace = await read<Trace>(`${url}/v1/streams/${id}/trace`);
    expect(trace.outcome).toBe("completed");
    expect(trace.attempts.length).toBeGreaterThan(1);
    expect(trace.attempts[0]).toMatchObject({
      provider: "sim",
      outcome: "failed",
      providerStatus: 500,
      share: "discarded",
    });
    expect(trace.attempts[0]).not.toHaveProperty("usage");
    expect(trace.attempts.at(-1)).toMatchObject({ provider: "models", outcome: "completed", share: "delivered" });
    expect(trace.cost?.total).toBe(trace.cost?.delivered);
  });

  test("has a seam where one goes on for the other", async () => {
    const { url } = await startGateway({
      routes: { best: { targets: ["sim/gpt-4o?words=40&fault=cut@20:calls=1", "sim/gpt-4o?words=40"] } },
    });
    const id = await ask(url, "best");
    const trace = await read<Trace>(`${url}/v1/streams/${id}/trace`);
    expect(trace.outcome).toBe("completed");
    expect(trace.seams).toMatchObject([{ fromAttempt: 0, toAttempt: trace.attempts.at(-1)?.attempt }]);
    expect(trace.attempts.filter(({ share }) => share === "delivered")).toHaveLength(2);
    expect(trace.attempts.at(-1)).toMatchObject({ reason: "recovery", rung: trace.seams[0]?.rung });
    for (const { firstByteMs, firstContentMs } of trace.attempts) {
      expect(firstContentMs).toBeGreaterThanOrEqual(firstByteMs ?? Infinity);
    }
  });
});

describe("the live feed", () => {
  test("tells of streams that begin, change and end", async () => {
    const poet = scriptedModel(["one ", "two ", "three"]);
    const release = poet.hold(2);
    const { url } = await startGateway({ models: { poet: poet.model } });
    const feed = readFrames(await fetch(`${url}/admin/live`));
    const response = await post(`${url}/v1/chat/completions`, chat("poet"));
    const seen: TraceSummary[] = [];
    for await (const frame of feed) {
      const [, data] = /^event: stream\ndata: (.*)\n\n$/.exec(frame) ?? [];
      if (data === undefined) throw new Error(`not a frame of the feed: ${frame}`);
      seen.push(JSON.parse(data) as TraceSummary);
      if (seen.length === 1) {
        release();
        await response.text();
      }
      if (seen.at(-1)?.state === "closed") break;
    }
    expect(seen[0]).toMatchObject({ id: response.headers.get("headrace-stream-id"), state: "open" });
    expect(seen.at(-1)).toMatchObject({ state: "closed", outcome: "completed" });
  });
});
