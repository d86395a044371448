import { describe, expect, test } from "vitest";

import { scriptedModel } from "./support/gateway.ts";
import type { NamedRow } from "./support/protocol-rows.ts";
import { allRows } from "./support/protocol-rows.ts";
import type { RecoveryOptions } from "./support/recovery.ts";
import { attemptsAreCounted, canonical, openRecovery, primary, sixty } from "./support/recovery.ts";

const clients = allRows.filter(({ served }) => served !== undefined);
const providers = allRows.filter(({ spokenBy }) => spokenBy !== undefined).map(({ protocol }) => protocol.name);
const [openai] = clients as [NamedRow];

/** Every client with one provider, and every provider with one client. */
const pairs = [
  ...clients.map((client) => ({ client, provider: "openai-chat" })),
  ...providers.slice(1).map((provider) => ({ client: openai, provider })),
].map((pair) => ({ ...pair, from: pair.client.protocol.name }));

async function ask(client: NamedRow, options: RecoveryOptions) {
  const parts = await openRecovery(options);
  const received = await parts.ask(client);
  expect(attemptsAreCounted(parts.observations)).toBe(true);
  return { ...parts, received };
}

const curable: readonly [row: number, fault: string, calls: number][] = [
  [1, "refuse", 2],
  [1, "refuse:ENOTFOUND", 2],
  [4, "429:retry-after=1,calls=1", 2],
  [4, "429:retry-after=1", 3],
  [5, "429:retry-after=3600", 2],
  [5, "429:retry-after=-5", 2],
  [5, "429:retry-after=soon", 2],
  [5, "429:retry-after-date=86400", 2],
  [6, "500", 3],
  [6, "503", 2],
  [6, "529", 2],
  [7, "401", 2],
  [7, "403", 2],
  [7, "404", 2],
  [8, "error", 2],
  [8, "error:server", 2],
  [8, "error:rate-limit", 2],
  [9, "empty", 2],
  [9, "eof@0", 2],
  [10, "html", 2],
  [10, "html:502", 2],
  [10, "document", 2],
  [10, "content-type:application/octet-stream", 2],
  [11, "black-hole", 2],
  [11, "stall@0", 2],
  [12, "comments", 2],
];

describe.each(curable)("row %i: %s before the first token", (_row, fault, expectedCalls) => {
  test.each(pairs)("is not seen by $from, from $provider", async ({ client, provider }) => {
    const rules = [{ model: primary, faults: fault, ...sixty }];
    const { received, calls, ended } = await ask(client, { provider, rules, route: { hedge: "off" } });
    expect([received.status, received.text, received.looksWhole]).toEqual([200, canonical, true]);
    expect(calls).toHaveLength(expectedCalls);
    expect(ended().at(-1)).toMatchObject({ outcome: "completed" });
    // A limit's end is not slept for; silence lasts as long as its setting says, and ends before the next call begins.
    expect(received.tookMs).toBeLessThan(62_000);
    const hangs = /black-hole|stall|comments/.test(fault);
    expect((calls[0]?.abortedAt ?? Infinity) <= (calls[1]?.at ?? 0)).toBe(hangs);
  });
});

/** A single target that always fails so: what a client is told, after how many calls. */
const hopeless: readonly [row: number, fault: string, status: number, calls: number][] = [
  [1, "refuse", 502, 3],
  [5, "429:retry-after=3600", 503, 1],
  [6, "500", 502, 3],
  [7, "400", 400, 1],
  [7, "401", 502, 1],
  [7, "403", 502, 1],
  [7, "404", 404, 1],
  [7, "422", 400, 1],
  [9, "empty", 502, 3],
  [10, "html", 502, 3],
  [10, "document", 502, 3],
];

describe.each(hopeless)("row %i: %s with nobody else to ask", (_row, fault, status, expectedCalls) => {
  test.each(clients.map((client) => ({ client, from: client.protocol.name })))(
    `is ${status} for $from, in its own shape and our words`,
    async ({ client, from }) => {
      const rules = [{ faults: fault, ...sixty }];
      const { received, calls, ended } = await ask(client, { rules, targets: [primary] });
      const headers = Object.fromEntries(received.headers);
      // What our own kind of error becomes in this protocol.
      const understood = client.protocol.readError({ status: received.status, headers, body: received.body });
      expect([from, received.status >= 400, received.looksWhole]).toEqual([from, true, false]);
      expect([status, from === "bedrock-converse" ? received.status : status]).toContain(received.status);
      expect(understood.message).not.toBe("");
      expect(received.body).not.toMatch(/simulated|<html|nginx/i);
      expect(calls).toHaveLength(expectedCalls);
      expect(ended().every(({ usage }) => usage === undefined)).toBe(true);
      expect(headers["retry-after"]).toBe(fault.includes("3600") ? "3600" : undefined);
    },
  );
});

test("row 62: with every target failing for hundreds of requests a second, open answers go on, and refusals are quick", async () => {
  const words = Array.from({ length: 20 }, (_, index) => `w${index} `);
  const script = scriptedModel(words);
  const release = script.hold(5);
  const rules = [{ faults: "503", ...sixty }];
  const { clock, calls, send } = await openRecovery({ rules, config: { models: { poet: script.model } } });
  const post = (model: string): Promise<Response> => {
    const body = JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "go" }] });
    const headers = { "content-type": "application/json" };
    return send("http://127.0.0.1/v1/chat/completions", { method: "POST", headers, body });
  };
  const open = await Promise.all(Array.from({ length: 5 }, () => post("poet")));
  const refusals: { status: number; afterMs: number }[] = [];
  const requests = 300;
  for (let index = 0; index < requests; index++) {
    const startedAt = clock.elapsed();
    void post("smart").then(({ status }) => refusals.push({ status, afterMs: clock.elapsed() - startedAt }));
    await clock.advance(10);
  }
  await clock.advance(30_000);
  expect(refusals).toHaveLength(requests);
  expect(new Set(refusals.map(({ status }) => status))).toEqual(new Set([503]));
  expect(calls.length).toBeLessThanOrEqual(requests * 1.2);
  // Nobody is kept waiting for longer than a place in the queue is worth.
  expect(Math.max(...refusals.map(({ afterMs }) => afterMs))).toBeLessThanOrEqual(10_000);
  release();
  for (const response of open) {
    const text = await response.text();
    for (const word of words) expect(text).toContain(word);
    expect(text).toContain("[DONE]");
  }
});
