import type { ReactNode } from "react";

export interface TableProps {
  label: string;
  names: readonly string[];
  /** The column from which on there are numbers. */
  numbersFrom: number;
  rows: readonly { key: string; cells: readonly ReactNode[] }[];
}

/** A table that scrolls sideways when it is wider than its place. */
export function Table({ label, names, numbersFrom, rows }: TableProps) {
  const align = (index: number) => (index >= numbersFrom ? "text-right" : "text-left");
  return (
    <div
      role="region"
      aria-label={label}
      tabIndex={0}
      className="border-line bg-surface overflow-x-auto rounded-xl border"
    >
      <table className="w-full text-sm tabular-nums">
        <thead>
          <tr className="border-line border-b">
            {names.map((name, index) => (
              <th
                key={name}
                scope="col"
                className={`text-muted px-3 py-2 text-xs font-medium whitespace-nowrap ${align(index)}`}
              >
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells }) => (
            <tr key={key} className="border-line not-last:border-b">
              {cells.map((cell, index) => (
                <td key={names[index]} className={`px-3 py-2 whitespace-nowrap ${align(index)}`}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
