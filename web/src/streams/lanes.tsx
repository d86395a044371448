import type { Trace, TraceAttempt } from "../../../src/records/trace.ts";
import { writeDuration } from "../numbers.ts";

interface Look {
  color: string;
  meaning: string;
}

const looks: Record<TraceAttempt["outcome"], Look> = {
  completed: { color: "bg-good", meaning: "answered to the end" },
  failed: { color: "bg-bad", meaning: "failed or broke off" },
  cancelled: { color: "bg-line-strong", meaning: "was stopped, or lost a race" },
  lost: { color: "bg-line-strong", meaning: "was stopped, or lost a race" },
  open: { color: "bg-accent", meaning: "is answering" },
};

export interface LanesProps {
  trace: Trace;
  endMs: number;
  /** Width of what stands at the left, so that times are above each other. */
  inset: number;
}

/** Each attempt as a bar: pale until its first content. */
export function Lanes({ trace, endMs, inset }: LanesProps) {
  const { attempts, startedAt } = trace;
  return (
    <div className="flex flex-col gap-3">
      <ol aria-label="Attempts over time" className="flex flex-col gap-2">
        {attempts.map((attempt) => (
          <Lane
            key={attempt.attempt}
            attempt={attempt}
            from={attempt.startedAt - startedAt}
            endMs={endMs}
            inset={inset}
          />
        ))}
      </ol>
      <ul className="text-muted flex flex-wrap gap-x-4 gap-y-1 text-xs" style={{ paddingLeft: inset }}>
        <LegendEntry color="bg-line-strong opacity-35">pale: waits for its first content</LegendEntry>
        {[...new Map(attempts.map(({ outcome }) => [looks[outcome].meaning, looks[outcome].color]))].map(
          ([meaning, color]) => (
            <LegendEntry key={meaning} color={color}>
              {meaning}
            </LegendEntry>
          ),
        )}
      </ul>
    </div>
  );
}

interface LaneProps {
  attempt: TraceAttempt;
  from: number;
  endMs: number;
  inset: number;
}

function Lane({ attempt, from, endMs, inset }: LaneProps) {
  const percent = (ms: number) => `${Math.min(100, Math.max(0, (ms / endMs) * 100))}%`;
  const length = attempt.durationMs ?? Math.max(0, endMs - from);
  const waiting = Math.min(attempt.firstContentMs ?? length, length);
  const { color } = looks[attempt.outcome];
  const target = `${attempt.provider}/${attempt.model}`;
  const what = `Attempt ${attempt.attempt + 1}, ${target}: ${attempt.outcome}, from ${writeDuration(from)} for ${writeDuration(length)}`;
  return (
    <li title={what} className="flex items-start">
      <span className="sr-only">{what}</span>
      <span aria-hidden className="text-muted text-2xs shrink-0 pr-2 text-right" style={{ width: inset }}>
        {attempt.attempt + 1}
      </span>
      <span aria-hidden className="flex min-w-0 flex-1 flex-col gap-1">
        <span className="text-soft text-2xs truncate font-mono">
          {target}
          {attempt.reason !== "first" && <span className="text-muted"> · {attempt.reason}</span>}
        </span>
        <span className="bg-raised relative h-3 overflow-hidden rounded-sm">
          <span
            className={`absolute inset-y-0 opacity-35 ${color}`}
            style={{ left: percent(from), width: percent(waiting) }}
          />
          <span
            className={`absolute inset-y-0 min-w-px ${color}`}
            style={{ left: percent(from + waiting), width: percent(length - waiting) }}
          />
        </span>
      </span>
    </li>
  );
}

function LegendEntry({ color, children }: { color: string; children: string }) {
  return (
    <li className="inline-flex items-center gap-1.5">
      <span className={`size-2 rounded-sm ${color}`} aria-hidden />
      {children}
    </li>
  );
}
