import type { RowSummary, ScenarioSummary } from "./summary.ts";

/** One promise about Headrace's cost and how the run compares with it. */
export interface Verdict {
  promise: string;
  measured: string;
  met: boolean;
}

interface Target {
  what: string;
  scenarios: string[];
  /** Default: the log at `process`. */
  rows?: string[];
  value: (row: RowSummary) => number | undefined;
  below: number;
  write: (value: number) => string;
}

const ratio = (value: number) => value.toFixed(2);
const milliseconds = (value: number) => `${(value / 1000).toFixed(2)} ms`;
const paced = ["paced-250x40", "paced-1000x10"];

// They hold for the log at `process`; the row with the log in memory is there to show what durability costs.
const targets: Target[] = [
  { what: "CPU per event, times nginx", scenarios: paced, value: (row) => row.cpuVersusNginx, below: 3, write: ratio },
  {
    what: "CPU per event, times the Hono + fetch relay",
    scenarios: paced,
    value: (row) => row.cpuVersusHonoFetch,
    below: 0.9,
    write: ratio,
  },
  {
    what: "added latency p50",
    scenarios: ["latency-125x40"],
    value: (row) => row.addedLatencyP50Us,
    below: 500,
    write: milliseconds,
  },
  {
    what: "added latency p99",
    scenarios: ["latency-125x40"],
    value: (row) => row.addedLatencyP99Us,
    below: 8000,
    write: milliseconds,
  },
  {
    what: "added time to first token p50",
    scenarios: ["latency-125x40"],
    value: (row) => row.addedFirstTokenP50Us,
    below: 2000,
    write: milliseconds,
  },
  {
    what: "memory per open stream",
    scenarios: ["memory-1000"],
    value: (row) => row.memoryPerStreamBytes,
    below: 200_000,
    write: (value) => `${Math.round(value / 1000)} kB`,
  },
  {
    what: "CPU per event, times Chat to Chat",
    scenarios: ["paced-250x40"],
    rows: ["headrace-messages", "headrace-chat-messages"],
    value: (row) => row.cpuVersusChat,
    below: 1.3,
    write: ratio,
  },
  {
    what: "CPU per event, times telemetry off",
    scenarios: ["telemetry-125x40"],
    rows: ["headrace-telemetry"],
    value: (row) => row.cpuVersusUnobserved,
    below: 1.05,
    write: ratio,
  },
  { what: "failed streams", scenarios: [], value: (row) => row.failures, below: 0, write: String },
];

/** What was not measured in this run has no verdict. */
export function judge(summaries: ScenarioSummary[]): Verdict[] {
  return summaries.flatMap(({ scenario, rows }) =>
    rows.flatMap((row) =>
      targets.filter((target) => concerns(target, scenario, row)).flatMap((target) => verdict(target, scenario, row)),
    ),
  );
}

function concerns({ scenarios, rows = ["headrace-process"] }: Target, scenario: string, { row }: RowSummary): boolean {
  return rows.includes(row) && (scenarios.length === 0 || scenarios.includes(scenario));
}

function verdict({ what, value, below, write, rows }: Target, scenario: string, row: RowSummary): Verdict[] {
  const measured = value(row);
  if (measured === undefined) return [];
  const bound = below === 0 ? "none" : `at most ${write(below)}`;
  const subject = rows === undefined ? scenario : `${scenario}, ${row.row}`;
  return [{ promise: `${subject}: ${what} ${bound}`, measured: write(measured), met: measured <= below }];
}
