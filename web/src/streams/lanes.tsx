import type { Trace, TraceAttempt } from "../../../src/records/trace.ts";
import { writeDuration } from "../numbers.ts";

const looks: Record<TraceAttempt["outcome"], string> = {
  completed: "bg-good",
  failed: "bg-bad",
  cancelled: "bg-line-strong",
  lost: "bg-line-strong",
  open: "bg-accent",
};

export interface LanesProps {
  trace: Trace;
  endMs: number;
  /** Width of what stands at the left, so that times are above each other. */
  inset: number;
}

/** Each attempt as a bar: pale until its first content. */
export function Lanes({ trace, endMs, inset }: LanesProps) {
  const percent = (ms: number) => `${Math.min(100, Math.max(0, (ms / endMs) * 100))}%`;
  return (
    <ol aria-label="Attempts over time" className="flex flex-col gap-1">
      {trace.attempts.map((attempt) => {
        const from = attempt.startedAt - trace.startedAt;
        const length = attempt.durationMs ?? endMs - from;
        const waiting = Math.min(attempt.firstContentMs ?? length, length);
        const what = `Attempt ${attempt.attempt + 1}, ${attempt.provider}/${attempt.model}: ${attempt.outcome}, from ${writeDuration(from)} for ${writeDuration(length)}`;
        return (
          <li key={attempt.attempt} title={what} className="flex items-center">
            <span className="sr-only">{what}</span>
            <span aria-hidden className="text-muted text-2xs pr-2 text-right" style={{ width: inset }}>
              {attempt.attempt + 1}
            </span>
            <span aria-hidden className="bg-raised relative h-3 flex-1 overflow-hidden rounded-sm">
              <span
                className={`absolute inset-y-0 opacity-35 ${looks[attempt.outcome]}`}
                style={{ left: percent(from), width: percent(waiting) }}
              />
              <span
                className={`absolute inset-y-0 min-w-px ${looks[attempt.outcome]}`}
                style={{ left: percent(from + waiting), width: percent(length - waiting) }}
              />
            </span>
          </li>
        );
      })}
    </ol>
  );
}
