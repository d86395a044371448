import { describe, expect, test } from "vitest";
import { openSimulator, post, sky, url } from "./support/simulator.ts";

describe("pace", () => {
  test.each([
    ["gpt-4o", 380, 900, 55],
    ["gpt-4o-mini", 210, 550, 110],
    ["claude-3-5-sonnet", 450, 1100, 65],
    ["claude-3-haiku", 180, 420, 120],
  ])(
    "%s takes %i ms to its first token (95 of 100 within %i), then says %i tokens a second",
    async (model, p50Ms, p95Ms, rate) => {
      const { clock, simulator } = openSimulator();
      const streams = 600;
      const firsts: number[] = [];
      let gaps = 0;
      let gapMs = 0;
      const run = async (seed: number) => {
        const startedAt = clock.elapsed();
        const response = await simulator(url, post({ model, messages: sky, stream: true, seed, max_tokens: 16 }));
        const times: number[] = [];
        for await (const _ of response.body ?? []) times.push(clock.elapsed() - startedAt);
        firsts.push(times[0] ?? 0);
        gaps += 15;
        gapMs += (times.at(-1) ?? 0) - (times[0] ?? 0);
      };
      const runs = Array.from({ length: streams }, (_, seed) => run(seed));
      await clock.advance(1);
      expect(clock.pending).toBe(streams);
      await clock.runAll();
      await Promise.all(runs);

      const ranked = firsts.toSorted((a, b) => a - b);
      expect(Math.abs((ranked[streams * 0.5] ?? 0) / p50Ms - 1)).toBeLessThan(0.1);
      expect(Math.abs((ranked[streams * 0.95] ?? 0) / p95Ms - 1)).toBeLessThan(0.15);
      expect(Math.abs((gapMs / gaps) * (rate / 1000) - 1)).toBeLessThan(0.02);
    },
  );

  test("instant never waits", async () => {
    const { clock, ask } = openSimulator();
    expect(await ask("Write 300 words about tea")).not.toBe("");
    expect(clock.elapsed()).toBe(0);
  });

  test("an answer in one piece takes as long as the stream", async () => {
    const { clock, complete } = openSimulator();
    const answer = complete([...sky], { model: "gpt-4o" });
    await clock.runAll();
    const seconds = clock.elapsed() / 1000;
    expect((await answer).usage?.completion_tokens ?? 0).toBeGreaterThan(100);
    expect(seconds).toBeGreaterThan(2);
    expect(seconds).toBeLessThan(6);
  });
});

describe("a reader that leaves", () => {
  const request = { model: "gpt-4o", messages: sky, stream: true };

  test("stops the timer at once when it cancels the body", async () => {
    const { clock, simulator } = openSimulator();
    const response = await simulator(url, post(request));
    const reader = response.body?.getReader();
    const next = reader?.read();
    await clock.advance(1);
    expect(clock.pending).toBe(1);
    await reader?.cancel();
    expect((await next)?.done).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test.each([true, false])("stops the timer at once when it aborts the request (stream: %s)", async (stream) => {
    const { clock, simulator } = openSimulator();
    const controller = new AbortController();
    const reason = new Error("had enough");
    const reading = simulator(url, post({ ...request, stream }, { signal: controller.signal })).then((response) =>
      response.text(),
    );
    reading.catch(() => {});
    await clock.advance(1);
    expect(clock.pending).toBe(1);
    controller.abort(reason);
    await expect(reading).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
    await expect(simulator(url, post(request, { signal: controller.signal }))).rejects.toBe(reason);
  });
});
