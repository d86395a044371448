import type { RowSummary, ScenarioSummary } from "./summary.ts";

interface Column {
  title: string;
  cell: (row: RowSummary) => string;
}

const number = (value: number | undefined, digits: number) => (value === undefined ? "-" : value.toFixed(digits));
const milliseconds = (value: number | undefined) => number(value === undefined ? undefined : value / 1000, 2);

const columns: Column[] = [
  { title: "through", cell: (row) => row.label },
  { title: "events/s", cell: (row) => String(Math.round(row.eventsPerSecond)) },
  { title: "CPU us/event", cell: (row) => number(row.cpuPerEventUs, 1) },
  { title: "range", cell: range },
  { title: "x nginx", cell: (row) => number(row.cpuVersusNginx, 2) },
  { title: "x Hono", cell: (row) => number(row.cpuVersusHonoFetch, 2) },
  { title: "latency p50 ms", cell: (row) => added(row, row.addedLatencyP50Us, row.latencyP50Us) },
  { title: "p99 ms", cell: (row) => added(row, row.addedLatencyP99Us, row.latencyP99Us) },
  { title: "first token p50 ms", cell: (row) => added(row, row.addedFirstTokenP50Us, row.firstTokenP50Us) },
  {
    title: "kB/stream",
    cell: (row) => number(row.memoryPerStreamBytes === undefined ? undefined : row.memoryPerStreamBytes / 1000, 0),
  },
  { title: "failed", cell: (row) => `${row.failures} of ${row.streams}` },
];

/** Of several rounds. */
function range({ rounds, cpuPerEventRangeUs }: RowSummary): string {
  return rounds < 2 || cpuPerEventRangeUs === undefined ? "-" : cpuPerEventRangeUs.map((us) => us.toFixed(0)).join("-");
}

/** What a row adds; for `nothing` itself, in brackets, what there is to add to. */
function added(row: RowSummary, value: number | undefined, absolute: number): string {
  if (value !== undefined) return `${value < 0 ? "" : "+"}${milliseconds(value)}`;
  return row.row === "nothing" && absolute > 0 ? `(${milliseconds(absolute)})` : "-";
}

/** A Markdown table, aligned so that it reads well in a terminal too. */
export function writeTable({ rows }: ScenarioSummary): string {
  const shown = columns.filter(({ cell }) => rows.some((row) => cell(row) !== "-"));
  const cells = [shown.map(({ title }) => title), ...rows.map((row) => shown.map(({ cell }) => cell(row)))];
  const widths = shown.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const write = (line: string[]) =>
    `| ${line.map((cell, column) => pad(cell, widths[column] ?? 0, column === 0)).join(" | ")} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [write(cells[0] ?? []), rule, ...cells.slice(1).map(write)].join("\n");
}

function pad(cell: string, width: number, left: boolean): string {
  return left ? cell.padEnd(width) : cell.padStart(width);
}
