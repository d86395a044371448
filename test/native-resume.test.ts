import { describe, expect, test } from "vitest";

import { events as eventsProtocol } from "../src/protocols/events.ts";
import type { StreamEvent } from "../src/core/events.ts";
import type { AttemptEnded } from "../src/core/observer.ts";
import type { UserModel } from "../src/core/user-model.ts";
import { createHeadrace } from "../src/index.ts";
import type { VirtualClock } from "../src/testing.ts";
import type { TwoGatewaysOptions } from "./support/two-gateways.ts";
import { askFront, openTwoGateways } from "./support/two-gateways.ts";

const words = Array.from({ length: 12 }, (_value, index) => `word${index + 1} `);
const wholeText = words.join("");

/** Thinks, speaks, calls a tool: everything that other ways to go on would have to give up on. */
const everything: (string | StreamEvent)[] = [
  { type: "reasoning-delta", text: "Let me " },
  { type: "reasoning-delta", text: "think." },
  { type: "reasoning-signature", signature: "c2ln" },
  ...words.slice(0, 5),
  { type: "tool-call-start", call: 0, callId: "call_1", name: "look_up", kind: "function" },
  { type: "tool-call-delta", call: 0, argumentsText: '{"word":' },
  { type: "tool-call-delta", call: 0, argumentsText: '"river"}' },
  { type: "finish", reason: "tool_calls" },
  { type: "usage", usage: { inputTokens: 7, outputTokens: 40 } },
];

/** A model that says `steps`, one every 10 ms of the clock that it is given. */
function poetOf(steps: readonly (string | StreamEvent)[]) {
  const state = { clock: undefined as VirtualClock | undefined, started: 0, aborted: 0 };
  const poet: UserModel = async function* (_input, { signal }) {
    state.started++;
    signal.addEventListener("abort", () => state.aborted++, { once: true });
    for (const step of steps) {
      await state.clock?.sleep(10, { signal });
      yield step;
    }
  };
  return { poet, state };
}

async function open(options: Omit<TwoGatewaysOptions, "poet">, steps: readonly (string | StreamEvent)[] = words) {
  const { poet, state } = poetOf(steps);
  const gateways = await openTwoGateways({ ...options, poet });
  state.clock = gateways.clock;
  const ended = (): AttemptEnded[] => gateways.observed.filter((one) => one.type === "attempt-ended");
  const ask = (path: string, more: object = {}) =>
    askFront(gateways, path, {
      model: "behind/poet",
      ...(path === "/v1/responses" ? { input: "Speak." } : { messages: [{ role: "user", content: "Speak." }] }),
      stream: true,
      ...more,
    });
  return { ...gateways, state, ended, ask };
}

describe.each(["headrace", "background"] as const)("a connection that is cut (%s)", (provider) => {
  test.each(["/v1/streams", "/v1/responses", "/v1/chat/completions"])(
    "at any frame changes nothing of what %s says",
    async (path) => {
      const whole = withoutSeams((await (await open({ provider }, everything)).ask(path)).text);
      let resumed = 0;
      for (let k = 0, isCut = true; isCut; k++) {
        const gateways = await open({ provider, cutAfter: (call) => (call === 0 ? k : undefined) }, everything);
        const { text, events } = await gateways.ask(path);
        isCut = gateways.calls.length > 1;
        // Before the first step nobody has seen anything, so another answer is as good.
        const isResumed = gateways.calls.some(({ method }) => method === "GET");
        if (isResumed) resumed++;
        const seams = isResumed && path === "/v1/streams" ? [nativeSeam] : [];
        expect(seamsOf(events), `cut after ${k} frames`).toEqual(seams);
        expect(gateways.state, `cut after ${k} frames`).toMatchObject(isResumed ? { started: 1, aborted: 0 } : {});
        expect(isResumed ? withoutSeams(text) : whole, `cut after ${k} frames`).toBe(whole);
        expect(text, `cut after ${k} frames`).toContain("word5");
      }
      // One for each step of the answer at least.
      expect(resumed).toBeGreaterThanOrEqual(everything.length - 1);
    },
  );

  test("again and again costs nothing either, and counts against no limit", async () => {
    const gateways = await open({ provider, cutAfter: (call) => (call === 0 ? 7 : 3) }, words);
    const { events } = await gateways.ask("/v1/streams");
    expect(textOf(events)).toBe(wholeText);
    expect(seamsOf(events).length).toBeGreaterThan(2);
    expect(events.at(-1)).toMatchObject({ type: "stream-end", outcome: "completed" });
    expect(gateways.state.started).toBe(1);
  });

  test("is one generation, whose attempts together are counted once", async () => {
    const gateways = await open({ provider, cutAfter: (call) => (call === 0 ? 14 : undefined) }, everything);
    const { events } = await gateways.ask("/v1/streams");
    const reported = events.find(({ type }) => type === "usage")?.["usage"] as { inputTokens: number };
    const rows = gateways.ended();
    expect(rows.map(({ attempt, reason, outcome }) => [attempt, reason, outcome])).toEqual([
      [0, "first", "failed"],
      [1, "recovery", "completed"],
    ]);
    expect(reported).toMatchObject({ inputTokens: 7, outputTokens: 40 });
    for (const part of ["inputTokens", "outputTokens"] as const) {
      const sum = rows.reduce((total, { usage }) => total + (usage?.[part] ?? Number.NaN), 0);
      expect(sum, part).toBe({ inputTokens: 7, outputTokens: 40 }[part]);
    }
  });

  test("between the end of the words and the usage still gives the provider's usage", async () => {
    const whole = await (await open({ provider }, everything)).ask("/v1/streams");
    const usage = whole.events.find(({ type }) => type === "usage");
    expect(usage).toMatchObject({ usage: { inputTokens: 7, outputTokens: 40 } });
    for (const k of [16, 17, 18, 30, 31, 32]) {
      const gateways = await open({ provider, cutAfter: (call) => (call === 0 ? k : undefined) }, everything);
      const { events } = await gateways.ask("/v1/streams");
      expect(
        events.find(({ type }) => type === "usage"),
        `cut after ${k} frames`,
      ).toEqual(usage);
    }
  });
});

describe("what no other way to go on could continue", () => {
  test("a connection that falls silent is closed, and then resumed", async () => {
    let aborted: { at: number } | undefined;
    const gateways = await open({
      provider: "headrace",
      silentAfter: (call) => (call === 0 ? 6 : undefined),
      onAbort: (call, at) => {
        if (call === 0) aborted = { at };
      },
    });
    const { events } = await gateways.ask("/v1/streams");
    expect(textOf(events)).toBe(wholeText);
    expect(seamsOf(events)).toEqual([nativeSeam]);
    const [, resume] = gateways.calls;
    expect(aborted?.at).toBeLessThanOrEqual(resume?.at ?? 0);
    expect(gateways.state.started).toBe(1);
  });

  test("several answers to one request", async () => {
    const ask = async (cutAfter?: (call: number) => number | undefined) => {
      const gateways = await open({ provider: "headrace", ...(cutAfter && { cutAfter }) });
      const model = "behind/sim/instant?words=20&interval=10";
      const { events } = await gateways.ask("/v1/streams", { model, n: 2 });
      return { events, seams: seamsOf(events) };
    };
    const whole = await ask();
    const broken = await ask((call) => (call === 0 ? 15 : undefined));
    expect(new Set(whole.events.map(({ choice }) => choice))).toContain(1);
    expect(broken.seams).toEqual([nativeSeam]);
    const steps = (events: Record<string, unknown>[]) => events.slice(1).filter(({ type }) => type !== "seam");
    expect(steps(broken.events)).toEqual(steps(whole.events));
  });

  test("tool calls that are held back until they are complete", async () => {
    const config = { routes: { safe: { targets: ["behind/poet"], toolCalls: "atomic" as const } } };
    for (let k = 8; k < 14; k++) {
      const cutAfter = (call: number): number | undefined => (call === 0 ? k : undefined);
      const gateways = await open({ provider: "headrace", cutAfter, config }, everything);
      const { events } = await gateways.ask("/v1/streams", { model: "safe" });
      const called = events.filter(({ type }) => type === "tool-call-delta").map(({ argumentsText }) => argumentsText);
      expect(called.join(""), `cut after ${k} frames`).toBe('{"word":"river"}');
      expect(seamsOf(events), `cut after ${k} frames`).toEqual([nativeSeam]);
      expect(gateways.state.started).toBe(1);
    }
  });

  test("attempts and seams of the gateway behind are not taken for those in front", () => {
    const reader = eventsProtocol.createEventReader({});
    const frame = (event: object, seq: number) => `id: st_1:0-${seq}\ndata: ${JSON.stringify(event)}\n\n`;
    const body = [
      { type: "attempt-start", provider: "a", model: "m" },
      { type: "text-delta", text: "one " },
      nativeSeam,
      { type: "attempt-start", provider: "b", model: "m", attempt: 3 },
      { type: "text-delta", text: "two", more: true },
      { type: "finish", reason: "stop" },
    ].map(frame);
    const read = (text: string) => reader.push(new TextEncoder().encode(text));
    expect(read(body.slice(0, 5).join(""))).toEqual([
      { type: "attempt-start", provider: "a", model: "m" },
      { type: "text-delta", text: "one " },
      { type: "attempt-start", provider: "b", model: "m" },
    ]);
    expect(reader.position, "half a frame of the provider's is fetched again").toEqual({ id: "st_1", after: "0-3" });
    reader.reopen?.();
    expect(read(body.slice(4).join(""))).toHaveLength(2);
  });
});

describe("row 29: a resume that fails leads to the next way to go on", () => {
  const cutAfter = (call: number): number | undefined => (call === 0 ? 10 : undefined);
  const isResume = (method: string): boolean => method === "GET";
  const stopOf = { headrace: "DELETE /v1/streams/", background: "POST /v1/responses/" } as const;
  const stops = (calls: readonly { method: string; path: string }[], provider: keyof typeof stopOf) =>
    calls.map(({ method, path }) => `${method} ${path}`).filter((call) => isStop(call, provider));
  const isStop = (call: string, provider: keyof typeof stopOf): boolean =>
    call.startsWith(stopOf[provider]) && (provider === "headrace" || call.endsWith("/cancel"));

  describe.each(["headrace", "background"] as const)("%s", (provider) => {
    async function ask(instead: NonNullable<TwoGatewaysOptions["instead"]>) {
      const gateways = await open({ provider, cutAfter, instead });
      const { events } = await gateways.ask("/v1/streams");
      expect(textOf(events)).toBe(wholeText);
      expect(events.at(-1)).toMatchObject({ type: "stream-end", outcome: "completed" });
      expect(seamsOf(events)).toMatchObject([{ fromAttempt: 0, rung: "prefix-match" }]);
      expect(stops(gateways.calls, provider), "the old generation is stopped").toHaveLength(1);
      const resumedAt = gateways.calls.find(({ method }) => isResume(method))?.at ?? Number.NaN;
      const nextAt = gateways.calls.find(({ method, path, at }) => {
        return method === "POST" && at >= resumedAt && !isStop(`POST ${path}`, provider);
      })?.at;
      return { ...gateways, events, tookMs: (nextAt ?? Number.NaN) - resumedAt };
    }

    test.each([404, 410])("gone (%d): at once", async (status) => {
      const { tookMs, state } = await ask(({ method }) =>
        isResume(method) ? Promise.resolve(Response.json({ error: { message: "gone" } }, { status })) : undefined,
      );
      expect(state, "the old generation ends early").toMatchObject({ started: 2, aborted: 1 });
      expect(tookMs).toBeLessThanOrEqual(100);
    });

    test("no answer at all: within 5 s", async () => {
      const { tookMs } = await ask(({ method }) => (isResume(method) ? new Promise(() => {}) : undefined));
      expect(tookMs).toBeGreaterThanOrEqual(4_900);
      expect(tookMs).toBeLessThanOrEqual(5_200);
    });

    test("a document in place of a stream: at once", async () => {
      const { tookMs } = await ask(({ method }) =>
        isResume(method) ? Promise.resolve(Response.json({ id: "resp_1", status: "in_progress" })) : undefined,
      );
      expect(tookMs).toBeLessThanOrEqual(100);
    });
  });

  test("stuck in the queue: after 30 s", async () => {
    const gateways = await open({
      provider: "background",
      cutAfter,
      instead: ({ method, url, clock }) => (isResume(method) ? Promise.resolve(queued(url, clock)) : undefined),
    });
    const { events } = await gateways.ask("/v1/streams");
    expect(textOf(events)).toBe(wholeText);
    expect(stops(gateways.calls, "background")).toHaveLength(1);
    const [, resume, , next] = gateways.calls;
    expect(resume?.method).toBe("GET");
    const waitedMs = (next?.at ?? 0) - (resume?.at ?? 0);
    expect(waitedMs).toBeGreaterThanOrEqual(29_900);
    expect(waitedMs).toBeLessThanOrEqual(30_300);
  });

  test("a provider that leaves something out is not believed", async () => {
    const gateways = await open({
      provider: "background",
      cutAfter,
      instead: ({ method, url }) =>
        isResume(method)
          ? url.replace(/(starting_after=)(\d+)/, (_all, name, n) => `${name}${Number(n) + 1}`)
          : undefined,
    });
    const { events } = await gateways.ask("/v1/streams");
    expect(textOf(events)).toBe(wholeText);
    expect(seamsOf(events)).toMatchObject([{ rung: "prefix-match" }]);
  });

  test("one that repeats everything is listened to from where it is new", async () => {
    const gateways = await open({
      provider: "background",
      cutAfter,
      instead: ({ method, url }) => (isResume(method) ? url.replace(/&starting_after=\d+/, "") : undefined),
    });
    const { events } = await gateways.ask("/v1/streams");
    expect(textOf(events)).toBe(wholeText);
    expect(seamsOf(events)).toEqual([nativeSeam]);
    expect(gateways.state.started).toBe(1);
  });

  test("one that is being restarted is asked again for a moment", async () => {
    let refusals = 3;
    const gateways = await open({
      provider: "headrace",
      cutAfter,
      instead: ({ method }) => {
        return isResume(method) && refusals-- > 0 ? Promise.reject(new TypeError("ECONNREFUSED")) : undefined;
      },
    });
    const { events } = await gateways.ask("/v1/streams");
    expect(textOf(events)).toBe(wholeText);
    expect(seamsOf(events)).toEqual([nativeSeam]);
    expect(gateways.state.started).toBe(1);
  });
});

describe("what nobody wants any more is stopped at its provider", () => {
  test.each(["headrace", "background"] as const)("when the answer is stopped (%s)", async (provider) => {
    const gateways = await open({ provider });
    const asked = gateways.ask("/v1/streams");
    await gateways.clock.advance(60);
    const [stream] = await gateways.front.streams.list({ owner: "", limit: 1 });
    const stoppedAt = gateways.clock.elapsed();
    await gateways.front.streams.stop(stream?.id ?? "");
    await asked;
    const [, stop] = gateways.calls;
    expect(stop?.method).toBe(provider === "headrace" ? "DELETE" : "POST");
    expect((stop?.at ?? Number.NaN) - stoppedAt).toBeLessThanOrEqual(250);
    expect(gateways.state.aborted).toBe(1);
  });

  test("when it broke and recovery is off", async () => {
    const gateways = await open({
      provider: "headrace",
      cutAfter: (call) => (call === 0 ? 6 : undefined),
      config: { reliability: { recovery: "off" } },
    });
    const { events } = await gateways.ask("/v1/streams");
    expect(events.at(-1)).toMatchObject({ type: "stream-end", error: { code: "stream-truncated" } });
    expect(gateways.calls.map(({ method }) => method)).toEqual(["POST", "DELETE"]);
    expect(gateways.state.aborted).toBe(1);
  });

  test("nothing is stopped that came to its end", async () => {
    const gateways = await open({ provider: "headrace", cutAfter: (call) => (call === 0 ? 6 : undefined) });
    await gateways.ask("/v1/streams");
    await gateways.clock.advance(60_000);
    expect(gateways.calls.map(({ method }) => method)).toEqual(["POST", "GET"]);
  });
});

describe("answers in the background", () => {
  test("are asked for and stored, unless the caller wants nothing stored", async () => {
    const bodies: Record<string, unknown>[] = [];
    const gateways = await open({ provider: "background" });
    const { fetch } = gateways.behind;
    gateways.behind.fetch = (request, bindings) => {
      if (request.method !== "POST") return fetch(request, bindings);
      void request
        .clone()
        .json()
        .then((body) => bodies.push(body as Record<string, unknown>));
      return fetch(request, bindings);
    };
    await gateways.ask("/v1/responses");
    const { text } = await gateways.ask("/v1/responses", { store: false });
    expect(bodies).toMatchObject([
      { background: true, store: true, stream: true },
      { store: false, stream: true },
    ]);
    expect(bodies[1]).not.toHaveProperty("background");
    expect(text).toContain("word12");
  });

  test("are refused where the vendor has none", async () => {
    const provider = { vendor: "openai", apiKey: "key", background: true };
    await expect(createHeadrace({ log: { store: "memory" }, providers: { main: provider } })).rejects.toThrow(
      /providers\.main\.background: OpenAI has no answers in the background; openai-responses, azure-openai-responses have/,
    );
  });
});

const nativeSeam = { type: "seam", fromAttempt: 0, toAttempt: 1, rung: "native-resume", overlap: 0, confidence: 1 };
const seamsOf = (events: readonly Record<string, unknown>[]) => events.filter(({ type }) => type === "seam");
const textOf = (events: readonly Record<string, unknown>[]) =>
  events.map(({ type, text }) => (type === "text-delta" ? text : "")).join("");

/** A response that stays in its queue, with a sign of life now and then. */
function queued(url: string, clock: VirtualClock): Response {
  const number = Number(/starting_after=(\d+)/.exec(url)?.[1]) + 1;
  const id = /responses\/([^?]+)/.exec(url)?.[1];
  const response = { id, object: "response", created_at: 1, model: "poet", status: "queued", output: [] };
  const frame = { type: "response.queued", sequence_number: number, response };
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(`event: response.queued\ndata: ${JSON.stringify(frame)}\n\n`));
    },
    async pull(controller) {
      await clock.sleep(4_000);
      controller.enqueue(encoder.encode(": waiting\n\n"));
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** Frames without the seams, which are comments to most clients, and without the positions that a seam moves. */
function withoutSeams(text: string): string {
  return text
    .split("\n\n")
    .filter((frame) => !frame.includes('"type":"seam"') && !frame.startsWith(": seam "))
    .map((frame) => frame.replace(/^id: .*\n/, ""))
    .join("\n\n");
}
