import { describe, expect, test } from "vitest";

import type { ScenarioRuleInput } from "../src/providers/simulator/faults/scenario.ts";
import type { NamedRow } from "./support/protocol-rows.ts";
import type { Received } from "./support/recovery.ts";
import { attemptsAreCounted, canonical, fallback, openRecovery, primary, rowOf } from "./support/recovery.ts";

/** The same situations as in the table for Chat Completions, with what each of them has to come to. */
interface Situation {
  number: number;
  what: string;
  rules: ScenarioRuleInput[];
  /** Longest time to the end. */
  withinMs?: number;
  /** Calls of the primary and of the fallback. */
  calls?: [primary: number, fallback: number];
  mostCalls?: number;
}

const pace = { words: 60, interval: 15 };
const once = (...faults: string[]): ScenarioRuleInput => ({ model: primary, calls: 1, faults, ...pace });
const always = (...faults: string[]): ScenarioRuleInput => ({ model: primary, faults, ...pace });

const situations: readonly Situation[] = [
  { number: 1, what: "one 429 with Retry-After 2", rules: [once("429:retry-after=2")], calls: [2, 0], withinMs: 4_000 },
  { number: 2, what: "a 429 that stays", rules: [always("429")], mostCalls: 4, withinMs: 3_000 },
  { number: 3, what: "one 500", rules: [once("500")], calls: [2, 0] },
  { number: 4, what: "a 503 that stays", rules: [always("503")], calls: [1, 1] },
  { number: 5, what: "a reset before the headers", rules: [always("reset")] },
  { number: 6, what: "silence for 120 s", rules: [always("slow-headers:120s")], calls: [1, 1], withinMs: 100_000 },
  { number: 7, what: "a first token after 20 s", rules: [always("slow-first-token:20s")], withinMs: 15_000 },
  { number: 8, what: "a cut after 40 words", rules: [once("cut@40")], calls: [2, 0] },
  { number: 8, what: "a cut after 40 words, always", rules: [always("cut@40")], mostCalls: 5 },
  { number: 9, what: "a stall after 20 words", rules: [once("stall@20")], withinMs: 40_000 },
  { number: 10, what: "a malformed event more", rules: [once("malformed@30:extra")], mostCalls: 2 },
  { number: 11, what: "no end marker", rules: [once("missing-end-marker")], withinMs: 8_000 },
  { number: 11, what: "no reason for the end", rules: [once("missing-finish-reason")], withinMs: 8_000 },
  { number: 12, what: "a context that is too long", rules: [always("context-too-long")], calls: [1, 1] },
  {
    number: 14,
    what: "a cut after 40 words, and prefixes are refused",
    rules: [always("cut@40"), { model: fallback, faults: "prefill-refused", ...pace }],
    mostCalls: 5,
  },
  { number: 16, what: "a 503 that stays", rules: [always("503")], mostCalls: 6 },
];

const pairs = [
  ...["anthropic-messages", "openai-responses", "event-source", "plain-text", "ui-message-stream", "gemini"].map(
    (client) => [client, "openai-chat"] as const,
  ),
  ["openai-chat", "anthropic-messages"] as const,
  ["openai-chat", "gemini"] as const,
  ["anthropic-messages", "anthropic-messages"] as const,
].map(([client, provider]) => ({ client, provider }));

function expectWhole({ status, text, looksWhole }: Received): void {
  expect([status, text, looksWhole]).toEqual([200, canonical, true]);
}

function open(provider: string, rules: readonly ScenarioRuleInput[]) {
  return openRecovery({ provider, rules: [...rules, { model: "*", ...pace }] });
}

function callsOf(calls: readonly { body: string; url: string }[], model: string): number {
  return calls.filter(({ body, url }) => body.includes(`"${model}"`) || url.includes(`/${model}:`)).length;
}

describe.each(pairs)("$client from $provider, with default settings and one fallback", ({ client, provider }) => {
  const row: NamedRow = rowOf(client);

  test.each(situations)("($number) $what is not seen", async ({ rules, calls: expected, mostCalls, withinMs }) => {
    const { ask, calls, observations } = await open(provider, rules);
    const received = await ask(row, { wantsUsage: true });
    expectWhole(received);
    expect(attemptsAreCounted(observations)).toBe(true);
    expect(received.tookMs).toBeLessThanOrEqual(withinMs ?? 120_000);
    expect(calls.length).toBeLessThanOrEqual(mostCalls ?? 5);
    const made = [callsOf(calls, primary), callsOf(calls, fallback)];
    expect(made).toEqual(expected ?? made);
    // A text has no place for it.
    expect((received.answer.usage?.outputTokens ?? 0) > 40).toBe(client !== "plain-text");
  });

  test("(13) what the content policy refuses stays refused: a clean error after one attempt", async () => {
    const { ask, calls } = await open(provider, [always("content-policy")]);
    const { status, body, looksWhole } = await ask(row);
    expect([status, looksWhole, calls.length]).toEqual([400, false, 1]);
    expect(body).not.toContain("simulated");
  });

  test("(15) while the primary is down for 60 s every call is served, and it is back at most 30 s after", async () => {
    const { ask, calls, clock } = await open(provider, [always("flap:60s")]);
    let backAt: number | undefined;
    for (let atMs = 0; atMs <= 96_000; atMs += 4_000) {
      await clock.advance(atMs - clock.elapsed());
      const before = calls.length;
      expectWhole(await ask(row));
      const made = calls.slice(before);
      expect(callsOf(made, primary)).toBeLessThanOrEqual(1);
      if (callsOf(made, fallback) === 0) backAt ??= atMs;
    }
    expect(backAt).toBeLessThanOrEqual(90_000);
  });
});
