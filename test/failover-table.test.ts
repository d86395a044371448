import { describe, expect, onTestFinished, test } from "vitest";

import { createHeadrace } from "../src/index.ts";
import type { ConfigInput } from "../src/index.ts";
import { createVirtualClock } from "../src/testing.ts";
import type { Behaviour } from "./support/fake-provider.ts";
import { canonicalAnswer, createFakeProvider } from "./support/fake-provider.ts";

/** Jitter is always in the middle, ids are counted. */
function countingRandomness() {
  let count = 0;
  return { number: () => 0.5, bytes: (length: number) => new Uint8Array(length).fill(count++ % 248) };
}

/** What the plainest of clients makes of an answer: comments ignored, unparsable data skipped, an error is an error. */
interface Received {
  status: number;
  target: string | null;
  shouldRetry: string | null;
  retryAfter: string | null;
  models: Set<string>;
  text: string;
  error: { code: string | null; type: string } | undefined;
  hasUsage: boolean;
  /** The body ended cleanly. */
  isWhole: boolean;
  tookMs: number;
}

/** One provider with a primary and a fallback, whose fallback is named by the request or by the route. */
async function openTable(
  fallbackBy: string,
  primary: (call: number, atMs: number) => Behaviour,
  fallback: Behaviour = {},
) {
  const clock = createVirtualClock();
  const provider = createFakeProvider(clock, { primary, fallback: () => fallback });
  const config: ConfigInput = {
    log: { store: "memory" },
    providers: { fake: { vendor: "openai-compatible", baseUrl: "http://fake.test/v1" } },
    routes: { smart: { targets: ["fake/primary", "fake/fallback"] } },
  };
  const outside = { clock, fetch: provider.fetch, randomness: countingRandomness(), environment: {}, report: () => {} };
  const headrace = await createHeadrace(config, outside);
  onTestFinished(() => headrace.close());

  const ask = async (options: object = {}): Promise<Received> => {
    const byRoute = fallbackBy === "a route";
    const body = {
      model: byRoute ? "smart" : "fake/primary",
      messages: [{ role: "user", content: "Say the sixty words." }],
      stream: true,
      stream_options: { include_usage: true },
      ...(!byRoute && { headrace: { fallbacks: ["fake/fallback"], ...options } }),
    };
    const startedAt = clock.elapsed();
    const received: Received = {
      status: 0,
      target: null,
      shouldRetry: null,
      retryAfter: null,
      models: new Set(),
      text: "",
      error: undefined,
      hasUsage: false,
      isWhole: false,
      tookMs: 0,
    };
    const answer = receive(headrace.fetch, body, received).finally(() => {
      received.tookMs = clock.elapsed() - startedAt;
    });
    let isOver = false;
    void answer.finally(() => (isOver = true));
    while (!isOver && clock.elapsed() - startedAt < 120_000) await clock.advance(20);
    return answer;
  };
  return { clock, ask, ...provider };
}

async function receive(
  fetch: (request: Request) => Promise<Response>,
  body: object,
  received: Received,
): Promise<Received> {
  const headers = { "content-type": "application/json" };
  const url = "http://127.0.0.1/v1/chat/completions";
  const response = await fetch(new Request(url, { method: "POST", headers, body: JSON.stringify(body) }));
  received.status = response.status;
  received.shouldRetry = response.headers.get("x-should-retry");
  received.retryAfter = response.headers.get("retry-after");
  received.target = response.headers.get("headrace-target");
  if (response.status !== 200) {
    received.error = ((await response.json()) as { error: NonNullable<Received["error"]> }).error;
    return received;
  }
  try {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("data:")) readData(line.slice(5).trim(), received);
    }
    received.isWhole = received.error === undefined;
  } catch {
    // A body that breaks off is what `isWhole` is about.
  }
  return received;
}

function readData(data: string, received: Received): void {
  let chunk: {
    model?: string;
    error?: Received["error"];
    usage?: unknown;
    choices?: { delta?: { content?: string } }[];
  };
  try {
    chunk = JSON.parse(data) as typeof chunk;
  } catch {
    return;
  }
  if (chunk.error !== undefined) received.error = chunk.error;
  if (chunk.usage) received.hasUsage = true;
  if (chunk.model !== undefined) received.models.add(chunk.model);
  received.text += chunk.choices?.[0]?.delta?.content ?? "";
}

function expectWhole(received: Received): void {
  expect(received.error).toBeUndefined();
  expect(received.status).toBe(200);
  expect(received.text).toBe(canonicalAnswer);
  expect(received.isWhole).toBe(true);
}

const limited = (seconds?: number): Behaviour => ({
  status: 429,
  error: { code: "rate_limit_exceeded" },
  ...(seconds !== undefined && { headers: { "retry-after": String(seconds) } }),
});
describe.each(["the request", "a route"])("with default settings and one fallback, named by %s", (fallbackBy) => {
  test("(1) one 429 with Retry-After 2 is waited for, at the same target", async () => {
    const table = await openTable(fallbackBy, (call) => (call === 0 ? limited(2) : {}));
    expectWhole(await table.ask());
    expect(table.calls.map(({ model, at }) => [model, at])).toEqual([
      ["primary", 0],
      ["primary", 2_000],
    ]);
  });

  test.each([
    ["without Retry-After", limited()],
    ["with Retry-After 1", limited(1)],
    ["with Retry-After 60", limited(60)],
  ])("(2) a 429 that stays, %s, costs at most four attempts in three seconds", async (_form, refusal) => {
    const table = await openTable(fallbackBy, () => refusal);
    expectWhole(await table.ask());
    expect(table.calls.filter(({ at }) => at <= 3_000).length).toBeLessThanOrEqual(4);
  });

  test("(3) one 500 is tried again at the same target", async () => {
    const table = await openTable(fallbackBy, (call) => (call === 0 ? { status: 500 } : {}));
    expectWhole(await table.ask());
    expect(table.calls.map(({ model }) => model)).toEqual(["primary", "primary"]);
  });

  test("(4) a 503 that stays leads to the fallback", async () => {
    const table = await openTable(fallbackBy, () => ({ status: 503 }));
    expectWhole(await table.ask());
    expect(table.callsOf("fallback")).toHaveLength(1);
  });

  test("(5) a reset before the headers is not seen", async () => {
    const table = await openTable(fallbackBy, () => ({ resets: true }));
    expectWhole(await table.ask());
  });

  test("(6) silence for 120 s costs at most 100 s and one call of the primary", async () => {
    const table = await openTable(fallbackBy, () => ({ silentMs: 120_000 }));
    const received = await table.ask();
    expectWhole(received);
    expect(received.tookMs).toBeLessThan(100_000);
    expect(table.callsOf("primary")).toHaveLength(1);
    expect(table.callsOf("primary")[0]?.abortedAt).toBeDefined();
  });

  test("(7) a first token after 20 s is not waited for: served within 15 s", async () => {
    const table = await openTable(fallbackBy, () => ({ firstWordMs: 20_000 }));
    const received = await table.ask();
    expectWhole(received);
    expect(received.tookMs).toBeLessThan(15_000);
  });

  test.each([
    ["once", (call: number): Behaviour => (call === 0 ? { words: 40, ending: "cut" } : {}), ["primary", "primary"]],
    ["always", (): Behaviour => ({ words: 40, ending: "cut" }), ["primary", "primary", "fallback"]],
  ])("(8) a cut after 40 words, %s, is not seen", async (_how, primary, models) => {
    const table = await openTable(fallbackBy, primary);
    const received = await table.ask();
    expectWhole(received);
    expect(table.calls.map(({ model }) => model)).toEqual(models);
    expect(received.hasUsage).toBe(true);
  });

  test.each([
    ["once", (call: number): Behaviour => (call === 0 ? { words: 20, ending: "hang" } : {})],
    ["always", (): Behaviour => ({ words: 20, ending: "hang" })],
  ])("(9) a stall after 20 words, %s, is not seen, and the silent call is aborted first", async (_how, primary) => {
    const table = await openTable(fallbackBy, primary);
    const received = await table.ask();
    expectWhole(received);
    expect(received.tookMs).toBeLessThan(40_000);
    expect(table.calls[0]?.abortedAt).toBeLessThanOrEqual(table.calls[1]?.at ?? 0);
  });

  test("(10) a malformed event more is skipped", async () => {
    const table = await openTable(fallbackBy, () => ({ malformedAfter: 30 }));
    expectWhole(await table.ask());
    expect(table.calls).toHaveLength(1);
  });

  test.each(["no-end-marker", "hang-after-finish"] as const)(
    "(11) an answer whose end marker is missing (%s) is whole within 8 s, its usage included",
    async (ending) => {
      const table = await openTable(fallbackBy, () => ({ ending }));
      const received = await table.ask();
      expectWhole(received);
      expect(received.tookMs).toBeLessThan(8_000);
      expect(received.hasUsage).toBe(true);
      expect(table.calls).toHaveLength(1);
    },
  );

  test("(11) an answer that ends without a finish reason is gone on with", async () => {
    const table = await openTable(fallbackBy, (call) => (call === 0 ? { ending: "no-finish" } : {}));
    const received = await table.ask();
    expectWhole(received);
    expect(received.tookMs).toBeLessThan(8_000);
    expect(received.hasUsage).toBe(true);
  });

  test("(12) a context that is too long is not tried again, but elsewhere", async () => {
    const refusal = { status: 400, error: { code: "context_length_exceeded" } };
    const table = await openTable(fallbackBy, () => refusal);
    expectWhole(await table.ask());
    expect(table.calls.map(({ model }) => model)).toEqual(["primary", "fallback"]);
  });

  test("(13) what the content policy refuses stays refused: a clean error after one attempt", async () => {
    const refusal = { status: 400, error: { code: "content_policy_violation" } };
    const table = await openTable(fallbackBy, () => refusal);
    const received = await table.ask();
    expect(received.status).toBe(400);
    expect(received.error).toMatchObject({ code: "content_filter", type: "invalid_request_error" });
    expect(JSON.stringify(received.error)).not.toContain("secret");
    expect(table.calls).toHaveLength(1);
  });

  test("(14) a cut after 40 words whose fallback refuses a prefix is not seen", async () => {
    const table = await openTable(fallbackBy, () => ({ words: 40, ending: "cut" }), { refusesPrefix: true });
    expectWhole(await table.ask());
    expect(table.calls.length).toBeLessThanOrEqual(5);
  });

  test("(15) while the primary is down for 60 s every call is served, and it is back at most 30 s after", async () => {
    const table = await openTable(fallbackBy, (_call, atMs) => (atMs < 60_000 ? { status: 503 } : {}));
    const usedPrimaryAt: number[] = [];
    for (let atMs = 0; atMs <= 100_000; atMs += 4_000) {
      await table.clock.advance(atMs - table.clock.elapsed());
      const before = table.callsOf("primary").length;
      const received = await table.ask();
      expectWhole(received);
      expect(table.callsOf("primary").length - before).toBeLessThanOrEqual(1);
      if (received.target === "fake/primary-served") usedPrimaryAt.push(atMs);
    }
    expect(usedPrimaryAt[0]).toBeLessThanOrEqual(90_000);
    expect(usedPrimaryAt.at(-1)).toBe(100_000);
  });

  test("(15) the same when it refuses connections", async () => {
    const table = await openTable(fallbackBy, (_call, atMs) => (atMs < 60_000 ? { resets: true } : {}));
    let backAt: number | undefined;
    for (let atMs = 0; atMs <= 100_000; atMs += 4_000) {
      await table.clock.advance(atMs - table.clock.elapsed());
      const received = await table.ask();
      expectWhole(received);
      if (received.target === "fake/primary-served") backAt ??= atMs;
    }
    expect(backAt).toBeLessThanOrEqual(90_000);
  });

  test("(16) the answer names the model that served, after at most six attempts", async () => {
    const table = await openTable(fallbackBy, () => ({ status: 503 }));
    const received = await table.ask();
    expectWhole(received);
    expect(received.target).toBe("fake/fallback-served");
    expect([...received.models]).toEqual(["fallback-served"]);
    expect(table.calls.length).toBeLessThanOrEqual(6);
  });
});

describe("when the fallback does not help either", () => {
  test("the client gets one error, in its protocol, with no word of the provider, and is told not to retry at once", async () => {
    const table = await openTable("a route", () => ({ status: 503 }), { status: 503 });
    const received = await table.ask();
    expect(received.status).toBe(503);
    expect(received.shouldRetry).toBe("false");
    expect(Number(received.retryAfter)).toBeGreaterThanOrEqual(1);
    expect(Number(received.retryAfter)).toBeLessThanOrEqual(5);
    expect(JSON.stringify(received.error)).not.toContain("secret");
    expect(table.calls.length).toBeLessThanOrEqual(3);
  });
});

describe("options of a request", () => {
  test("a fallback that is no route or model is refused with 400, before anything is called", async () => {
    const clock = createVirtualClock();
    const headrace = await createHeadrace({ log: { store: "memory" } }, { clock, environment: {}, report: () => {} });
    onTestFinished(() => headrace.close());
    const headers = { "content-type": "application/json", "headrace-fallbacks": "sim/instant, nobody/knows" };
    const body = JSON.stringify({ model: "sim/instant", messages: [{ role: "user", content: "Hi" }] });
    const ask = (more: Record<string, string>) =>
      headrace.fetch(
        new Request("http://127.0.0.1/v1/chat/completions", { method: "POST", headers: { ...headers, ...more }, body }),
      );
    const refused = await ask({});
    expect(refused.status).toBe(400);
    expect(((await refused.json()) as { error: { param: string; message: string } }).error).toMatchObject({
      param: "headrace.fallbacks",
      message: expect.stringContaining('"nobody/knows"') as string,
    });
    expect((await ask({ "headrace-fallbacks": "sim/gpt-4o", "headrace-hedge-after-ms": "soon" })).status).toBe(400);
    const served = await ask({ "headrace-fallbacks": "sim/gpt-4o", "headrace-hedge-after-ms": "500" });
    expect(served.status).toBe(200);
    expect(served.headers.get("headrace-target")).toBe("sim/instant");
  });

  test("an EventSource, which can set no headers, puts them into its query", async () => {
    const clock = createVirtualClock();
    const config = { log: { store: "memory" as const } };
    const headrace = await createHeadrace(config, { clock, environment: {}, randomness: countingRandomness() });
    onTestFinished(() => headrace.close());
    const model = encodeURIComponent("sim/instant?fault=503");
    const url = `http://127.0.0.1/stream?prompt=Hi&model=${model}&headrace-fallbacks=`;
    const answer = await headrace.fetch(new Request(`${url}sim/instant`));
    expect(answer.headers.get("headrace-target")).toBe("sim/instant");
    expect(await answer.text()).toContain("event: done");
    expect((await headrace.fetch(new Request(`${url}nobody/knows`))).status).toBe(400);
  });

  test("`hedgeAfterMs` decides when the second target is raced", async () => {
    const table = await openTable("the request", () => ({ firstWordMs: 8_000 }), {});
    expect((await table.ask()).target).toBe("fake/primary-served");
    expect((await table.ask({ hedgeAfterMs: 1_000 })).target).toBe("fake/fallback-served");
  });
});
