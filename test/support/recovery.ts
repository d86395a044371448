import { onTestFinished } from "vitest";

import type { Answer } from "../../src/core/answer.ts";
import { answerText, foldAnswer } from "../../src/core/answer.ts";
import { HeadraceError } from "../../src/core/errors.ts";
import type { StreamEvent } from "../../src/core/events.ts";
import { isWhole } from "../../src/core/events.ts";
import type { JsonObject } from "../../src/core/json.ts";
import type { AttemptEnded, Observation } from "../../src/core/observer.ts";
import type { GenerateRequest } from "../../src/core/request.ts";
import type { ConfigInput } from "../../src/index.ts";
import { createHeadrace } from "../../src/index.ts";
import type { ScenarioRuleInput } from "../../src/providers/simulator/faults/scenario.ts";
import { createSimulator } from "../../src/providers/simulator/simulator.ts";
import { createVirtualClock } from "../../src/testing.ts";
import type { NamedRow } from "./protocol-rows.ts";
import { allRows, askIn } from "./protocol-rows.ts";

export function rowOf(name: string): NamedRow {
  const row = allRows.find(({ protocol }) => protocol.name === name);
  if (row === undefined) throw new Error(`there is no row for ${name}`);
  return row;
}

/** What a client that reads its protocol makes of an answer. */
export interface Received {
  status: number;
  headers: Headers;
  /** As it came. */
  body: string;
  text: string;
  answer: Answer;
  /** Taken for a whole answer. */
  looksWhole: boolean;
  tookMs: number;
}

export interface RecoveryOptions {
  /** What the provider speaks. */
  provider?: string;
  /** What goes wrong; all else is sixty words at once. */
  rules?: readonly ScenarioRuleInput[];
  /** Whether its models go on from a begun answer. */
  prefill?: boolean;
  targets?: readonly string[];
  route?: Partial<NonNullable<ConfigInput["routes"]>[string]>;
  config?: ConfigInput;
}

export const primary = "gpt-4o";
export const fallback = "gpt-4o-mini";
/** What a rule says that lets the answer be the canonical one. */
export const sixty = { words: 60, interval: 0 };

/** A gateway on a virtual clock whose route `smart` leads to two models of one simulated provider that fail as told. */
export async function openRecovery(options: RecoveryOptions = {}) {
  const { provider = "openai-chat", rules = [], prefill = false, targets = [primary, fallback] } = options;
  const clock = createVirtualClock();
  const simulator = createSimulator({ clock, scenario: { rules: [...rules, { model: "*", ...sixty }] } });
  const calls: { at: number; url: string; body: string; abortedAt?: number }[] = [];
  const observations: Observation[] = [];
  const { spokenBy } = rowOf(provider);
  if (spokenBy === undefined) throw new Error(`no provider speaks ${provider}`);
  const config: ConfigInput = {
    log: { store: "memory" },
    providers: { box: spokenBy },
    routes: { smart: { ...options.route, targets: targets.map((model) => ({ target: `box/${model}`, prefill })) } },
    ...options.config,
  };
  const headrace = await createHeadrace(config, {
    clock,
    environment: {},
    report: () => {},
    observe: (observation) => observations.push(observation),
    randomness: { number: () => 0.5, bytes: countingBytes() },
    fetch: (url, init) => {
      const call: (typeof calls)[number] = { at: clock.elapsed(), url, body: init?.body as string };
      init?.signal?.addEventListener("abort", () => (call.abortedAt ??= clock.elapsed()), { once: true });
      calls.push(call);
      return simulator(url, init);
    },
  });
  onTestFinished(() => headrace.close());

  const send = (url: string, init: RequestInit): Promise<Response> => headrace.fetch(new Request(url, init));
  const ask = async (row: NamedRow, more: Partial<GenerateRequest> = {}): Promise<Received> => {
    const startedAt = clock.elapsed();
    const asking = askIn(row, "http://127.0.0.1", { ...question, ...more }, send).then((response) =>
      receive(row, response),
    );
    let isOver = false;
    const done = asking.then(
      () => (isOver = true),
      () => (isOver = true),
    );
    for (let step = 0; !isOver && step < 40; step++) await clock.advance(0);
    while (!isOver && clock.elapsed() - startedAt < 600_000) await clock.advance(250);
    await done;
    return { ...(await asking), tookMs: clock.elapsed() - startedAt };
  };
  const ended = (): AttemptEnded[] => observations.filter((one) => one.type === "attempt-ended");
  return { clock, headrace, calls, observations, ended, ask, send };
}

/** Never the same twice, in an alphabet of 62. */
function countingBytes(): (length: number) => Uint8Array<ArrayBuffer> {
  let drawn = 0;
  return (length) => {
    const count = drawn++;
    return new Uint8Array(length).fill(count % 62).fill(Math.floor(count / 62) % 62, 0, 1);
  };
}

export const question: GenerateRequest = {
  model: "smart",
  messages: [{ role: "user", content: [{ type: "text", text: "Why do rivers meander?" }] }],
};

const whole = await createSimulator({ clock: createVirtualClock() })("http://simulator.local/v1/chat/completions", {
  method: "POST",
  body: JSON.stringify({
    model: "instant?words=60",
    messages: [{ role: "user", content: "Why do rivers meander?" }],
  }),
});
/** The sixty words, as every model says them. */
export const canonical = answerText(
  foldAnswer(rowOf("openai-chat").protocol.readAnswer((await whole.json()) as JsonObject)),
);

async function receive({ protocol }: NamedRow, response: Response): Promise<Omit<Received, "tookMs">> {
  const { status, headers } = response;
  const reader = protocol.createEventReader({});
  const events: StreamEvent[] = [];
  let body = "";
  if (status !== 200) body = await response.text();
  else {
    const decoder = new TextDecoder();
    try {
      for await (const bytes of response.body ?? []) {
        body += decoder.decode(bytes, { stream: true });
        events.push(...reader.push(bytes));
      }
      events.push(...reader.end());
    } catch (error) {
      const { code, message } = error as HeadraceError;
      events.push({ type: "stream-end", outcome: "interrupted", error: new HeadraceError(code, message).report() });
    }
  }
  const answer = foldAnswer(events);
  const looksWhole = status === 200 && isWhole(answer.outcome ?? "interrupted");
  return { status, headers, body, text: answerText(answer), answer, looksWhole };
}

/** Each attempt that began has ended, once. */
export function attemptsAreCounted(observations: readonly Observation[]): boolean {
  const started = observations.filter(({ type }) => type === "attempt-started");
  const ended = observations.filter(({ type }) => type === "attempt-ended");
  const key = (one: Observation): string => ("attempt" in one ? `${one.streamId} ${one.attempt}` : "");
  const keys = new Set(ended.map(key));
  return keys.size === ended.length && started.length === ended.length && started.every((one) => keys.has(key(one)));
}
