import type { ProtocolName } from "../../src/core/events.ts";
import type { ScenarioRuleInput } from "../../src/providers/simulator/faults/scenario.ts";
import { SeededRandom } from "../../src/providers/simulator/random.ts";
import type { OnDisconnect } from "../../src/streams/streams.ts";

/** Everything that happens in one simulated world, drawn from a seed before it begins. */
export interface WorldPlan {
  seed: number;
  targets: TargetPlan[];
  streams: StreamPlan[];
  /** Milliseconds between two words of a provider. */
  interval: number;
  hedgeAfterMs: number;
  lingerMs: number;
}

export interface TargetPlan {
  model: string;
  protocol: ProtocolName;
  prefill: boolean;
  rules: ScenarioRuleInput[];
}

export interface StreamPlan {
  question: string;
  protocol: ProtocolName;
  startsAt: number;
  onDisconnect: OnDisconnect;
  recovery: "auto" | "off";
  readers: ReaderPlan[];
  /** When its owner stops it. */
  stopsAt?: number;
  /** When its owner breaks the connection to its provider. */
  breaksAt?: number;
  /** When another writer takes it over, and ends it. */
  takenOverAt?: number;
}

export interface ReaderPlan {
  startsAt: number;
  /** Each time it stays so long, and comes back after so long; the last time it stays. */
  visits: { stayMs: number; awayMs: number }[];
  /** Never comes back after its last visit. */
  leaves: boolean;
  /** What its connection takes before it has enough, and how long it then needs; a quick one takes everything. */
  slow?: { bytes: number; restMs: number };
}

const providers: [ProtocolName, ...ProtocolName[]] = [
  "openai-chat",
  "anthropic-messages",
  "gemini",
  "openai-responses",
];
const clients: [ProtocolName, ...ProtocolName[]] = [
  "openai-chat",
  "anthropic-messages",
  "openai-responses",
  "event-source",
  "ui-message-stream",
  "events",
];
export const questions: [string, ...string[]] = [
  "Why do rivers meander?",
  "What is a tide?",
  "How do birds find south?",
];

/** None of these changes a word of the answer. */
const faults: [(at: number) => string, ...((at: number) => string)[]] = [
  (at) => `cut@${at}`,
  (at) => `cut@${at}`,
  (at) => `reset@${at}`,
  (at) => `eof@${at}`,
  (at) => `cut@${at * 90}b`,
  (at) => `stall@${at}`,
  (at) => `stall@${at}:comments`,
  (at) => `stall@${at}:${at}s`,
  (at) => `error@${at}`,
  (at) => `error@${at}:rate-limit`,
  (at) => `malformed@${at}:extra`,
  () => "refuse",
  () => "reset",
  () => "429",
  (at) => `429:retry-after=${at % 8}`,
  () => "500",
  () => "503",
  (at) => `flap:${at}s`,
  () => "black-hole",
  () => "empty",
  () => "html",
  () => "error",
  () => "comments",
  (at) => `slow-first-token:${at}s`,
  (at) => `slow-headers:${at}s`,
  () => "missing-end-marker",
  () => "missing-end-marker:open",
  () => "missing-finish-reason",
  () => "missing-usage",
  () => "restart",
  () => "repeat:9",
  () => "prefill-refused",
  () => "content-policy",
  () => "context-too-long",
  (at) => `content-filter@${at}`,
  () => "split:7",
  () => "line-ends:mixed",
];

/** The same seed, the same plan. */
export function drawPlan(seed: number): WorldPlan {
  const random = new SeededRandom(`world ${seed}`);
  const upTo = (most: number): number => Math.floor(random.number() * (most + 1));
  const chance = (share: number): boolean => random.number() < share;
  const interval = random.pick([0, 1, 5, 15, 15, 40]);
  // Drawn apart, so that the other plans of a seed stay what they were.
  const drills = new SeededRandom(`drills ${seed}`);

  const drawRule = (model: string): ScenarioRuleInput => {
    const wishes = Array.from({ length: chance(0.2) ? 2 : 1 }, () => random.pick(faults)(1 + upTo(59)));
    const from = 1 + upTo(2);
    return {
      model,
      calls: chance(0.3) ? `${from}-` : `${from}-${from + upTo(2)}`,
      faults: wishes,
      words: 60,
      interval,
    };
  };
  const drawTarget = (_value: unknown, index: number): TargetPlan => {
    const model = ["gpt-4o", "gpt-4o-mini", "claude-3-haiku"][index] as string;
    const rules = Array.from({ length: upTo(3) }, () => drawRule(model));
    return { model, protocol: random.pick(providers), prefill: chance(0.5), rules };
  };
  const drawReader = (): ReaderPlan => ({
    startsAt: chance(0.6) ? 0 : upTo(3_000),
    visits: Array.from({ length: upTo(3) }, () => ({ stayMs: upTo(800), awayMs: upTo(chance(0.1) ? 20_000 : 600) })),
    leaves: chance(0.15),
    ...(chance(0.3) && { slow: { bytes: 200 + upTo(4_000), restMs: 1 + upTo(400) } }),
  });
  const drawStream = (_value: unknown, index: number): StreamPlan => ({
    question: questions[index] as string,
    protocol: random.pick(clients),
    startsAt: upTo(500),
    onDisconnect: chance(0.5) ? "continue" : "cancel",
    recovery: chance(0.9) ? "auto" : "off",
    readers: Array.from({ length: 1 + upTo(3) }, drawReader),
    ...(chance(0.06) && { stopsAt: upTo(2_000) }),
    ...(chance(0.06) && { takenOverAt: upTo(2_000) }),
    ...(drills.number() < 0.15 && { breaksAt: Math.floor(drills.number() * 1_500) }),
  });
  return {
    seed,
    interval,
    hedgeAfterMs: random.pick([300, 2_000, 10_000]),
    lingerMs: random.pick([0, 500, 10_000]),
    targets: Array.from({ length: 1 + upTo(2) }, drawTarget),
    streams: Array.from({ length: 1 + upTo(2) }, drawStream),
  };
}
