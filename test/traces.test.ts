import { describe, expect, test } from "vitest";

import { eventually, startGateway } from "./support/gateway.ts";
import { canary, openObserved } from "./support/observed-gateway.ts";
import type { ReceivedSpan } from "./support/otlp-receiver.ts";
import { startOtlpReceiver } from "./support/otlp-receiver.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const callerSpan = "00f067aa0ba902b7";

function below(spans: readonly ReceivedSpan[], { spanId }: ReceivedSpan): ReceivedSpan[] {
  return spans
    .filter(({ parentSpanId }) => parentSpanId === spanId)
    .toSorted((a, b) => Number(a.attributes["headrace.attempt"]) - Number(b.attributes["headrace.attempt"]));
}

function only(spans: readonly ReceivedSpan[], kind: ReceivedSpan["kind"] = "server"): ReceivedSpan {
  const found = spans.filter((span) => span.kind === kind);
  expect(found).toHaveLength(1);
  return found[0] as ReceivedSpan;
}

/** What a collector has got of these streams once everything is closed. */
async function tracesOf(
  routes: readonly string[],
  { headers = {}, telemetry = {} }: { headers?: Record<string, string>; telemetry?: object } = {},
) {
  const collector = await startOtlpReceiver();
  const observed = await openObserved({ tracesUrl: collector.tracesUrl, ...telemetry });
  for (const route of routes) await observed.read(route, headers);
  await observed.headrace.close();
  return { ...collector, observed };
}

describe("a stream in a trace", () => {
  test("is one server span with a client span per attempt, timed as it happened", async () => {
    const { spans } = await tracesOf(["whole"]);
    const stream = only(spans);
    expect(stream.name).toBe("POST /v1/chat/completions");
    expect(stream.parentSpanId).toBe("");
    expect(stream.attributes).toMatchObject({
      "http.request.method": "POST",
      "http.route": "/v1/chat/completions",
      "headrace.model": "whole",
      "headrace.outcome": "completed",
    });
    const [attempt, ...others] = below(spans, stream);
    expect(others).toEqual([]);
    expect(attempt).toMatchObject({ name: "chat whole", kind: "client", traceId: stream.traceId, isError: false });
    expect(attempt?.attributes).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "fake",
      "gen_ai.request.model": "whole",
      "gen_ai.request.stream": true,
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.response.time_to_first_chunk": 0.3,
      "gen_ai.usage.output_tokens": 60,
      "server.address": "fake.test",
      "server.port": 8080,
      "headrace.reason": "first",
    });
    expect((attempt?.endMs ?? 0) - (attempt?.startMs ?? 0)).toBeCloseTo(1_200, 3);
    expect(stream.endMs - stream.startMs).toBeCloseTo(1_200, 3);
    const [first] = stream.events;
    expect(first?.name).toBe("headrace.first_token");
    expect((first?.atMs ?? 0) - stream.startMs).toBeCloseTo(300, 3);
    expect(stream.resource).toMatchObject({ "service.name": "headrace" });
  });

  test("shows what failed, what was tried instead, and where the answer was joined", async () => {
    const { spans, observed } = await tracesOf(["refused", "retried", "recovered", "hedged"]);
    const [refused, retried, recovered, hedged] = ["refused", "retried", "recovered", "hedged"].map((model) => {
      return spans.find(({ kind, attributes }) => kind === "server" && attributes["headrace.model"] === model);
    }) as [ReceivedSpan, ReceivedSpan, ReceivedSpan, ReceivedSpan];
    const outcomes = (stream: ReceivedSpan): unknown[] =>
      below(spans, stream).map(({ attributes }) => [attributes["headrace.reason"], attributes["headrace.outcome"]]);
    const eventsOf = (stream: ReceivedSpan): string[] => stream.events.map(({ name }) => name);

    expect(refused).toMatchObject({ isError: true, statusMessage: "" });
    expect(refused.attributes["error.type"]).toBe("provider-rejected");
    expect(below(spans, refused)[0]?.attributes).toMatchObject({ "http.response.status_code": 400 });

    expect(outcomes(retried)).toEqual([
      ["first", "failed"],
      ["retry", "completed"],
    ]);
    expect(eventsOf(retried)).toEqual(["headrace.retry", "headrace.first_token"]);

    expect(outcomes(recovered).at(0)).toEqual(["first", "failed"]);
    expect(outcomes(recovered).at(-1)).toEqual(["recovery", "completed"]);
    const seam = recovered.events.find(({ name }) => name === "headrace.seam");
    const joined = observed.observations.find((one) => one.type === "seam-joined");
    expect(seam?.attributes).toMatchObject({ "headrace.from_attempt": 0, "headrace.to_attempt": joined?.toAttempt });
    expect(recovered.attributes["headrace.outcome"]).toBe("completed");

    expect(outcomes(hedged)).toEqual([
      ["first", "lost"],
      ["hedge", "completed"],
    ]);
    expect(eventsOf(hedged)).toEqual(["headrace.hedge", "headrace.first_token"]);
    expect(spans.filter(({ kind }) => kind === "client")).toHaveLength(observed.attempts().length);
  });

  test("lasts until the answer is over, though its request was gone long before", async () => {
    const collector = await startOtlpReceiver();
    const { headrace, ask, clock } = await openObserved({ tracesUrl: collector.tracesUrl });
    const asking = ask("whole");
    await clock.advance(400);
    const response = await asking;
    const id = response.headers.get("headrace-stream-id") ?? "";
    await response.body?.cancel();
    await clock.advance(200);
    const again = await headrace.fetch(new Request(`http://localhost/v1/streams/${id}?after=1-2`));
    await clock.runAll();
    await again.text();
    await headrace.close();
    const stream = only(collector.spans);
    expect(stream.endMs - stream.startMs).toBeCloseTo(1_200, 3);
    expect(stream.attributes["headrace.outcome"]).toBe("completed");
    const resume = stream.events.find(({ name }) => name === "headrace.resume");
    expect((resume?.atMs ?? 0) - stream.startMs).toBeCloseTo(600, 3);
    expect(below(collector.spans, stream)).toHaveLength(1);
  });

  test("of the library is internal, and has no route", async () => {
    const collector = await startOtlpReceiver();
    const { headrace, clock } = await openObserved({ tracesUrl: collector.tracesUrl });
    const answer = headrace.stream({ model: "whole", prompt: "hello" }).final;
    await clock.runAll();
    await answer;
    await headrace.close();
    const stream = only(collector.spans, "internal");
    expect(stream.name).toBe("chat whole");
    expect(stream.attributes).not.toHaveProperty("http.route");
  });
});

describe("trace context", () => {
  test("comes from the caller and goes to the provider", async () => {
    const headers = { traceparent: `00-${traceId}-${callerSpan}-01`, tracestate: `vendor=${canary}` };
    const { spans, observed } = await tracesOf(["retried"], { headers });
    const stream = only(spans);
    expect(stream).toMatchObject({ traceId, parentSpanId: callerSpan });
    const attempts = below(spans, stream);
    expect(attempts.map((span) => span.traceId)).toEqual([traceId, traceId]);
    expect(observed.fetched.map((call) => call.headers["traceparent"])).toEqual(
      attempts.map(({ spanId }) => `00-${traceId}-${spanId}-01`),
    );
    // What the caller's own tools have written there is nobody else's business.
    for (const call of observed.fetched) expect(call.headers).not.toHaveProperty("tracestate");
  });

  test("that the caller does not sample is passed on and not recorded", async () => {
    const headers = { traceparent: `00-${traceId}-${callerSpan}-00` };
    const { spans, observed } = await tracesOf(["whole"], { headers });
    expect(spans).toEqual([]);
    expect(observed.fetched[0]?.headers["traceparent"]).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
  });

  test.for([
    "",
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    "x".repeat(4_000),
  ])("that makes no sense is no context (%#)", async (traceparent) => {
    const { spans } = await tracesOf(["whole"], { headers: { traceparent } });
    expect(only(spans)).toMatchObject({ parentSpanId: "", name: "POST /v1/chat/completions" });
    expect(only(spans).traceId).not.toBe(traceId);
  });

  test("goes to no provider when there are no traces", async () => {
    const { read, fetched } = await openObserved();
    await read("whole", { traceparent: `00-${traceId}-${callerSpan}-01` });
    expect(fetched.map(({ headers }) => Object.keys(headers).filter((name) => name.startsWith("trace")))).toEqual([[]]);
  });
});

describe("what traces hold", () => {
  test("is no question, no answer, no key and nothing that a provider said", async () => {
    const { bodies } = await tracesOf(["whole", "refused", "recovered"]);
    expect(bodies.length).toBeGreaterThan(0);
    const sent = Buffer.concat(bodies).toString("latin1");
    expect(sent).not.toContain(canary);
    expect(sent).not.toContain("word1");
    expect(sent).not.toContain("secret words");
  });

  test("is questions and answers too, for who asks for them, but never a key", async () => {
    const { spans } = await tracesOf(["recovered"], { telemetry: { captureContent: true } });
    const { attributes } = only(spans);
    const asked = [{ role: "user", parts: [{ type: "text", content: `say ${canary}` }] }];
    expect(JSON.parse(String(attributes["gen_ai.input.messages"]))).toEqual(asked);
    const answered = JSON.parse(String(attributes["gen_ai.output.messages"])) as { parts: { content: string }[] }[];
    expect(answered[0]?.parts[0]?.content).toMatch(/^word1 .* word60 $/);
    expect(JSON.stringify(spans).split(canary)).toHaveLength(2);
  });
});

describe("a collector", () => {
  test.for([503, "nothing", "gone"] as const)("that answers %s disturbs no stream", async (answers) => {
    const url = answers === "gone" ? "http://127.0.0.1:9" : (await startOtlpReceiver({ answers })).url;
    const { headrace } = await startGateway({ telemetry: { tracesUrl: `${url}/v1/traces` } }, { report: () => {} });
    const { text } = await headrace.stream({ model: "sim/instant", prompt: "hello" }).final;
    expect(text).not.toBe("");
    const startedAt = performance.now();
    await headrace.close();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  test("that refuses traces is told of once, without what its address holds", async () => {
    const { url, bodies } = await startOtlpReceiver({ answers: 400 });
    const reports: string[] = [];
    const { headrace } = await startGateway(
      { telemetry: { tracesUrl: `${url.replace("//", `//user:${canary}@`)}/v1/traces` } },
      { report: (error) => reports.push(error.message), environment: { OTEL_BSP_SCHEDULE_DELAY: "10" } },
    );
    for (const sent of [1, 2]) {
      await headrace.stream({ model: "sim/instant", prompt: "hello" }).final;
      await eventually(() => bodies.length >= sent, `${sent} tries`);
    }
    expect(reports).toEqual([`traces cannot be sent to ${url}; answers are not affected`]);
  });

  test("that OpenTelemetry's own variables name gets traces, with the headers that they name", async () => {
    const { url, spans, headers } = await startOtlpReceiver();
    const environment = {
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_HEADERS: "x-team=a%20b,authorization=Bearer%20otlp",
      OTEL_SERVICE_NAME: "edge",
      OTEL_BSP_SCHEDULE_DELAY: "20",
    };
    const { headrace } = await startGateway({}, { environment });
    await headrace.stream({ model: "sim/instant", prompt: "hello" }).final;
    await eventually(() => spans.length >= 2, "two spans at the collector");
    expect(headers[0]).toMatchObject({ "x-team": "a b", authorization: "Bearer otlp" });
    expect(spans[0]?.resource["service.name"]).toBe("edge");
  });

  test.for([{ OTEL_SDK_DISABLED: "true" }, { OTEL_TRACES_EXPORTER: "none" }, { OTEL_TRACES_SAMPLER: "always_off" }])(
    "gets nothing when the variables say so: %o",
    async (variables) => {
      const { url, bodies } = await startOtlpReceiver();
      const { headrace } = await startGateway({}, { environment: { OTEL_EXPORTER_OTLP_ENDPOINT: url, ...variables } });
      await headrace.stream({ model: "sim/instant", prompt: "hello" }).final;
      await headrace.close();
      expect(bodies).toEqual([]);
    },
  );
});
