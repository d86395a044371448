export interface Fit {
  /** Width of the terminal; left out, there is no limit. */
  columns?: number | undefined;
  /** The column that is cut short first, down to `shortest`. */
  shrinks: string;
  /** Columns that are left out then, one after the other. */
  dispensable: readonly string[];
}

const shortest = 12;
const gap = 2;

/** A table as lines, the head first, no longer than the terminal is wide as far as that is possible. */
export function writeTable(head: readonly string[], rows: readonly (readonly string[])[], fit: Fit): string[] {
  const { columns = Infinity, shrinks, dispensable } = fit;
  let shown = head.map((_title, column) => column);
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const width = (): number => shown.reduce((sum, column) => sum + (widths[column] ?? 0) + gap, -gap);
  const soft = head.indexOf(shrinks);
  const whole = widths[soft] ?? 0;
  widths[soft] = Math.min(whole, shortest);
  for (const title of dispensable) if (width() > columns) shown = shown.filter((column) => head[column] !== title);
  widths[soft] = Math.min(whole, Math.max(widths[soft], widths[soft] + columns - width()));
  const line = (row: readonly string[]): string =>
    shown
      .map((column) => cut(row[column] ?? "", widths[column] ?? 0))
      .join(" ".repeat(gap))
      .trimEnd();
  return [head, ...rows].map(line);
}

function cut(text: string, width: number): string {
  return text.length <= width ? text.padEnd(width) : `${text.slice(0, width - 1)}…`;
}
