import type { LoadPlan } from "./load-plan.ts";

/** One load, put on every row. */
export interface Scenario {
  name: string;
  /** For people: what it is there to find out. */
  about: string;
  plan: Omit<LoadPlan, "port" | "path" | "model">;
  /** How often each row is measured; the table shows the median. */
  rounds: number;
  /** The only rows that it is there for. Default: all. */
  rows?: readonly string[];
  /** Memory is taken: needs all streams open at once, and an idle row before. */
  memory?: true;
}

const steady = { events: 200, renew: true, rampMs: 1000, warmUpMs: 3500 };

export const scenarios: Scenario[] = [
  {
    name: "paced-250x40",
    about: "250 streams, 40 events/s each: 10,000 events/s",
    plan: { ...steady, streams: 250, rate: 40, measureMs: 4000 },
    rounds: 2,
  },
  {
    name: "paced-1000x10",
    about: "1,000 streams, 10 events/s each: 10,000 events/s",
    plan: { ...steady, streams: 1000, rate: 10, rampMs: 2500, warmUpMs: 5000, measureMs: 5000 },
    rounds: 1,
  },
  {
    name: "latency-125x40",
    about: "125 streams, 40 events/s each: 5,000 events/s; the one to read latency from",
    plan: { ...steady, streams: 125, rate: 40, measureMs: 4000 },
    rounds: 2,
  },
  {
    name: "telemetry-125x40",
    about: "the same load, with and without telemetry, in turns: a small difference needs many rounds",
    plan: { ...steady, streams: 125, rate: 40, measureMs: 4000 },
    rounds: 7,
    rows: ["headrace-unobserved", "headrace-telemetry"],
  },
  {
    name: "memory-1000",
    about: "1,000 streams of 200 events at 10 events/s, all open at once",
    plan: { streams: 1000, rate: 10, events: 200, renew: false, rampMs: 1000, warmUpMs: 1000, measureMs: 18_500 },
    rounds: 1,
    memory: true,
  },
  {
    name: "unpaced",
    about: "8 streams of 2,000 events, as fast as they come",
    plan: { streams: 8, rate: 0, events: 2000, renew: true, rampMs: 0, warmUpMs: 1500, measureMs: 4000 },
    rounds: 1,
  },
];

/** Run before memory is taken, so that code is compiled and heaps have their working size. */
export const memoryWarmUp: Scenario["plan"] = { ...steady, streams: 100, rate: 40, warmUpMs: 1000, measureMs: 1500 };

/** The same in 2 s a measurement, for development; its figures are rough. */
export function quick(scenario: Scenario): Scenario {
  const { plan } = scenario;
  if (scenario.memory !== true)
    return { ...scenario, rounds: 1, plan: { ...plan, warmUpMs: plan.rampMs + 1000, measureMs: 2000 } };
  return { ...scenario, plan: { ...plan, events: 50, measureMs: 3500 } };
}
