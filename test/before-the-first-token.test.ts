import { describe, expect, onTestFinished, test } from "vitest";

import { answerText, foldAnswer } from "../src/core/answer.ts";
import type { Answer } from "../src/core/answer.ts";
import type { StreamEvent } from "../src/core/events.ts";
import type { AttemptEnded, Observation } from "../src/core/observer.ts";
import type { GenerateRequest } from "../src/core/request.ts";
import { createHeadrace } from "../src/index.ts";
import { createSimulator } from "../src/providers/simulator/simulator.ts";
import { createVirtualClock } from "../src/testing.ts";
import type { NamedRow } from "./support/protocol-rows.ts";
import { allRows, askIn } from "./support/protocol-rows.ts";

const clients = allRows.filter(({ served }) => served !== undefined);
const providers = allRows.filter(({ spokenBy }) => spokenBy !== undefined);
const pairs = clients.flatMap((client) =>
  providers.map((provider) => ({ client, provider, from: client.protocol.name, to: provider.protocol.name })),
);

/** What a provider can do before its first token, by the row of the fault matrix, and how often it is then called. */
const faults = [
  { row: 1, fault: "refuse", calls: 1 },
  { row: 4, fault: "429:retry-after=2", calls: 2 },
  { row: 5, fault: "429:retry-after=3600", calls: 1 },
  { row: 5, fault: "429:retry-after=soon", calls: 1 },
  { row: 5, fault: "429:retry-after=-5", calls: 1 },
  { row: 6, fault: "500", calls: 2 },
  { row: 6, fault: "503", calls: 1 },
  { row: 6, fault: "529", calls: 1 },
  { row: 7, fault: "401", calls: 1 },
  { row: 7, fault: "404", calls: 1 },
  { row: 7, fault: "context-too-long", calls: 1 },
  { row: 8, fault: "error", calls: 1 },
  { row: 9, fault: "empty", calls: 1 },
  { row: 10, fault: "html", calls: 1 },
  { row: 10, fault: "document", calls: 1 },
  { row: 11, fault: "black-hole", calls: 1 },
  { row: 11, fault: "slow-first-token:20s", calls: 1 },
  { row: 12, fault: "comments", calls: 1 },
] as const;

const sixty = "words=60&interval=15";

/** A gateway on a virtual clock: a provider that goes wrong in one way, and the same one in good health. */
async function open({ spokenBy }: NamedRow, fault: string) {
  const clock = createVirtualClock();
  const observations: Observation[] = [];
  const headrace = await createHeadrace(
    {
      log: { store: "memory" },
      providers: spokenBy === undefined ? {} : { ill: spokenBy, well: spokenBy },
      routes: { smart: { targets: [`ill/instant?${sixty}&fault=${fault}`, `well/instant?${sixty}`] } },
    },
    {
      clock,
      fetch: createSimulator({ clock }),
      environment: {},
      observe: (observation) => observations.push(observation),
      report: () => {},
    },
  );
  onTestFinished(() => headrace.close());
  const ask = async (client: NamedRow, model: string): Promise<{ status: number; answer: Answer; text: string }> => {
    const request: GenerateRequest = {
      model,
      messages: [{ role: "user", content: [{ type: "text", text: "Say sixty words." }] }],
      wantsStream: true,
    };
    const reading = receive(client, request, (url, init) => headrace.fetch(new Request(url, init)));
    let isOver = false;
    void reading.finally(() => (isOver = true)).catch(() => {});
    for (let waitedMs = 0; !isOver && waitedMs < 200_000; waitedMs += 250) await clock.advance(250);
    return reading;
  };
  const attempts = (): AttemptEnded[] => observations.filter((seen) => seen.type === "attempt-ended");
  return { clock, ask, attempts, observations };
}

async function receive(
  client: NamedRow,
  request: GenerateRequest,
  send: (url: string, init: RequestInit) => Promise<Response>,
): Promise<{ status: number; answer: Answer; text: string }> {
  const response = await askIn(client, "http://127.0.0.1", request, send);
  const reader = client.protocol.createEventReader({});
  const events: StreamEvent[] = [];
  let text = "";
  try {
    for await (const bytes of response.body ?? []) {
      text += new TextDecoder().decode(bytes);
      events.push(...reader.push(bytes));
    }
    events.push(...reader.end());
  } catch {
    events.push({ type: "stream-end", outcome: "interrupted" });
  }
  return { status: response.status, answer: foldAnswer(events), text };
}

describe.each(pairs)("a client of $from, a provider of $to", ({ client, provider }) => {
  test.each(faults)("row $row: $fault is not seen by anybody", async ({ fault, calls }) => {
    const { ask, attempts, observations } = await open(provider, fault);
    const { status, answer } = await ask(client, "smart");
    expect(status).toBe(200);
    expect(answer.outcome).toBe("completed");
    expect(answerText(answer).trim().split(/\s+/)).toHaveLength(60);
    expect(attempts().filter((attempt) => attempt.provider === "ill")).toHaveLength(calls);
    expect(attempts().at(-1)).toMatchObject({ provider: "well", outcome: "completed" });
    expect(observations.filter(({ type }) => type === "attempt-started")).toHaveLength(attempts().length);
  });

  test("row 7: what the content policy refuses is refused once, with a status and in our own words", async () => {
    const { ask, attempts } = await open(provider, "content-policy");
    const { status, text } = await ask(client, "smart");
    expect(status).toBe(400);
    expect(text).not.toContain("<html");
    expect(attempts()).toHaveLength(1);
  });

  test("row 6: with nobody left to ask, the client gets one error with a status", async () => {
    const { ask, attempts } = await open(provider, "503");
    const { status } = await ask(client, `ill/instant?${sixty}&fault=503`);
    expect(status).toBe(client.protocol.name === "anthropic-messages" ? 529 : 503);
    expect(attempts()).toHaveLength(3);
  });
});
