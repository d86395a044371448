import type { Measurement } from "./measure.ts";
import { median } from "./samples.ts";
import type { Scenario } from "./scenarios.ts";

/** What the table says about one row in one scenario: medians over the rounds. */
export interface RowSummary {
  row: string;
  label: string;
  rounds: number;
  streams: number;
  failures: number;
  flaws: Record<string, number>;
  eventsPerSecond: number;
  cpuPerEventUs?: number;
  /** The lowest and the highest of the rounds. */
  cpuPerEventRangeUs?: [number, number];
  cpuVersusNginx?: number | undefined;
  cpuVersusHonoFetch?: number | undefined;
  /** Compared with Headrace between two sides that both speak Chat Completions. */
  cpuVersusChat?: number | undefined;
  /** Compared with Headrace that neither counts nor traces. */
  cpuVersusUnobserved?: number | undefined;
  latencyP50Us: number;
  latencyP99Us: number;
  /** Minus what `nothing` showed in the same round, at the same percentile. */
  addedLatencyP50Us?: number;
  addedLatencyP99Us?: number;
  firstTokenP50Us: number;
  addedFirstTokenP50Us?: number;
  memoryPerStreamBytes?: number;
  idleBytes?: number;
  /** Of the load client and of the upstream: share of the time they were busy. */
  clientBusy: number;
  clientLoopDelayUs: number;
  upstreamBusy: number;
  upstreamLateP99Us: number;
  /** Share of the machine's CPU that went to neither the row nor the bench. */
  foreignCpu: number;
}

export interface ScenarioSummary {
  scenario: string;
  about: string;
  rows: RowSummary[];
  /** Reasons not to trust the figures above. */
  doubts: string[];
}

/** Measurements of one scenario by row name, one per round. */
export type Rounds = Map<string, Measurement[]>;

export function summarize(scenario: Scenario, labels: Map<string, string>, rounds: Rounds): ScenarioSummary {
  const baseline = rounds.get("nothing");
  const rows = [...rounds].map(([row, list]) => summarizeRow(scenario, row, labels.get(row) ?? row, list, baseline));
  for (const row of rows) {
    const times = (other: string) => cpuRatio(rounds.get(row.row), rounds.get(other));
    row.cpuVersusNginx = times("nginx");
    row.cpuVersusUnobserved = times("headrace-unobserved");
    row.cpuVersusChat = times("headrace-process");
    row.cpuVersusHonoFetch = times("hono-fetch");
  }
  return { scenario: scenario.name, about: scenario.about, rows, doubts: doubts(scenario, rows) };
}

/** Median of the ratios within each round, in which both had the same machine; undefined when it does not exist. */
function cpuRatio(one: Measurement[] | undefined, other: Measurement[] | undefined): number | undefined {
  if (one === undefined || other === undefined) return undefined;
  const perEvent = ({ cpuUs, load }: Measurement): number => cpuUs / load.events;
  const ratios = one.flatMap((measured, round) => {
    const beside = other[round];
    const isThere = beside !== undefined && measured.cpuUs > 0 && beside.cpuUs > 0;
    return isThere ? [perEvent(measured) / perEvent(beside)] : [];
  });
  return median(ratios);
}

function summarizeRow(
  scenario: Scenario,
  row: string,
  label: string,
  list: Measurement[],
  baseline: Measurement[] | undefined,
): RowSummary {
  const paced = scenario.plan.rate > 0;
  const middle = (value: (one: Measurement) => number) => median(list.map(value)) ?? 0;
  const summary: RowSummary = {
    row,
    label,
    rounds: list.length,
    streams: list.reduce((sum, { load }) => sum + load.streams, 0),
    failures: list.reduce((sum, { load }) => sum + load.failures, 0),
    flaws: Object.assign({}, ...list.map(({ load }) => load.flaws)) as Record<string, number>,
    eventsPerSecond: middle(({ load }) => (load.events * 1000) / load.windowMs),
    // Without a pace, an event's latency is the length of the queue before it, which says nothing.
    latencyP50Us: paced ? middle(({ load }) => load.latencyUs.p50) : 0,
    latencyP99Us: paced ? middle(({ load }) => load.latencyUs.p99) : 0,
    firstTokenP50Us: paced ? middle(({ load }) => load.firstTokenUs.p50) : 0,
    clientBusy: middle(({ load }) => load.busy),
    clientLoopDelayUs: middle(({ load }) => load.loopDelayUs),
    upstreamBusy: middle(({ upstream }) => upstream.busy),
    upstreamLateP99Us: middle(({ upstream }) => upstream.latenessUs.p99),
    foreignCpu: middle(({ foreignCpu }) => foreignCpu),
  };
  if (row === "nothing") return summary;
  const cpuPerEventUs = list.map(({ cpuUs, load }) => cpuUs / load.events);
  summary.cpuPerEventUs = median(cpuPerEventUs) ?? 0;
  summary.cpuPerEventRangeUs = [Math.min(...cpuPerEventUs), Math.max(...cpuPerEventUs)];
  if (scenario.memory === true) {
    summary.idleBytes = middle(({ idleBytes }) => idleBytes);
    summary.memoryPerStreamBytes = middle(
      ({ peakBytes, idleBytes }) => (peakBytes - idleBytes) / scenario.plan.streams,
    );
  }
  if (baseline === undefined || !paced) return summary;
  const added = (value: (one: Measurement) => number) =>
    median(list.flatMap((one, round) => (baseline[round] === undefined ? [] : [value(one) - value(baseline[round])])));
  const p50 = added(({ load }) => load.latencyUs.p50);
  const p99 = added(({ load }) => load.latencyUs.p99);
  const firstToken = added(({ load }) => load.firstTokenUs.p50);
  if (p50 !== undefined) summary.addedLatencyP50Us = p50;
  if (p99 !== undefined) summary.addedLatencyP99Us = p99;
  const hasFirstTokens = list.some(({ load }) => load.firstTokenUs.count > 0);
  if (firstToken !== undefined && hasFirstTokens) summary.addedFirstTokenP50Us = firstToken;
  return summary;
}

function doubts({ plan }: Scenario, rows: RowSummary[]): string[] {
  return rows.flatMap((row) => {
    const found = doubtsOf(row, plan.streams * plan.rate);
    return found.length === 0 ? [] : [`${row.row}: ${found.join("; ")}`];
  });
}

function doubtsOf(row: RowSummary, wantedPerSecond: number): string[] {
  const found: string[] = [];
  if (row.foreignCpu > 0.1) found.push(`other programs used ${percent(row.foreignCpu)} of the machine`);
  if (wantedPerSecond === 0) return found;
  if (row.row === "nothing" && row.latencyP99Us > 5000)
    found.push(`with no relay 1 % of the events took over ${milliseconds(row.latencyP99Us)}`);
  if (row.upstreamLateP99Us > 10_000)
    found.push(`the upstream wrote ${milliseconds(row.upstreamLateP99Us)} late (p99)`);
  if (row.clientBusy > 0.9) found.push(`the load client was ${percent(row.clientBusy)} busy`);
  if (row.clientLoopDelayUs > 20_000)
    found.push(`the load client read ${milliseconds(row.clientLoopDelayUs)} late (p99)`);
  if (row.eventsPerSecond < wantedPerSecond * 0.95)
    found.push(`only ${Math.round(row.eventsPerSecond)} of ${wantedPerSecond} events/s came through`);
  return found;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function milliseconds(microseconds: number): string {
  return `${(microseconds / 1000).toFixed(1)} ms`;
}
