import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { startGateway } from "./support/gateway.ts";
import { canary, openObserved } from "./support/observed-gateway.ts";
import type { Sample } from "./support/prometheus-text.ts";
import { temporaryFolder } from "./support/process.ts";
import { readPrometheusText, sumOf } from "./support/prometheus-text.ts";

interface Fetching {
  fetch(request: Request): Promise<Response>;
}

async function scrape({ fetch }: Fetching): Promise<{ text: string; samples: Sample[] }> {
  const response = await fetch(new Request("http://localhost/metrics"));
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const text = await response.text();
  return { text, samples: readPrometheusText(text) };
}

describe("what Prometheus is told", () => {
  test("a whole answer is one stream, one attempt, and the times that a reader saw", async () => {
    const { headrace, read } = await openObserved();
    await read("whole");
    const { samples } = await scrape(headrace);
    const server = { gen_ai_operation_name: "chat", gen_ai_request_model: "whole" };
    const client = {
      gen_ai_operation_name: "chat",
      gen_ai_provider_name: "fake",
      gen_ai_request_model: "whole",
    };
    const outcome = { gen_ai_request_model: "whole", protocol: "openai-chat", outcome: "completed" };
    expect(sumOf(samples, "headrace_streams_total", outcome)).toBe(1);
    const attempt = { target: "fake/whole", reason: "first", outcome: "completed", error_type: "" };
    expect(sumOf(samples, "headrace_attempts_total", attempt)).toBe(1);
    // The provider waits 300 ms before the first of 60 words and 15 ms after each of them.
    expect(sumOf(samples, "gen_ai_server_time_to_first_token_seconds_sum", server)).toBeCloseTo(0.3, 6);
    expect(sumOf(samples, "gen_ai_server_time_to_first_token_seconds_bucket", { ...server, le: "0.25" })).toBe(0);
    expect(sumOf(samples, "gen_ai_server_time_to_first_token_seconds_bucket", { ...server, le: "0.5" })).toBe(1);
    expect(sumOf(samples, "gen_ai_client_operation_time_to_first_chunk_seconds_sum", client)).toBeCloseTo(0.3, 6);
    expect(sumOf(samples, "gen_ai_server_request_duration_seconds_sum", server)).toBeCloseTo(1.2, 6);
    expect(sumOf(samples, "gen_ai_client_operation_duration_seconds_sum", client)).toBeCloseTo(1.2, 6);
    const tokens = sumOf(samples, "gen_ai_client_token_usage_sum", { ...client, gen_ai_token_type: "output" });
    expect(tokens).toBe(60);
    const perToken = sumOf(samples, "gen_ai_server_time_per_output_token_seconds_sum", server);
    expect(perToken).toBeCloseTo(0.9 / (tokens - 1), 6);
    expect(sumOf(samples, "headrace_readers_attached_total")).toBe(1);
    expect(sumOf(samples, "headrace_resumes_total")).toBe(0);
  });

  test("every attempt is counted with its reason, and its tokens once", async () => {
    const { headrace, read, attempts, observations } = await openObserved();
    for (const route of ["whole", "refused", "retried", "recovered", "hedged"]) await read(route);
    const { samples } = await scrape(headrace);
    const counted = (labels: Record<string, string>): number => sumOf(samples, "headrace_attempts_total", labels);
    const refusal = { target: "fake/refusing", reason: "first", error_type: "provider-rejected" };
    expect(counted(refusal)).toBe(1);
    expect(counted({ target: "fake/flaky", reason: "first", error_type: "provider-error" })).toBe(1);
    expect(counted({ target: "fake/flaky", reason: "retry", outcome: "completed" })).toBe(1);
    expect(counted({ target: "fake/cut", reason: "first", outcome: "failed" })).toBe(1);
    expect(counted({ reason: "recovery", outcome: "completed" })).toBe(1);
    expect(counted({ target: "fake/slow", reason: "first", outcome: "lost" })).toBe(1);
    expect(counted({ target: "fake/whole", reason: "hedge", outcome: "completed" })).toBe(1);
    expect(counted({})).toBe(attempts().length);

    const billed = attempts().flatMap(({ usage }) => usage ?? []);
    expect(billed.length).toBeGreaterThanOrEqual(5);
    for (const [type, field] of [
      ["input", "inputTokens"],
      ["output", "outputTokens"],
    ] as const) {
      const labels = { gen_ai_token_type: type };
      expect(sumOf(samples, "gen_ai_client_token_usage_count", labels)).toBe(billed.length);
      const sum = billed.reduce((all, usage) => all + usage[field], 0);
      expect(sumOf(samples, "gen_ai_client_token_usage_sum", labels)).toBe(sum);
    }
    const estimated = billed.filter((usage) => usage.estimated === true).length;
    expect(sumOf(samples, "headrace_usage_estimates_total")).toBe(estimated);

    const seams = observations.filter((one) => one.type === "seam-joined");
    expect(seams.length).toBeGreaterThan(0);
    for (const rung of ["native-resume", "prefill", "anchor-echo", "prefix-match"]) {
      const found = seams.filter((one) => one.rung === rung).length;
      expect(sumOf(samples, "headrace_seams_total", { rung }), rung).toBe(found);
    }
    const failed = { gen_ai_request_model: "refused", outcome: "failed", error_type: "provider-rejected" };
    expect(sumOf(samples, "headrace_streams_total", failed)).toBe(1);
    expect(sumOf(samples, "headrace_streams_total")).toBe(5);
    expect(sumOf(samples, "headrace_open_streams")).toBe(0);
  });

  test("a stopped answer is no failure, and what it had cost until then is counted", async () => {
    const { headrace, ask, clock, attempts } = await openObserved();
    const response = ask("whole");
    await clock.advance(600);
    const id = (await response).headers.get("headrace-stream-id") ?? "";
    expect(sumOf((await scrape(headrace)).samples, "headrace_open_streams")).toBe(1);
    await headrace.streams.stop(id);
    const { samples } = await scrape(headrace);
    expect(sumOf(samples, "headrace_streams_total", { outcome: "cancelled", error_type: "" })).toBe(1);
    expect(sumOf(samples, "headrace_attempts_total", { outcome: "cancelled", error_type: "" })).toBe(1);
    expect(sumOf(samples, "gen_ai_server_time_per_output_token_seconds_count")).toBe(0);
    const output = { gen_ai_token_type: "output" };
    expect(sumOf(samples, "gen_ai_client_token_usage_sum", output)).toBe(attempts()[0]?.usage?.outputTokens);
    expect(sumOf(samples, "gen_ai_client_token_usage_sum", output)).toBeGreaterThan(0);
  });

  test("a thousand made-up model names are one label", async () => {
    const { headrace } = await startGateway();
    for (let first = 0; first < 1_000; first += 50) {
      const models = Array.from({ length: 50 }, (_value, index) => `sim/made-up-${first + index}-${canary}`);
      await Promise.allSettled(models.map((model) => headrace.stream({ model, prompt: "hello" }).final));
    }
    await headrace.stream({ model: "sim/instant", prompt: "hello" }).final;
    const { text, samples } = await scrape(headrace);
    const values = new Set(samples.flatMap(({ labels }) => labels["gen_ai_request_model"] ?? []));
    expect([...values].toSorted()).toEqual(["instant", "other", "sim/instant"]);
    expect(text).not.toContain("made-up");
  });

  test("keys, questions, ids and what providers say are nowhere", async () => {
    const { headrace, read } = await openObserved();
    await read("whole");
    await read("refused");
    const { text } = await scrape(headrace);
    expect(text).not.toContain(canary);
    expect(text).not.toMatch(/\bst_\w{22}\b|\breq_\w{22}\b|secret words/);
  });

  test("the process, its event loop and what is running are there too", async () => {
    const { headrace } = await startGateway();
    const { samples } = await scrape(headrace);
    const names = new Set(samples.map(({ name }) => name));
    expect(names).toContain("process_cpu_seconds_total");
    expect(names).toContain("nodejs_eventloop_lag_p99_seconds");
    expect(names).toContain("nodejs_heap_size_used_bytes");
    const build = samples.find(({ name }) => name === "headrace_build_info");
    expect(build?.labels["version"]).toMatch(/^\d+\.\d+\.\d+/);
  });
});

describe("access to metrics", () => {
  test("where keys are in use, only admins may read them, and everybody else is told so", async () => {
    const keys = [
      { name: "ops", key: "sk-headrace-ops-0123456789", role: "admin" as const },
      { name: "app", key: "sk-headrace-app-0123456789" },
    ];
    const { url } = await startGateway({ access: { keys } });
    const read = (key: string) => fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${key}` } });
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    expect((await read("sk-headrace-ops-0123456789")).status).toBe(200);
    const refused = await read("sk-headrace-app-0123456789");
    expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining("HEADRACE_ADMIN_KEYS")]);
  });

  test("switched off, they are nowhere", async () => {
    const { url } = await startGateway({ telemetry: { metrics: false } });
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
  });
});

test("the log says how many entries share a transaction", async () => {
  const path = join(await temporaryFolder(), "headrace.db");
  const { headrace } = await startGateway({ log: { store: "sqlite", path } });
  await headrace.stream({ model: "sim/instant", prompt: "hello" }).final;
  const { samples } = await scrape(headrace);
  const commits = sumOf(samples, "headrace_log_commits_total");
  expect(commits).toBeGreaterThan(0);
  expect(sumOf(samples, "headrace_log_entries_total")).toBeGreaterThan(commits);
  expect(sumOf(samples, "headrace_log_failures_total")).toBe(0);
});
