import { describe, expect, test } from "vitest";

import type { HeadraceError } from "../src/core/errors.ts";
import type { StreamEvent } from "../src/core/events.ts";
import type { Message } from "../src/core/request.ts";
import { protocols } from "../src/protocols/all.ts";
import type { Protocol } from "../src/protocols/protocol.ts";
import { createFetchTransport } from "../src/providers/fetch-transport.ts";
import { createHttpProvider } from "../src/providers/http-provider.ts";
import { createSimulator } from "../src/providers/simulator/simulator.ts";
import { createVirtualClock } from "../src/testing.ts";
import { sixtyWords } from "./support/faults.ts";

const providers = Object.values(protocols).filter(({ endpoint }) => endpoint !== undefined);
const question: Message = { role: "user", content: [{ type: "text", text: "Why do rivers meander?" }] };

/** What base URLs of the protocol end with, so that a server knows it by its address. */
function basePathOf({ name, endpoint }: Protocol): string {
  const path = endpoint?.write({ model: "instant", messages: [] }).replace(/\?.*/, "") ?? "";
  const found = ["", "/v1", "/v1beta"].find((base) => endpoint?.read(base + path, {}) !== undefined);
  if (found === undefined) throw new Error(`${name} does not read the address that it writes, ${path}`);
  return found;
}

/** What a provider of that protocol makes of a call, an hour later. */
async function call(protocol: Protocol, model: string, messages: Message[] = [question]) {
  const clock = createVirtualClock();
  const transport = createFetchTransport(createSimulator({ clock }));
  const source = createHttpProvider({
    name: "sim",
    protocol,
    baseUrl: `http://simulator${basePathOf(protocol)}`,
    transport,
  });
  const events: StreamEvent[] = [];
  const leaving = new AbortController();
  let error: HeadraceError | undefined;
  const reading = (async () => {
    for await (const event of source({ model, messages }, { signal: leaving.signal })) events.push(event);
  })().catch((error_: unknown) => {
    if (!leaving.signal.aborted) error = error_ as HeadraceError;
  });
  const isDone = reading.then(() => true);
  await clock.advance(3_600_000);
  const done = await Promise.race([isDone, Promise.resolve(false)]);
  leaving.abort();
  await reading;
  const text = events.map((event) => (event.type === "text-delta" ? event.text : "")).join("");
  const end = events.find((event) => event.type === "stream-end");
  const usage = events.findLast((event) => event.type === "usage")?.usage;
  return { events, text, words: text.split(" ").filter(Boolean).length, outcome: end?.outcome, usage, error, done };
}

describe.each(providers)("$name", (protocol) => {
  test("sixty words arrive as they are, and are counted", async () => {
    const { text, outcome, usage } = await call(protocol, sixtyWords());
    expect([text, outcome]).toEqual([(await call(protocols["openai-chat"], sixtyWords())).text, "completed"]);
    expect(usage?.outputTokens).toBe(60);
  });

  test.each([
    "split",
    "split:7",
    "utf8-split",
    "escapes",
    "bom",
    "multi-line",
    "line-ends:crlf",
    "line-ends:cr",
    "line-ends:mixed",
    "drip:1ms,bytes=20",
    "slow-headers",
    "slow-first-token",
    "stall@20:9s,comments",
    "missing-usage",
  ])("the answer is the same with %s", async (fault) => {
    const { text, outcome, error } = await call(protocol, sixtyWords(fault));
    expect([text, outcome, error]).toEqual([(await call(protocol, sixtyWords())).text, "completed", undefined]);
  });

  test.each(["cut@40", "reset@40", "eof@40", "error@40", "error@40:rate-limit"])(
    "what came before %s is kept, and never looks complete",
    async (fault) => {
      const { words, outcome, error } = await call(protocol, sixtyWords(fault));
      expect([words, outcome, error?.name]).toEqual([40, undefined, "HeadraceError"]);
    },
  );

  test.each([
    "refuse",
    "cut",
    "reset",
    "cut@0",
    "eof@0",
    "error",
    "empty",
    "html",
    "html:502",
    "document",
    "gzip",
    "content-type:application/octet-stream",
    "500",
    "503",
    "429",
  ])("%s is a failure before the first word", async (fault) => {
    const { words, outcome, error } = await call(protocol, sixtyWords(fault));
    expect([words, outcome, error?.name]).toEqual([0, undefined, "HeadraceError"]);
    // Only another Headrace's words are passed on.
    expect(error?.message.includes("simulated") && protocol.name !== "events").toBe(false);
  });

  test.each(["black-hole", "comments", "stall@0", "stall@20", "stall@20:comments"])("%s never ends", async (fault) => {
    const { words, done } = await call(protocol, sixtyWords(fault));
    expect([words, done]).toEqual([fault.includes("20") ? 20 : 0, false]);
  });

  test("a rate limit says how long, and an overload is none", async () => {
    expect((await call(protocol, sixtyWords("429:retry-after=2"))).error).toMatchObject({
      code: "provider-rate-limited",
      retryAfterMs: 2_000,
    });
    expect((await call(protocol, sixtyWords("503"))).error?.code).toBe("provider-overloaded");
  });

  test("a filter stops the answer, and says so", async () => {
    const { words, outcome } = await call(protocol, sixtyWords("content-filter@20"));
    expect(words).toBe(20);
    expect(["content_filter", "completed"]).toContain(outcome);
  });

  test.each(["missing-end-marker", "missing-finish-reason", "no-final-blank-line", "late-usage"])(
    "nothing is lost and nothing invented with %s",
    async (fault) => {
      const { text, error } = await call(protocol, sixtyWords(fault));
      expect(text).toBe((await call(protocol, sixtyWords())).text);
      expect([undefined, "stream-truncated", "provider-error"]).toContain(error?.code);
    },
  );

  test.each(["duplicate@20", "reorder@20", "malformed@20", "malformed@20:extra"])(
    "%s does no more harm than it must",
    async (fault) => {
      const { words, error, done } = await call(protocol, sixtyWords(fault));
      expect(done).toBe(true);
      expect(words).toBeGreaterThanOrEqual(error === undefined ? 59 : 20);
      expect(words).toBeLessThanOrEqual(61);
    },
  );
});

describe.each(providers.filter(({ name }) => name !== "ollama-generate"))(
  "$name, which knows conversations",
  (protocol) => {
    test("a begun answer is gone on with", async () => {
      const whole = (await call(protocol, sixtyWords())).text;
      const said = whole.split(" ").slice(0, 25).join(" ");
      const begun: Message[] = [question, { role: "assistant", content: [{ type: "text", text: said }] }];
      expect(said + (await call(protocol, sixtyWords(), begun)).text).toBe(whole);
      const tail = said.slice(-30);
      const anchored: Message[] = [
        ...begun,
        { role: "user", content: [{ type: "text", text: `Go on after <tail>${tail}</tail>` }] },
      ];
      expect(said + (await call(protocol, sixtyWords(), anchored)).text.slice(tail.length)).toBe(whole);
      expect((await call(protocol, sixtyWords("prefill-refused"), begun)).error?.code).toBe("provider-rejected");
    });
  },
);

test("signed reasoning is there to be cut in, where the protocol has it", async () => {
  const signed = async (model: string) => {
    const events = (await call(protocols["anthropic-messages"], model)).events;
    return events.filter((event) => event.type === "reasoning-signature").length;
  };
  expect(await signed("o4-mini?words=5&interval=1&signed")).toBe(1);
  expect(await signed("o4-mini?words=5&interval=1&signed&fault=cut@reasoning+9")).toBe(0);
});
