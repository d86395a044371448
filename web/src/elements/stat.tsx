import type { ReactNode } from "react";

/** Numbers side by side, each with its name: six of them, or three. */
export function Stats({ count = 6, children }: { count?: 3 | 6; children: ReactNode }) {
  const columns = count === 3 ? "grid-cols-3" : "grid-cols-2 sm:grid-cols-3 lg:grid-cols-6";
  return <dl className={`border-line bg-line grid gap-px overflow-hidden rounded-xl border ${columns}`}>{children}</dl>;
}

export function Stat({ name, value, note }: { name: string; value: string; note?: string | undefined }) {
  return (
    <div className="bg-surface flex flex-col gap-0.5 px-4 py-3">
      <dt className="text-muted text-xs">{name}</dt>
      <dd className="text-lg font-semibold tracking-tight tabular-nums">
        {value}
        {note !== undefined && <span className="text-muted mt-0.5 block text-xs font-normal">{note}</span>}
      </dd>
    </div>
  );
}
