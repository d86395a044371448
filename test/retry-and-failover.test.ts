import { describe, expect, test } from "vitest";

import { parseConfig } from "../src/config.ts";
import { SeededRandom } from "../src/providers/simulator/random.ts";
import { Reliability } from "../src/reliability/reliability.ts";
import { remedyFor } from "../src/reliability/remedy.ts";
import { hang, read, refusal } from "./support/scripted-source.ts";
import { sturdy } from "./support/scripted-targets.ts";

const words = ["one ", "two ", "three"];
const whole = "one two three";

async function run(parts: ReturnType<typeof sturdy>, forMs = 60_000) {
  const reading = read(parts.source);
  await parts.clock.advance(forMs);
  return reading;
}

describe("a provider that refuses before its first token", () => {
  test.each([
    ["row 1: a refused connection", refusal.unreachable()],
    ["row 6: a 500", refusal.serverError()],
    ["row 6: a 503", refusal.overloaded()],
    ["row 8: an error as the first event", refusal.errorEvent()],
    ["row 9: an empty answer", refusal.truncated()],
  ])("%s, once, is not seen by anybody", async (_row, error) => {
    const parts = sturdy({ only: [[error], words] });
    const reading = await run(parts);
    expect(reading.text).toBe(whole);
    expect(reading.events.filter(({ type }) => type === "attempt-start")).toHaveLength(1);
    expect(parts.providers["only"]?.count).toBe(2);
  });

  test("row 6: an error that stays is tried three times in all, then passed on", async () => {
    const parts = sturdy({ only: [[refusal.overloaded()]] });
    const reading = await run(parts);
    expect(reading.error?.code).toBe("provider-overloaded");
    expect(parts.providers["only"]?.count).toBe(3);
  });

  test("waits grow: up to 0.5 s, then up to 1 s, at random", async () => {
    const parts = sturdy({ only: [[refusal.overloaded()]] });
    await run(parts);
    expect(parts.providers["only"]?.calls.map(({ at }) => at)).toEqual([0, 250, 750]);
  });

  test("row 8: what comes before the first content is not seen either", async () => {
    const preamble = { type: "block-start", kind: "text" } as const;
    const parts = sturdy({ only: [[preamble, "", refusal.errorEvent()], words] });
    const reading = await run(parts);
    expect(reading.events.map(({ type }) => type)).toEqual([
      "attempt-start",
      "text-delta",
      "text-delta",
      "text-delta",
      "finish",
      "stream-end",
    ]);
    expect(reading.events[0]).toMatchObject({ attempt: 1 });
  });

  test("nothing is tried again once a word was seen, when recovery is off", async () => {
    const parts = sturdy({ first: [["one ", refusal.serverError()]], second: [words] }, { recovery: "off" });
    const reading = await run(parts);
    expect(reading.text).toBe("one ");
    expect(reading.error?.code).toBe("provider-error");
    expect(parts.providers["second"]?.count).toBe(0);
  });

  test("an answer of which one choice is finished and another one is not never looks complete", async () => {
    const other = { type: "text-delta", choice: 1, text: "other" } as const;
    const parts = sturdy({ first: [["one", other, { type: "finish", reason: "stop" }, refusal.truncated()]] });
    const reading = await run(parts);
    expect(reading.error?.code).toBe("stream-truncated");
    expect(parts.providers["first"]?.count).toBe(1);
  });

  test.each([400, 413, 422])("row 7: %i is passed on at once", async (status) => {
    const parts = sturdy({ first: [[refusal.rejected(status)]], second: [words] });
    const reading = await run(parts);
    expect(reading.error?.code).toBe("provider-rejected");
    expect(parts.providers["first"]?.count).toBe(1);
    expect(parts.providers["second"]?.count).toBe(0);
  });

  test.each([
    ["401", refusal.auth()],
    ["404", refusal.notFound()],
    ["a context that is too long", refusal.tooLong()],
  ])("row 7: %s is not tried again, but another target may do", async (_status, error) => {
    const alone = sturdy({ only: [[error], words] });
    expect((await run(alone)).error?.code).toBe(error.code);
    expect(alone.providers["only"]?.count).toBe(1);
    const parts = sturdy({ first: [[error]], second: [words] });
    expect((await run(parts)).text).toBe(whole);
    expect(parts.providers["first"]?.count).toBe(1);
  });

  test("row 3: a certificate that is wrong stays wrong: no second call there", async () => {
    const error = refusal.unreachable();
    Object.assign(error, { shouldRetry: false });
    const parts = sturdy({ first: [[error]], second: [words] });
    expect((await run(parts)).text).toBe(whole);
    const alone = sturdy({ only: [[error]] });
    await run(alone);
    expect(alone.providers["only"]?.count).toBe(1);
  });

  test("row 41: a kept connection that had closed costs one call more, and no wait", async () => {
    const stale = Object.assign(refusal.unreachable(), { onReusedConnection: true });
    const parts = sturdy({ first: [[stale], words], second: [["never"]] });
    expect((await run(parts)).text).toBe(whole);
    expect(parts.providers["first"]?.calls.map(({ at }) => at)).toEqual([0, 0]);
    const always = sturdy({ first: [[stale]], second: [words] });
    expect((await run(always)).text).toBe(whole);
    expect(always.providers["first"]?.count).toBe(2);
  });

  test("a stream that is stopped while it waits for another try makes no other call", async () => {
    const parts = sturdy({ only: [[refusal.rateLimited(5_000)], words] });
    const stop = new AbortController();
    const reading = read(parts.source, stop.signal);
    await parts.clock.advance(1_000);
    stop.abort(refusal.truncated());
    await parts.clock.advance(20_000);
    expect(reading.isOver).toBe(true);
    expect(parts.providers["only"]?.count).toBe(1);
  });
});

describe("a provider that limits how often it is asked", () => {
  test("row 4: a short Retry-After is waited for, at the same target", async () => {
    const parts = sturdy({ first: [[refusal.rateLimited(2_000)], words], second: [["never"]] });
    expect((await run(parts)).text).toBe(whole);
    expect(parts.providers["first"]?.calls.map(({ at }) => at)).toEqual([0, 2_000]);
    expect(parts.providers["second"]?.count).toBe(0);
  });

  test("row 4: the target then rests for as long; others are asked meanwhile, and its breaker is untouched", async () => {
    const parts = sturdy({ first: [[refusal.rateLimited(8_000)]], second: [words] });
    for (let call = 0; call < 6; call++) void read(parts.source);
    await parts.clock.advance(9_000);
    const before = parts.providers["first"]?.count ?? 0;
    expect((await run(parts, 1_000)).text).toBe(whole);
    expect(parts.providers["first"]?.count).toBe(before);
    await parts.clock.advance(60_000);
    await run(parts, 1_000);
    expect(parts.providers["first"]?.count).toBe(before + 1);
  });

  test("row 5: a long Retry-After is not waited for: another target, or the error with its value", async () => {
    const parts = sturdy({ first: [[refusal.rateLimited(3_600_000)]], second: [words] });
    expect((await run(parts, 100)).text).toBe(whole);
    const alone = sturdy({ only: [[refusal.rateLimited(3_600_000)]] });
    const reading = await run(alone, 100);
    expect(reading.error).toMatchObject({ code: "provider-rate-limited", retryAfterMs: 3_600_000 });
    expect(alone.providers["only"]?.count).toBe(1);
  });
});

describe("when nothing helps", () => {
  test("three attempts over all targets, then the last error", async () => {
    const parts = sturdy({
      a: [[refusal.overloaded()]],
      b: [[refusal.unreachable()]],
      c: [[refusal.serverError()]],
      d: [words],
    });
    const reading = await run(parts);
    expect(reading.error?.code).toBe("provider-error");
    expect(["a", "b", "c", "d"].map((name) => parts.providers[name]?.count)).toEqual([1, 1, 1, 0]);
  });

  test("row 62: with every target failing under load, providers get at most 1.2 calls per request", async () => {
    const parts = sturdy({ first: [[10, refusal.overloaded()]], second: [[10, refusal.overloaded()]] });
    const requests = 2_000;
    const readings = [];
    for (let index = 0; index < requests; index++) {
      readings.push(read(parts.source));
      await parts.clock.advance(10);
    }
    await parts.clock.advance(30_000);
    expect(readings.every(({ error }) => error !== undefined)).toBe(true);
    const calls = (parts.providers["first"]?.count ?? 0) + (parts.providers["second"]?.count ?? 0);
    expect(calls).toBeLessThanOrEqual(requests * 1.2);
    expect(calls).toBeGreaterThan(0);
  });

  test("what is listed nowhere is never tried again", () => {
    expect(remedyFor(refusal.contentFiltered())).toBe("none");
    expect(remedyFor(refusal.rejected(400))).toBe("none");
  });
});

describe("weights", () => {
  test("share the requests out, and say nothing about who helps out", async () => {
    const parts = sturdy({ a: [["a"]], b: [["b"]] }, {}, { strategy: "weighted", weights: [3, 1] });
    const random = new SeededRandom("weights");
    const randomness = { number: () => random.number(), bytes: (length: number) => new Uint8Array(length) };
    const { reliability: settings } = parseConfig({});
    const reliability = new Reliability({ clock: parts.clock, randomness, settings });
    const source = reliability.source(parts.targets, { strategy: "weighted", weights: [3, 1] });
    for (let call = 0; call < 400; call++) await read(source).done;
    const share = (parts.providers["a"]?.count ?? 0) / 400;
    expect(share).toBeGreaterThan(0.68);
    expect(share).toBeLessThan(0.82);

    const failing = sturdy({ a: [[refusal.overloaded()]], b: [words] }, {}, { strategy: "weighted", weights: [99, 1] });
    expect((await run(failing)).text).toBe(whole);
  });
});

describe("what is seen of attempts", () => {
  test("each begins and ends exactly once, and says why it was made and how it ended", async () => {
    const parts = sturdy({ first: [[refusal.serverError()]], second: [[100, ...words]] });
    const reading = await run(parts);
    const seen = reading.observations.map((observation) =>
      "attempt" in observation ? [observation.type, observation.attempt, observation.provider, observation.reason] : [],
    );
    expect(seen).toEqual([
      ["attempt-started", 0, "first", "first"],
      ["attempt-ended", 0, "first", "first"],
      ["attempt-started", 1, "first", "retry"],
      ["attempt-ended", 1, "first", "retry"],
      ["attempt-started", 2, "second", "failover"],
      ["attempt-ended", 2, "second", "failover"],
    ]);
    expect(reading.ended.map(({ outcome }) => outcome)).toEqual(["failed", "failed", "completed"]);
    expect(reading.ended[0]).toMatchObject({
      streamId: "st_test",
      providerStatus: 500,
      error: { code: "provider-error" },
    });
    expect(reading.ended[2]).toMatchObject({ firstContentMs: 100, finishReason: "stop" });
  });

  test("one that is left in the middle ends as cancelled, with the usage that came", async () => {
    const usage = { type: "usage", usage: { inputTokens: 3, outputTokens: 1 } } as const;
    const parts = sturdy({ only: [["one", usage, hang]] });
    const stop = new AbortController();
    const reading = read(parts.source, stop.signal);
    await parts.clock.advance(1_000);
    stop.abort(refusal.truncated());
    await parts.clock.advance(1);
    expect(reading.ended).toHaveLength(1);
    expect(reading.ended[0]).toMatchObject({ outcome: "cancelled", usage: usage.usage });
    expect(parts.providers["only"]?.calls[0]?.abortedAt).toBe(1_000);
  });
});
