import { execFileSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import type { StartupSummary } from "./startup.ts";
import { nginxPath } from "./rows.ts";
import type { ScenarioSummary } from "./summary.ts";
import { writeTable } from "./table.ts";
import { judge } from "./targets.ts";
import type { Verdict } from "./targets.ts";

export interface Report {
  date: string;
  machine: Machine;
  quick: boolean;
  scenarios: ScenarioSummary[];
  startup?: StartupSummary;
  /** Rows that could not run here, and why. */
  skipped: Record<string, string>;
  /** Rows that did not do what they should, and why. */
  failed: Record<string, string>;
  verdicts: Verdict[];
}

export interface Machine {
  cpu: string;
  cores: number;
  memoryGb: number;
  kernel: string;
  node: string;
  nginx: string;
}

export function describeMachine(): Machine {
  const nginx = nginxPath();
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release().split("-")[0] ?? "",
    node: process.version,
    nginx: nginx === undefined ? "none" : nginxVersion(nginx),
  };
}

function nginxVersion(nginx: string): string {
  const said = execFileSync("sh", ["-c", '"$0" -v 2>&1', nginx], { encoding: "utf8" });
  return /nginx\/(\S+)/.exec(said)?.[1] ?? "unknown";
}

export function allVerdicts(scenarios: ScenarioSummary[], startup: StartupSummary | undefined): Verdict[] {
  const verdicts = judge(scenarios);
  if (startup === undefined) return verdicts;
  const seconds = startup.medianMs / 1000;
  const promise = "`npm start` on a warm checkout to the first token: at most 2 s";
  return [...verdicts, { promise, measured: `${seconds.toFixed(2)} s`, met: seconds <= 2 }];
}

/** The whole report in Markdown, for the terminal and for `RESULTS.md`. */
export function writeReport(report: Report): string {
  const { machine } = report;
  const parts = [
    `${report.date.slice(0, 10)} · ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB · Linux ${machine.kernel} · ` +
      `Node ${machine.node} · nginx ${machine.nginx}${report.quick ? " · quick run, rough figures" : ""}`,
  ];
  for (const scenario of report.scenarios) {
    parts.push(`## ${scenario.scenario}`, scenario.about, writeTable(scenario));
    if (scenario.doubts.length > 0)
      parts.push(["**Not reliable:**", ...scenario.doubts.map((doubt) => `- ${doubt}`)].join("\n"));
    const flaws = scenario.rows.flatMap(({ row, flaws: found }) =>
      Object.entries(found).map(([flaw, count]) => `- ${row}: ${count} x ${flaw}`),
    );
    if (flaws.length > 0) parts.push(["**Failed streams:**", ...flaws].join("\n"));
  }
  if (report.startup !== undefined) {
    const { medianMs, runsMs } = report.startup;
    const runs = runsMs.map((ms) => (ms / 1000).toFixed(2)).join(", ");
    parts.push("## startup", `\`npm start\` to the first token: median ${(medianMs / 1000).toFixed(2)} s (${runs})`);
  }
  for (const [row, reason] of Object.entries(report.skipped)) parts.push(`Skipped ${row}: ${reason}`);
  for (const [row, reason] of Object.entries(report.failed)) parts.push(`**FAILED ${row}:** ${reason}`);
  if (report.verdicts.length > 0) {
    const lines = report.verdicts.map(
      ({ promise, measured, met }) => `- ${met ? "met" : "**MISSED**"}: ${promise} (measured: ${measured})`,
    );
    parts.push("## Against what is promised", lines.join("\n"));
  }
  return `${parts.join("\n\n")}\n`;
}

export function writeResultsFile(report: Report): string {
  return (
    "# Results\n\nWritten by `npm run bench -- --write`; how each number is taken is in [README.md](README.md).\n\n" +
    writeReport(report)
  );
}
