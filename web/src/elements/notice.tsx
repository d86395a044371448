import type { ReactNode } from "react";

/** A box that says what went wrong, or that there is nothing. */
export function Notice({ tone = "plain", children }: { tone?: "plain" | "bad"; children: ReactNode }) {
  const look = tone === "bad" ? "bg-bad-soft text-bad border-transparent" : "border-line text-muted border-dashed";
  return (
    <div role={tone === "bad" ? "alert" : undefined} className={`rounded-lg border px-4 py-3 ${look}`}>
      {children}
    </div>
  );
}
