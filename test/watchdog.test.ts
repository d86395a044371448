import { describe, expect, test } from "vitest";

import { createHeadrace } from "../src/index.ts";
import { withGuards } from "../src/reliability/attempt.ts";
import { Watchdog } from "../src/reliability/watchdog.ts";
import { createVirtualClock } from "../src/testing.ts";
import type { Step } from "./support/scripted-source.ts";
import { hang, deaf, pings, read, scriptedSource } from "./support/scripted-source.ts";

const limits = { firstContentMs: 60_000, stallMs: 30_000, progressMs: 120_000, drainMs: 5_000 };

function watched(script: readonly Step[], more: { firstEventMs?: number } = {}) {
  const clock = createVirtualClock();
  const watchdog = new Watchdog({ clock });
  const provider = scriptedSource("slow", clock, [script]);
  const source = withGuards(provider.source, [(call) => watchdog.guard(call, "slow/m", { ...limits, ...more })]);
  return { clock, source, provider };
}

describe("a provider that falls silent", () => {
  test("row 11: no first token ends the attempt at the limit, its upstream aborted within 100 ms", async () => {
    const { clock, source, provider } = watched([hang]);
    const reading = read(source);
    await clock.advance(59_900);
    expect(reading.isOver).toBe(false);
    await clock.advance(200);
    expect(reading.error?.code).toBe("provider-timeout");
    expect(reading.error?.message).toContain("no token for 60 s");
    expect(provider.calls[0]?.abortedAt).toBeLessThanOrEqual(60_100);
  });

  test("row 11: the same when the source does not listen to its signal", async () => {
    const { clock, source } = watched([deaf]);
    const reading = read(source);
    await clock.advance(60_100);
    expect(reading.error?.code).toBe("provider-timeout");
  });

  test("row 12: pings do not keep an attempt alive that has no token", async () => {
    const { clock, source } = watched([pings]);
    const reading = read(source);
    await clock.advance(60_100);
    expect(reading.error?.code).toBe("provider-timeout");
  });

  test("row 12: pings in mid-answer are no progress", async () => {
    const { clock, source, provider } = watched(["Hello", pings]);
    const reading = read(source);
    await clock.advance(119_000);
    expect(reading.isOver).toBe(false);
    await clock.advance(1_200);
    expect(reading.error?.code).toBe("stream-stalled");
    expect(reading.error?.message).toContain("no progress for 120 s");
    expect(reading.text).toBe("Hello");
    expect(provider.calls[0]?.abortedAt).toBeDefined();
  });

  test("row 16: a stall in mid-answer ends the attempt, aborted before anybody hears of it", async () => {
    const { clock, source, provider } = watched(["Hello", " world", hang]);
    const reading = read(source);
    let wasAborted: boolean | undefined;
    void reading.done.then(() => (wasAborted = provider.calls[0]?.abortedAt !== undefined));
    await clock.advance(29_000);
    expect(reading.isOver).toBe(false);
    await clock.advance(1_200);
    expect(reading.error?.code).toBe("stream-stalled");
    expect(reading.text).toBe("Hello world");
    expect(wasAborted).toBe(true);
  });

  test("a limit for the first byte can be shorter than the one for the first token", async () => {
    const silent = watched([hang], { firstEventMs: 5_000 });
    const first = read(silent.source);
    await silent.clock.advance(5_100);
    expect(first.error?.message).toContain("nothing at all for 5 s");
    const pinging = watched([pings], { firstEventMs: 5_000 });
    const second = read(pinging.source);
    await pinging.clock.advance(50_000);
    expect(second.isOver).toBe(false);
  });

  test("a slow but steady answer is left alone", async () => {
    const { clock, source } = watched([59_000, "a", 29_000, "b", 29_000, "c"]);
    const reading = read(source);
    await clock.advance(120_000);
    expect(reading.text).toBe("abc");
    expect(reading.error).toBeUndefined();
  });

  test("no clock ticks once nothing is watched", async () => {
    const { clock, source } = watched(["a"]);
    const reading = read(source);
    await reading.done;
    expect(clock.pending).toBe(0);
  });
});

describe("time limits of a gateway", () => {
  const config = { log: { store: "memory" as const }, reliability: { recovery: "off" as const } };
  const hangs = async function* (): AsyncGenerator<string> {
    yield "Hello";
    await new Promise(() => {});
  };

  test("an answer that takes longer than the total limit ends with what there is", async () => {
    const clock = createVirtualClock();
    const drips = async function* (): AsyncGenerator<string> {
      for (;;) {
        await clock.sleep(10_000);
        yield "drip ";
      }
    };
    const headrace = await createHeadrace({ ...config, models: { drips } }, { clock, environment: {} });
    const answer = headrace.stream({ model: "drips", prompt: "go" });
    const failure = answer.final.catch((error: unknown) => error);
    await clock.advance(899_000);
    await clock.advance(1_100);
    expect(await failure).toMatchObject({ code: "total-timeout" });
    await headrace.close();
  });

  test("a generator of one's own may take its time between two words, but not for ever", async () => {
    const clock = createVirtualClock();
    const headrace = await createHeadrace({ ...config, models: { hangs } }, { clock, environment: {} });
    const answer = headrace.stream({ model: "hangs", prompt: "go" });
    const failure = answer.final.catch((error: unknown) => error);
    await clock.advance(299_000);
    expect(headrace.streams.openCount).toBe(1);
    await clock.advance(1_200);
    expect(await failure).toMatchObject({ code: "stream-stalled" });
    await headrace.close();
  });
});
