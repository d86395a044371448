import { styled } from "../terminal.ts";
import type { Finding, Level } from "./finding.ts";
import type { SettingRow } from "./settings.ts";

const marks: Record<Level, { sign: string; style: Parameters<typeof styled>[0] }> = {
  ok: { sign: "✓", style: "green" },
  note: { sign: "·", style: "dim" },
  warning: { sign: "!", style: "yellow" },
  problem: { sign: "✗", style: "red" },
};

/** A heading and what was found under it. */
export function printFindings(title: string, findings: readonly Finding[]): void {
  const width = Math.max(0, ...findings.map(({ about }) => about.length));
  const lines = findings.flatMap(({ level, about, message, next, foundBy, ms }) => {
    const { sign, style } = marks[level];
    const time = ms === undefined ? "" : ` in ${ms} ms`;
    const by = foundBy === undefined || foundBy === "" ? "" : styled("dim", `  (${foundBy})`);
    const line = `  ${styled(style, sign)} ${about.padEnd(width)}  ${message}${time}${by}`;
    return next === undefined ? [line] : [line, `    ${" ".repeat(width)}  ${styled("cyan", "→")} ${next}`];
  });
  process.stdout.write(`${styled("bold", title)}\n${lines.join("\n")}\n\n`);
}

/** Effective settings: name, value, and what has set it or would. */
export function printSettings(rows: readonly SettingRow[]): void {
  const nameWidth = Math.max(...rows.map(({ path }) => path.length));
  const valueWidth = Math.min(24, Math.max(...rows.map(({ text }) => text.length)));
  const lines = rows.map(({ path, text, setBy, variable }) => {
    const origin =
      setBy === undefined ? styled("dim", variable ?? "configuration file") : styled("cyan", `set by ${setBy}`);
    const value = text.padEnd(valueWidth);
    return `  ${path.padEnd(nameWidth)}  ${setBy === undefined ? value : styled("bold", value)}  ${origin}`;
  });
  const title = `${styled("bold", "Limits and times in effect")} ${styled("dim", "(on the right what has set them, or what would)")}`;
  process.stdout.write(`${title}\n${lines.join("\n")}\n\n`);
}

/** The last line: whether anything has to be done. */
export function printSummary(findings: readonly Finding[]): void {
  const count = (level: Level, noun: string) => {
    const about = findings.filter((finding) => finding.level === level).map((finding) => finding.about);
    if (about.length === 0) return [];
    return [styled(marks[level].style, `${about.length} ${noun}${about.length === 1 ? "" : "s"}: ${about.join(", ")}`)];
  };
  const parts = [...count("problem", "problem"), ...count("warning", "warning")];
  process.stdout.write(`${parts.length === 0 ? styled("green", "All is well.") : parts.join("\n")}\n`);
}
