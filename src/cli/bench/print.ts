import { printable, styled } from "../terminal.ts";
import type { Summary } from "./summary.ts";

interface Column {
  title: string;
  text: (summary: Summary) => string;
  left?: true;
}

const model: Column = { title: "MODEL", text: ({ model: name }) => name, left: true };
const errors: Column = { title: "ERRORS", text: (summary) => String(errorCount(summary)) };
const rate: Column = { title: "TOKENS/S", text: ({ tokensPerSecond }) => numberText(tokensPerSecond) };
const total: Column = { title: "TOTAL p50", text: ({ totalMs }) => timeText(totalMs?.p50) };

/** The table people know: one line for each model. */
const table: readonly Column[] = [
  model,
  { title: "FIRST TOKEN p50", text: ({ seenMs }) => timeText(seenMs?.p50) },
  { title: "p95", text: ({ seenMs }) => timeText(seenMs?.p95) },
  rate,
  total,
  { title: "$/1M OUTPUT", text: ({ costPerMillionOutputTokens }) => priceText(costPerMillionOutputTokens) },
  { title: "CONTEXT", text: ({ contextTokens }) => (contextTokens === undefined ? "?" : contextText(contextTokens)) },
  errors,
];

/** Streaming beside waiting for the whole: when does somebody see something? */
const comparison: readonly Column[] = [
  model,
  { title: "MODE", text: ({ mode }) => mode, left: true },
  { title: "SEEN AFTER p50", text: ({ seenMs }) => timeText(seenMs?.p50) },
  { title: "p95", text: ({ seenMs }) => timeText(seenMs?.p95) },
  total,
  rate,
  errors,
];

const barWidth = 40;

/** Prints what was measured: a table, bars, and what went wrong. */
export function printSummaries(summaries: readonly Summary[], { compared }: { compared: boolean }): void {
  const lines = [
    ...tableLines(compared ? comparison : table, summaries),
    "",
    ...timeBars(summaries, compared),
    ...(compared ? comparisonLines(summaries) : rateBars(summaries)),
    ...errorLines(summaries),
    ...costLine(summaries),
  ];
  process.stdout.write(`${lines.join("\n").trimEnd()}\n`);
}

function tableLines(columns: readonly Column[], summaries: readonly Summary[]): string[] {
  const texts = summaries.map((summary) => columns.map(({ text }) => text(summary)));
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...texts.map((row) => (row[index] ?? "").length)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, index) =>
        columns[index]?.left ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [styled("bold", line(columns.map(({ title }) => title))), ...texts.map(line)];
}

/** Solid until the median, light until the 95th percentile. */
function timeBars(summaries: readonly Summary[], compared: boolean): string[] {
  const longest = Math.max(0, ...summaries.map(({ seenMs }) => seenMs?.p95 ?? 0));
  const title = compared ? "Until somebody sees something" : "Time to first token";
  const rows = summaries.flatMap(({ model: name, mode, seenMs }): [string, string][] => {
    if (seenMs === undefined) return [];
    const solid = cells(seenMs.p50, longest);
    const light = Math.max(0, cells(seenMs.p95, longest) - solid);
    const bar = styled(mode === "blocking" ? "yellow" : "cyan", "█".repeat(solid)) + styled("dim", "░".repeat(light));
    const label = compared ? `${name} ${mode}` : name;
    return [[label, `${bar} ${timeText(seenMs.p50)}, p95 ${timeText(seenMs.p95)}`]];
  });
  return barLines(title, rows);
}

function rateBars(summaries: readonly Summary[]): string[] {
  const highest = Math.max(0, ...summaries.map(({ tokensPerSecond }) => tokensPerSecond ?? 0));
  const rows = summaries.flatMap(({ model: name, tokensPerSecond }): [string, string][] => {
    if (tokensPerSecond === undefined) return [];
    return [[name, `${styled("green", "█".repeat(cells(tokensPerSecond, highest)))} ${numberText(tokensPerSecond)}`]];
  });
  return barLines("Tokens per second", rows);
}

function barLines(title: string, rows: readonly [string, string][]): string[] {
  if (rows.length === 0) return [];
  const width = Math.max(...rows.map(([label]) => label.length));
  return [styled("bold", title), ...rows.map(([label, bar]) => `  ${label.padEnd(width)}  ${bar}`), ""];
}

function cells(value: number, largest: number): number {
  return largest > 0 ? Math.max(1, Math.round((value / largest) * barWidth)) : 0;
}

function comparisonLines(summaries: readonly Summary[]): string[] {
  const models = [...new Set(summaries.map(({ model: name }) => name))];
  const lines = models.flatMap((name) => {
    const seen = (mode: Summary["mode"]) =>
      summaries.find((summary) => summary.model === name && summary.mode === mode)?.seenMs?.p50;
    const [streaming, blocking] = [seen("streaming"), seen("blocking")];
    if (streaming === undefined || blocking === undefined || streaming <= 0) return [];
    return [`${name}: something is seen ${numberText(blocking / streaming)} times sooner when it streams`];
  });
  return lines.length === 0 ? [] : [...lines, ""];
}

function errorLines(summaries: readonly Summary[]): string[] {
  const counts = new Map<string, { name: string; message: string; count: number }>();
  for (const { model: name, errors: found } of summaries) {
    for (const { code, message, count } of found) {
      const known = counts.get(`${name} ${code}`) ?? { name, message: `${code}: ${message}`, count: 0 };
      counts.set(`${name} ${code}`, { ...known, count: known.count + count });
    }
  }
  return [...counts.values()].map(({ name, message, count }) => {
    const times = count === 1 ? "1 error" : `${count} errors`;
    return `${styled("red", `${name}, ${times}:`)} ${printable(message)}`;
  });
}

function costLine(summaries: readonly Summary[]): string[] {
  const costs = summaries.flatMap(({ costUsd }) => costUsd ?? []);
  const sum = costs.reduce((total_, cost) => total_ + cost, 0);
  if (sum === 0) return [];
  const rest = costs.length < summaries.length ? ", and what is not known" : "";
  return [styled("dim", `This measurement cost about $${sum.toPrecision(2)}${rest}.`)];
}

function errorCount({ errors: found }: Summary): number {
  return found.reduce((sum, { count }) => sum + count, 0);
}

function timeText(ms: number | undefined): string {
  if (ms === undefined) return "?";
  return ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${Math.round(ms)} ms`;
}

function numberText(value: number | undefined): string {
  if (value === undefined) return "?";
  return value >= 100 ? String(Math.round(value)) : value.toFixed(1);
}

function priceText(price: number | undefined): string {
  if (price === undefined) return "?";
  return price === 0 ? "free" : `$${price.toFixed(2)}`;
}

function contextText(tokens: number): string {
  return tokens >= 1_000_000 ? `${Number((tokens / 1e6).toFixed(1))}M` : `${Math.round(tokens / 1000)}k`;
}
