import OpenAI from "openai";
import { describe, test } from "vitest";

import type { AttemptEnded } from "../../src/core/observer.ts";
import { systemClock } from "../../src/outside.ts";
import { createSimulator } from "../../src/providers/simulator/simulator.ts";
import { serveSimulator } from "../../src/runtimes/simulator.ts";
import { createHeadrace, serve } from "../../src/index.ts";

const sixty = "words=60&interval=15";

/** The official client, a gateway with default settings, and a provider over HTTP whose primary has a fault. */
async function open(fault: string, fallbackBy: string) {
  const simulator = await serveSimulator(createSimulator({ clock: systemClock }), { host: "127.0.0.1", port: 0 });
  const ended: AttemptEnded[] = [];
  const primary = `box/instant?${sixty}&fault=${fault}`;
  const fallback = `box/instant?${sixty}`;
  const headrace = await createHeadrace(
    {
      log: { store: "memory" },
      providers: { box: { vendor: "openai-compatible", baseUrl: simulator.baseUrl } },
      routes: { smart: { targets: [primary, fallback] } },
    },
    {
      environment: {},
      observe: (seen) => {
        if (seen.type === "attempt-ended") ended.push(seen);
      },
      report: () => {},
    },
  );
  const server = await serve(headrace, { port: 0 });
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
  const byRoute = fallbackBy === "a route";

  const ask = async () => {
    const startedAt = performance.now();
    const before = ended.length;
    const { data, response } = await client.chat.completions
      .create({
        model: byRoute ? "smart" : primary,
        messages: [{ role: "user", content: "Say sixty words." }],
        stream: true,
        ...(!byRoute && ({ headrace: { fallbacks: [fallback] } } as object)),
      })
      .withResponse();
    let text = "";
    for await (const chunk of data) text += chunk.choices[0]?.delta.content ?? "";
    const isPrimary = ({ model }: AttemptEnded): boolean => model.includes("fault=");
    return {
      words: text.trim().split(/\s+/).length,
      tookMs: performance.now() - startedAt,
      primaryAttempts: ended.slice(before).filter(isPrimary).length,
      servedByPrimary: ended.slice(before).some((one) => isPrimary(one) && one.outcome === "completed"),
      target: response.headers.get("headrace-target"),
    };
  };
  const close = async (): Promise<void> => {
    await server.close({ drainMs: 0 });
    await simulator.close();
  };
  return { ask, close };
}

describe.concurrent.each(["the request", "a route"])("on the real clock, the fallback named by %s", (fallbackBy) => {
  test("(6) silence for 120 s costs at most 100 s and one call of the primary", async ({ expect }) => {
    const { ask, close } = await open("black-hole", fallbackBy);
    const answer = await ask();
    expect(answer).toMatchObject({ words: 60, primaryAttempts: 1, servedByPrimary: false });
    expect(answer.tookMs).toBeLessThan(100_000);
    await close();
  });

  test("(7) a first token after 20 s is not waited for: served within 15 s", async ({ expect }) => {
    const { ask, close } = await open("slow-first-token:20s", fallbackBy);
    const answer = await ask();
    expect(answer.words).toBe(60);
    expect(answer.tookMs).toBeLessThan(15_000);
    await close();
  });

  test("(15) while the primary is down for 60 s every call is served, and it is back at most 30 s after", async ({
    expect,
  }) => {
    const { ask, close } = await open("flap:60s", fallbackBy);
    const startedAt = performance.now();
    let backAtMs: number | undefined;
    for (let atMs = 0; atMs <= 100_000; atMs += 4_000) {
      await systemClock.sleep(Math.max(0, startedAt + atMs - performance.now()));
      const answer = await ask();
      expect(answer.words).toBe(60);
      expect(answer.primaryAttempts).toBeLessThanOrEqual(1);
      if (answer.servedByPrimary) backAtMs ??= atMs;
    }
    expect(backAtMs).toBeLessThanOrEqual(90_000);
    await close();
  });
});
