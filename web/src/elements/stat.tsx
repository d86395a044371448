import type { ReactNode } from "react";

/** Numbers side by side, each with its name. */
export function Stats({ children }: { children: ReactNode }) {
  return (
    <dl className="border-line bg-line grid grid-cols-2 gap-px overflow-hidden rounded-xl border sm:grid-cols-3 lg:grid-cols-6">
      {children}
    </dl>
  );
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
