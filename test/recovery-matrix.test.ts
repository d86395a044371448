import { describe, expect, test } from "vitest";

import type { ProtocolName } from "../src/core/events.ts";
import { isWhole } from "../src/core/events.ts";
import type { GenerateRequest } from "../src/core/request.ts";
import type { ScenarioRuleInput } from "../src/providers/simulator/faults/scenario.ts";
import type { NamedRow } from "./support/protocol-rows.ts";
import { allRows, askIn } from "./support/protocol-rows.ts";
import type { Received, RecoveryOptions } from "./support/recovery.ts";
import { attemptsAreCounted, canonical, openRecovery, primary, question, rowOf, sixty } from "./support/recovery.ts";

const providers = ["openai-chat", "anthropic-messages", "gemini"] as const;
const clients = allRows.filter(({ served }) => served !== undefined);
const [openai] = clients as [NamedRow];
const pairs = clients.flatMap((client) =>
  providers.map((provider) => ({ client, from: client.protocol.name, provider })),
);

/** The primary's first call goes wrong. */
const once = (...faults: string[]): ScenarioRuleInput => ({ model: primary, calls: 1, faults, ...sixty });
/** Everything does. */
const always = (...faults: string[]): ScenarioRuleInput => ({ faults, ...sixty });

async function ask(client: NamedRow, options: RecoveryOptions, more: Partial<GenerateRequest> = {}) {
  const parts = await openRecovery(options);
  const received = await parts.ask(client, more);
  expect(attemptsAreCounted(parts.observations)).toBe(true);
  return { ...parts, received };
}

function expectCanonical({ status, text, looksWhole, answer }: Received): void {
  expect([status, text, looksWhole]).toEqual([200, canonical, true]);
  expect(answer.choices[0]?.finishReason).toBe("stop");
}

function expectError({ text, looksWhole, answer, body }: Received): void {
  expect(looksWhole).toBe(false);
  expect(canonical.startsWith(text)).toBe(true);
  expect(isWhole(answer.outcome ?? "interrupted")).toBe(false);
  // Our own words, not the provider's.
  expect(body).not.toContain("simulated");
}

describe("row 13: an answer that is cut after any of its sixty words", () => {
  const everywhere = Array.from({ length: 60 }, (_value, index) => index + 1);
  const rows = [
    ...clients.map((client) => ({ client, provider: "openai-chat", prefill: false })),
    ...providers.map((provider) => ({ client: openai, provider, prefill: true })),
    ...providers.slice(1).map((provider) => ({ client: openai, provider, prefill: false })),
  ].map((row) => ({ ...row, from: row.client.protocol.name, way: row.prefill ? "a prefill" : "an echo" }));

  test.each(rows)("is whole for $from, from $provider by $way", async ({ client, provider, prefill }) => {
    for (const at of everywhere) {
      const { received, calls } = await ask(client, { provider, prefill, rules: [once(`cut@${at}`)] });
      expectCanonical(received);
      expect(calls).toHaveLength(2);
    }
  });

  test.each(pairs)("is whole for $from, from $provider", async ({ client, provider }) => {
    for (const at of [1, 31, 60]) {
      expectCanonical((await ask(client, { provider, rules: [once(`cut@${at}`)] })).received);
    }
  });

  test.each(providers)("and after any byte, from %s", async (provider) => {
    // A prime, so that it falls everywhere in an event.
    for (let bytes = 1; bytes < 6_000; bytes += 397) {
      expectCanonical((await ask(openai, { provider, rules: [once(`cut@${bytes}b`)] })).received);
    }
  });

  test("twice, by both targets", async () => {
    for (const [first, second] of [
      [10, 10],
      [40, 12],
      [1, 1],
    ] as const) {
      const rules = [once(`cut@${first}`), { model: primary, calls: 2, faults: `cut@${second}`, ...sixty }];
      for (const prefill of [false, true]) {
        const { received, ended } = await ask(openai, { prefill, rules });
        expectCanonical(received);
        expect(ended().map(({ outcome }) => outcome)).toEqual(["failed", "failed", "completed"]);
      }
    }
  });
});

const recoverable: readonly [row: number, fault: string][] = [
  [14, "reset@40"],
  [15, "eof@40"],
  [16, "stall@20"],
  [16, "stall@20:comments"],
  [17, "error@20"],
  [17, "error@20:server"],
  [17, "error@20:rate-limit"],
  [17, "error@20:timeout"],
];

describe.each(recoverable)("row %i: %s", (_row, fault) => {
  test.each(pairs)("is not seen by $from, from $provider", async ({ client, provider }) => {
    const { received, calls, ended } = await ask(client, { provider, rules: [once(fault)] });
    expectCanonical(received);
    expect(calls).toHaveLength(2);
    // Over before the next one began.
    expect(calls[0]?.abortedAt ?? 0).toBeLessThanOrEqual(calls[1]?.at ?? 0);
    expect(calls[0]?.abortedAt !== undefined).toBe(fault.startsWith("stall"));
    expect(ended().map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ["failed", "first"],
      ["completed", "recovery"],
    ]);
  });
});

describe("what cannot be recovered", () => {
  const hopeless: readonly [row: number, what: string, rules: ScenarioRuleInput[]][] = [
    [13, "cut again and again", [always("cut@3")]],
    [15, "an end that is none, again and again", [always("eof@3")]],
    [17, "an error that no other call would mend", [always("error@20:invalid")]],
    [27, "other words from everybody", [once("cut@20"), always("paraphrase")]],
  ];

  describe.each(hopeless)("row %i: %s", (_row, _what, rules) => {
    test.each(pairs)("is an error for $from, from $provider", async ({ client, provider }) => {
      const { received, calls } = await ask(client, { provider, rules });
      expectError(received);
      expect(received.text).not.toBe("");
      expect(calls.length).toBeLessThanOrEqual(5);
    });
  });

  test.each<[protocol: ProtocolName, said: RegExp, never: RegExp]>([
    ["openai-chat", /\ndata: \{"error":\{"message":.*\n\n$/, /\[DONE\]|"finish_reason":"/],
    ["openai-responses", /\nevent: response\.failed\ndata: .*"status":"failed"/, /response\.completed|\[DONE\]/],
    ["anthropic-messages", /\nevent: error\ndata: \{"type":"error",.*\n\n$/, /message_stop|message_delta/],
    ["gemini", /\ndata: \{"error":\{"code":502,.*\n\n$/, /finishReason/],
    ["ollama-chat", /\n\{"error":".*\}\n$/, /"done":true/],
    ["ui-message-stream", /\ndata: \{"type":"error",.*\n\n$/, /"type":"finish"|\[DONE\]/],
    ["event-source", /\nevent: error\ndata: .*\n\nid: .*\nevent: end\n/, /\[DONE\]|completed/],
  ])("row 13: says so in the words of %s, and in no others", async (protocol, said, never) => {
    const { received } = await ask(rowOf(protocol), { rules: [always("cut@3")] });
    expect(received.body).toMatch(said);
    expect(received.body).not.toMatch(never);
  });

  test.each(clients)("row 13: is an error when recovery is off: $protocol.name", async (client) => {
    const { received, calls } = await ask(client, { rules: [once("cut@20")], route: { recovery: "off" } });
    expectError(received);
    expect(calls).toHaveLength(1);
  });
});

describe("row 18: a malformed event", () => {
  test.each(pairs)("that is one too many is skipped for $from, from $provider", async ({ client, provider }) => {
    const { received, calls } = await ask(client, { provider, rules: [once("malformed@20:extra")] });
    expectCanonical(received);
    expect(calls.length).toBeLessThanOrEqual(2);
  });
});

describe("row 23: events that come again or in the wrong order", () => {
  const provider = "openai-responses";

  test.each(["duplicate@2", "duplicate@20", "duplicate@20:5", "duplicate@60"])(
    "%s: dropped where the provider numbers its events",
    async (fault) => {
      expectCanonical((await ask(openai, { provider, rules: [once(fault)] })).received);
    },
  );

  test("reorder@20: nothing but an error, since what was said is wrong already", async () => {
    const { received, calls } = await ask(openai, { provider, rules: [once("reorder@20")] });
    expect(received.looksWhole).toBe(false);
    expect(calls).toHaveLength(1);
  });
});

describe("row 27: a continuation that repeats, restarts or paraphrases", () => {
  const prefills = [false, true];

  test.each(providers.flatMap((provider) => prefills.map((prefill) => ({ provider, prefill }))))(
    "repeats: what was said already is taken out ($provider, prefill $prefill)",
    async ({ provider, prefill }) => {
      const rules = [once("cut@30"), always("repeat:12")];
      const { received } = await ask(openai, { provider, prefill, rules });
      expectCanonical(received);
    },
  );

  test.each(providers.flatMap((provider) => prefills.map((prefill) => ({ provider, prefill }))))(
    "restarts: it agrees with what was said, which is taken out ($provider, prefill $prefill)",
    async ({ provider, prefill }) => {
      for (const at of [1, 3, 20, 60]) {
        expectCanonical(
          (await ask(openai, { provider, prefill, rules: [once(`cut@${at}`), always("restart")] })).received,
        );
      }
    },
  );

  test.each(providers)("paraphrases: rejected, and the next target does better (%s)", async (provider) => {
    const rules = [once("cut@30"), { model: primary, faults: "paraphrase", ...sixty }];
    const { received, ended } = await ask(openai, { provider, rules });
    expectCanonical(received);
    expect(ended().map(({ outcome }) => outcome)).toEqual(["failed", "completed", "completed"]);
  });
});

describe("row 28: a refused prefill", () => {
  test.each(providers)("is remembered, and another way is taken: %s", async (provider) => {
    const rules = ["1", "2-"].map((calls) => ({
      model: primary,
      calls,
      faults: calls === "1" ? "cut@30" : ["prefill-refused"],
      ...sixty,
    }));
    const refusing = [...rules, always("prefill-refused")];
    const parts = await openRecovery({ provider, prefill: true, rules: refusing });
    const { ask: askAgain, calls, ended } = parts;
    expectCanonical(await askAgain(openai));
    expect(ended().filter(({ error }) => error?.code === "provider-rejected").length).toBeGreaterThanOrEqual(1);
    expect(calls.length).toBeLessThanOrEqual(5);
  });
});

describe("row 30: a content filter", () => {
  test.each(clients)("stops the answer, which is not gone on with: $protocol.name", async (client) => {
    const { received, calls, observations } = await ask(client, { rules: [once("content-filter@20")] });
    expect(calls).toHaveLength(1);
    expect(canonical.startsWith(received.text)).toBe(true);
    expect(received.text.split(" ")).toHaveLength(20);
    const end = observations.find(({ type }) => type === "stream-ended");
    expect(end).toMatchObject({ outcome: "content_filter" });
  });
});

describe("row 32: usage", () => {
  test.each([
    ...providers.map((provider) => ({ provider, fault: "missing-usage", isEstimate: true })),
    // Anthropic's usage comes with the reason for the end, without which nothing is whole.
    { provider: "openai-chat", fault: "late-usage", isEstimate: true },
    { provider: "gemini", fault: "late-usage", isEstimate: false },
  ])(
    "$fault from $provider: one row for each attempt, and an estimate says that it is one",
    async ({ provider, fault, isEstimate }) => {
      const { received, ended } = await ask(openai, { provider, rules: [always(fault)] }, { wantsUsage: true });
      expectCanonical(received);
      expect(received.answer.usage?.outputTokens).toBeGreaterThan(40);
      expect(ended()).toHaveLength(1);
      expect(ended()[0]?.usage?.outputTokens).toBeGreaterThan(40);
      expect(ended()[0]?.usage?.estimated === true).toBe(isEstimate);
    },
  );

  test.each(["openai-chat", "anthropic-messages"])(
    "an open end after the answer is waited for no longer than 5 s: %s",
    async (provider) => {
      const { received } = await ask(openai, { provider, rules: [always("missing-end-marker:open")] });
      expectCanonical(received);
      expect(received.tookMs).toBeLessThanOrEqual(6_000);
    },
  );

  test.each(providers)("counts what a cut attempt has used, too: %s", async (provider) => {
    const { received, ended } = await ask(openai, { provider, rules: [once("cut@40")] }, { wantsUsage: true });
    const [cut, rest] = ended().map(({ usage }) => usage);
    expect(cut?.estimated).toBe(true);
    // Forty words, with a guess of four characters a token.
    expect(cut?.outputTokens).toBeGreaterThan(30);
    expect(cut?.outputTokens).toBeLessThan(120);
    expect(received.answer.usage).toMatchObject({
      inputTokens: (cut?.inputTokens ?? 0) + (rest?.inputTokens ?? 0),
      outputTokens: (cut?.outputTokens ?? 0) + (rest?.outputTokens ?? 0),
    });
  });

  test("counts the loser of a race, and a stalled attempt", async () => {
    const slow = await ask(openai, { rules: [once("slow-first-token:20s")] });
    expectCanonical(slow.received);
    expect(slow.ended().map(({ outcome, reason }) => `${outcome} ${reason}`)).toEqual(
      expect.arrayContaining(["lost first", "completed hedge"]),
    );
    expect(slow.ended()).toHaveLength(2);
  });
});

describe("row 33: when the last reader leaves and nobody is to go on without", () => {
  const some = pairs.filter(({ client, provider }) => client === openai || provider === "openai-chat");

  test.each(some)("the call is aborted within 250 ms: $from, from $provider", async ({ client, provider }) => {
    const slow: ScenarioRuleInput = { words: 60, interval: 50 };
    const { clock, calls, send, observations } = await openRecovery({
      provider,
      rules: [slow],
      route: { onDisconnect: "cancel" },
      config: { reliability: { lingerMs: 0 } },
    });
    const asking = askIn(client, "http://127.0.0.1", question, send);
    await clock.advance(1_000);
    const reader = (await asking).body?.getReader();
    await clock.advance(500);
    await reader?.cancel();
    await clock.advance(250);
    expect(calls).toHaveLength(1);
    expect(calls[0]?.abortedAt).toBeLessThanOrEqual(1_750);
    expect(attemptsAreCounted(observations)).toBe(true);
    expect(observations).toContainEqual(expect.objectContaining({ type: "stream-ended", outcome: "cancelled" }));
    const ended = observations.find(({ type }) => type === "attempt-ended");
    expect(ended).toMatchObject({ outcome: "cancelled", usage: { estimated: true } });
  });
});
