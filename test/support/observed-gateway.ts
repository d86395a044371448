import { onTestFinished } from "vitest";

import type { AttemptEnded, Observation } from "../../src/core/observer.ts";
import type { ConfigInput, Outside } from "../../src/index.ts";
import { createHeadrace } from "../../src/index.ts";
import { createVirtualClock } from "../../src/testing.ts";
import { createFakeProvider } from "./fake-provider.ts";

export const canary = "canary-secret-4f1c";

/** Targets by what becomes of their answers, as routes of the same names. All of it happens on a virtual clock. */
export async function openObserved(telemetry: ConfigInput["telemetry"] = {}, outside: Outside = {}) {
  const clock = createVirtualClock();
  const provider = createFakeProvider(clock, {
    whole: () => ({ firstWordMs: 300 }),
    refusing: () => ({ status: 400, error: { code: canary } }),
    flaky: (call) => (call === 0 ? { status: 500 } : { firstWordMs: 100 }),
    cut: () => ({ words: 20, ending: "cut" }),
    slow: () => ({ silentMs: 40_000 }),
  });
  const observations: Observation[] = [];
  const fetched: { model: string; headers: Record<string, string> }[] = [];
  const fetch: Outside["fetch"] = (url, init) => {
    const { model } = JSON.parse(init.body as string) as { model: string };
    fetched.push({ model, headers: { ...(init.headers as Record<string, string>) } });
    return provider.fetch(url, init);
  };
  const config: ConfigInput = {
    log: { store: "memory" },
    providers: { fake: { vendor: "openai-compatible", baseUrl: "http://fake.test:8080/v1", apiKey: canary } },
    routes: {
      whole: { targets: ["fake/whole"] },
      refused: { targets: ["fake/refusing"] },
      retried: { targets: ["fake/flaky"] },
      recovered: { targets: ["fake/cut", "fake/whole"] },
      hedged: { targets: ["fake/slow", "fake/whole"], hedge: { afterMs: 1_000 } },
    },
    telemetry,
  };
  const headrace = await createHeadrace(config, {
    clock,
    fetch,
    environment: {},
    report: () => {},
    randomness: { number: () => 0.5, bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) },
    observe: (observation) => observations.push(observation),
    ...outside,
  });
  onTestFinished(() => headrace.close());

  const ask = (model: string, headers: Record<string, string> = {}): Promise<Response> =>
    headrace.fetch(
      new Request("http://localhost/v1/chat/completions", {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: `say ${canary}` }] }),
      }),
    );
  return {
    headrace,
    clock,
    observations,
    fetched,
    ask,
    /** Asks, and lets time pass until the answer is over. */
    async read(model: string, headers: Record<string, string> = {}): Promise<string> {
      const asking = ask(model, headers);
      await clock.runAll();
      const text = await (await asking).text();
      await clock.runAll();
      return text;
    },
    attempts: (): AttemptEnded[] => observations.filter((one) => one.type === "attempt-ended"),
  };
}
