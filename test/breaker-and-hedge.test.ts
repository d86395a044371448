import { describe, expect, test } from "vitest";

import { Breaker } from "../src/reliability/breaker.ts";
import { ConcurrencyLimit, withConcurrencyLimit } from "../src/reliability/concurrency-limit.ts";
import { createVirtualClock } from "../src/testing.ts";
import { evenRandomness, read, refusal, scriptedSource } from "./support/scripted-source.ts";
import { sturdy } from "./support/scripted-targets.ts";

const words = ["one ", "two ", "three"];
const whole = "one two three";

describe("a target that keeps failing", () => {
  test("is left alone after five failures in a row, then probed by one call", () => {
    const clock = createVirtualClock();
    const breaker = new Breaker({ clock });
    for (let index = 0; index < 5; index++) breaker.fail();
    expect(breaker.closedUntil).toBe(30_000);
    return clock.advance(30_000).then(() => {
      expect(breaker.closedUntil).toBeUndefined();
      breaker.begin();
      expect(breaker.closedUntil).toBeDefined();
      breaker.succeed();
      expect(breaker.closedUntil).toBeUndefined();
    });
  });

  test("rests longer with each probe that fails, at most 300 s", async () => {
    const clock = createVirtualClock();
    const breaker = new Breaker({ clock });
    for (let index = 0; index < 5; index++) breaker.fail();
    const rests: number[] = [];
    for (let probe = 0; probe < 12; probe++) {
      const until = breaker.closedUntil ?? 0;
      rests.push(until - clock.elapsed());
      await clock.advance(until - clock.elapsed());
      breaker.begin();
      breaker.fail();
    }
    expect(rests.slice(0, 4)).toEqual([30_000, 30_000, 60_000, 90_000]);
    expect(rests.at(-1)).toBe(300_000);
  });

  test("is left alone when half of at least twenty calls in 30 s failed", () => {
    const breaker = new Breaker({ clock: createVirtualClock() });
    for (let index = 0; index < 9; index++) {
      breaker.fail();
      breaker.succeed();
    }
    breaker.succeed();
    expect(breaker.closedUntil).toBeUndefined();
    breaker.fail();
    expect(breaker.closedUntil).toBeDefined();
  });

  test("a probe that is given up makes room for another one", async () => {
    const clock = createVirtualClock();
    const breaker = new Breaker({ clock });
    for (let index = 0; index < 5; index++) breaker.fail();
    await clock.advance(30_000);
    breaker.begin();
    breaker.abandon();
    expect(breaker.closedUntil).toBeUndefined();
  });

  test("is called all the same when there is no other", async () => {
    const parts = sturdy({ only: [...Array.from({ length: 9 }, () => [refusal.overloaded()]), words] });
    for (let call = 0; call < 3; call++) {
      void read(parts.source);
      await parts.clock.advance(5_000);
    }
    const reading = read(parts.source);
    await parts.clock.advance(5_000);
    expect(reading.text).toBe(whole);
  });

  test("rests five minutes after three answers in a row that were cut", async () => {
    const parts = sturdy({ first: [["one ", refusal.truncated()]], second: [words] }, { recovery: "off" });
    for (let call = 0; call < 3; call++) {
      void read(parts.source);
      await parts.clock.advance(1_000);
    }
    const meanwhile = read(parts.source);
    await parts.clock.advance(1_000);
    expect(meanwhile.text).toBe(whole);
    expect(parts.providers["first"]?.count).toBe(3);
    await parts.clock.advance(300_000);
    void read(parts.source);
    await parts.clock.advance(1_000);
    expect(parts.providers["first"]?.count).toBe(4);
  });
});

describe("a target that takes long to begin", () => {
  test("row 61: is raced after ten seconds; the winner is fixed before anything is seen, the loser aborted", async () => {
    const parts = sturdy({ slow: [[20_000, "never"]], fast: [[1_000, ...words]] });
    const reading = read(parts.source);
    await parts.clock.advance(11_100);
    expect(reading.text).toBe(whole);
    expect(parts.providers["fast"]?.calls[0]?.at).toBe(10_000);
    expect(parts.providers["slow"]?.calls[0]?.abortedAt).toBe(11_000);
    expect(reading.ended.map(({ provider, outcome, reason }) => [provider, outcome, reason])).toEqual([
      ["slow", "lost", "first"],
      ["fast", "completed", "hedge"],
    ]);
  });

  test("row 61: when the first one answers after all, the second one is aborted", async () => {
    const parts = sturdy({ slow: [[12_000, ...words]], slower: [[20_000, "never"]] });
    const reading = read(parts.source);
    await parts.clock.advance(12_100);
    expect(reading.text).toBe(whole);
    expect(parts.providers["slower"]?.calls[0]?.abortedAt).toBe(12_000);
  });

  test("row 61: when either of them fails, the other one goes on", async () => {
    const first = sturdy({ slow: [[12_000, refusal.overloaded()]], other: [[5_000, ...words]] });
    const reading = read(first.source);
    await first.clock.advance(20_000);
    expect(reading.text).toBe(whole);
    const second = sturdy({ slow: [[15_000, ...words]], other: [[refusal.overloaded()]] }, { maxAttempts: 2 });
    const other = read(second.source);
    await second.clock.advance(20_000);
    expect(other.text).toBe(whole);
  });

  test("row 61: when the winner dies later, nobody is given the loser's words", async () => {
    const scripts = { slow: [[10_500, "slow ", "words"]], fast: [[100, "fast ", refusal.truncated()]] };
    const parts = sturdy(scripts, { recovery: "off" });
    const reading = read(parts.source);
    await parts.clock.advance(20_000);
    expect(reading.text).toBe("fast ");
    expect(reading.error?.code).toBe("stream-truncated");
  });

  test("models that think first are not raced unless asked for", async () => {
    const thinking = { reasoning: true, prefill: { kind: "none" } } as const;
    const parts = sturdy({ slow: [[30_000, ...words]], other: [["never"]] });
    const targets = parts.targets.map((target) => ({ ...target, profile: thinking }));
    const reading = read(parts.reliability.source(targets));
    await parts.clock.advance(31_000);
    expect(reading.text).toBe(whole);
    const raced = read(parts.reliability.source(targets, { hedge: { afterMs: 1_000 } }));
    await parts.clock.advance(2_000);
    expect(raced.text).toBe("never");
  });

  test("`off` is off, and `p95` waits until it knows what is usual", async () => {
    const off = sturdy({ slow: [[20_000, ...words]], other: [["never"]] }, { hedge: "off" });
    const reading = read(off.source);
    await off.clock.advance(21_000);
    expect(reading.text).toBe(whole);

    const usual = Array.from({ length: 200 }, () => [500, "quick"] as const);
    const parts = sturdy({ slow: [...usual, [20_000, "slow"]], other: [["other"]] }, { hedge: "p95" });
    for (let call = 0; call < 200; call++) {
      void read(parts.source);
      await parts.clock.advance(600);
    }
    const raced = read(parts.source);
    await parts.clock.advance(600);
    expect(raced.text).toBe("other");
  });
});

describe("a target that gets too many calls at once", () => {
  function limited(failures: number) {
    const clock = createVirtualClock();
    const limit = new ConcurrencyLimit({ clock, randomness: evenRandomness, queueLength: 3 });
    const scripts = Array.from({ length: failures }, () => [refusal.rateLimited()] as const);
    const provider = scriptedSource("busy", clock, [...scripts, [1_000, "ok"]]);
    return { clock, limit, provider, source: withConcurrencyLimit(provider.source, limit, clock) };
  }

  test("is not limited before it says so", async () => {
    const { clock, limit, source } = limited(0);
    const readings = Array.from({ length: 300 }, () => read(source));
    await clock.advance(1_100);
    expect(readings.every(({ text }) => text === "ok")).toBe(true);
    expect(limit.limit).toBeUndefined();
  });

  test("gets fewer each time it says so, and never less than four", async () => {
    const { clock, limit, source } = limited(60);
    await read(source).done;
    expect(limit.limit).toBe(18);
    for (let call = 0; call < 59; call++) {
      await clock.advance(10);
      await read(source).done;
    }
    expect(limit.limit).toBe(4);
  });

  test("those who come then wait for their turn, a few of them, and not for long", async () => {
    const { clock, limit, source } = limited(60);
    for (let call = 0; call < 60; call++) {
      await read(source).done;
      await clock.advance(10);
    }
    const readings = Array.from({ length: 8 }, () => read(source));
    await clock.advance(100);
    expect(readings.filter(({ error }) => error?.code === "overloaded")).toHaveLength(1);
    await clock.advance(2_000);
    expect(readings.filter(({ text }) => text === "ok")).toHaveLength(7);
    expect(limit.limit).toBeGreaterThan(4);
  });
});
