/** `npm run bench`: the same load through every row, side by side. What the figures mean is in README.md. */
import { writeFileSync } from "node:fs";
import { measure, startUpstream } from "./measure.ts";
import type { Measurement, Upstream } from "./measure.ts";
import { readOptions, usage } from "./options.ts";
import type { Options } from "./options.ts";
import { allVerdicts, describeMachine, writeReport, writeResultsFile } from "./report.ts";
import type { Report } from "./report.ts";
import { rows as allRows } from "./rows.ts";
import type { Row } from "./rows.ts";
import { scenarios as allScenarios, quick } from "./scenarios.ts";
import type { Scenario } from "./scenarios.ts";
import { measureStartup } from "./startup.ts";
import { summarize } from "./summary.ts";
import type { Rounds, ScenarioSummary } from "./summary.ts";

const labels = new Map(allRows.map(({ name, label }) => [name, label]));

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

class Run {
  readonly skipped: Record<string, string> = {};
  readonly failed: Record<string, string> = {};
  readonly measurements: { scenario: string; row: string; round: number; measurement: Measurement }[] = [];

  /** Rows take turns, so that a machine that becomes slower for a while does so for all of them. */
  async scenario(scenario: Scenario, rows: Row[], upstream: Upstream): Promise<ScenarioSummary> {
    progress(`${scenario.name}: ${scenario.about}`);
    const rounds: Rounds = new Map();
    for (let round = 1; round <= scenario.rounds; round++) {
      for (const row of rows) {
        // Memory of nothing is nothing.
        if (row.name in this.failed || (scenario.memory === true && row.start === undefined)) continue;
        const measurement = await this.#measure(row, scenario, upstream);
        if (measurement === undefined) continue;
        this.measurements.push({ scenario: scenario.name, row: row.name, round, measurement });
        rounds.set(row.name, [...(rounds.get(row.name) ?? []), measurement]);
        progress(`  ${round}/${scenario.rounds} ${row.name.padEnd(18)} ${describe(measurement)}`);
      }
    }
    return summarize(scenario, labels, rounds);
  }

  async #measure(row: Row, scenario: Scenario, upstream: Upstream): Promise<Measurement | undefined> {
    try {
      return await measure(row, scenario, upstream);
    } catch (error) {
      this.failed[row.name] = error instanceof Error ? error.message : String(error);
      progress(`  FAILED ${row.name}: ${this.failed[row.name]}`);
      return undefined;
    }
  }

  async startup() {
    progress("startup: npm start to the first token");
    try {
      return await measureStartup();
    } catch (error) {
      this.failed["startup"] = error instanceof Error ? error.message : String(error);
      progress(`  FAILED startup: ${this.failed["startup"]}`);
      return undefined;
    }
  }
}

function describe({ load, cpuUs }: Measurement): string {
  const cpu = cpuUs === 0 ? "" : `${(cpuUs / load.events).toFixed(1)} us/event, `;
  const latency = `p50 ${(load.latencyUs.p50 / 1000).toFixed(2)} p99 ${(load.latencyUs.p99 / 1000).toFixed(2)} ms`;
  return `${cpu}${Math.round((load.events * 1000) / load.windowMs)} events/s, ${latency}, ${load.failures} failed`;
}

async function runAll(options: Options): Promise<{ report: Report; run: Run }> {
  const run = new Run();
  const rows: Row[] = [];
  for (const row of allRows.filter(({ name }) => options.rows.includes(name))) {
    const missing = row.missing?.();
    if (missing === undefined) rows.push(row);
    else run.skipped[row.name] = missing;
  }
  const summaries: ScenarioSummary[] = [];
  const upstream = await startUpstream();
  try {
    for (const scenario of allScenarios.filter(({ name }) => options.scenarios.includes(name))) {
      const chosen = options.quick ? quick(scenario) : scenario;
      const repeated = { ...chosen, rounds: options.rounds ?? chosen.rounds };
      const { rows: ofScenario = rows.map(({ name }) => name) } = chosen;
      const concerned = rows.filter(
        ({ name, scenarios = [chosen.name] }) => scenarios.includes(chosen.name) && ofScenario.includes(name),
      );
      const summary = await run.scenario(repeated, concerned, upstream);
      if (summary.rows.length > 0) summaries.push(summary);
    }
  } finally {
    upstream.stop();
  }
  const startup = options.startup ? await run.startup() : undefined;
  const report: Report = {
    date: new Date().toISOString(),
    machine: describeMachine(),
    quick: options.quick,
    scenarios: summaries,
    ...(startup === undefined ? {} : { startup }),
    skipped: run.skipped,
    failed: run.failed,
    verdicts: allVerdicts(summaries, startup),
  };
  return { report, run };
}

/** Only runs worth keeping: what a failed row said is for the person at the terminal. */
function writeResults(report: Report): void {
  if (report.quick || Object.keys(report.failed).length > 0)
    progress("RESULTS.md is left as it is: quick or failed run");
  else writeFileSync(new URL("./RESULTS.md", import.meta.url), writeResultsFile(report));
}

async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    progress(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  const { report, run } = await runAll(options);
  process.stdout.write(`\n${writeReport(report)}`);
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify({ ...report, measurements: run.measurements }, null, 2)}\n`);
  }
  if (options.write) writeResults(report);
  const streamsFailed = report.scenarios.some(({ rows }) => rows.some(({ failures }) => failures > 0));
  return Object.keys(run.failed).length > 0 || streamsFailed ? 1 : 0;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();
