import type { TraceAttempt } from "../../../src/records/trace.ts";
import { Table } from "../elements/table.tsx";
import { writeCost, writeCount, writeDuration } from "../numbers.ts";

const names = [
  "#",
  "Target",
  "Why",
  "Outcome",
  "Waited",
  "Connected",
  "First byte",
  "First content",
  "Took",
  "Tokens",
  "Cost",
];

export function AttemptsTable({ attempts }: { attempts: readonly TraceAttempt[] }) {
  return (
    <Table
      label="Attempts"
      names={names}
      numbersFrom={4}
      rows={attempts.map((attempt) => ({
        key: String(attempt.attempt),
        cells: [
          attempt.attempt + 1,
          <span key="target" className="font-mono text-xs">
            {attempt.provider}/{attempt.model}
          </span>,
          attempt.rung === undefined ? attempt.reason : `${attempt.reason} (${attempt.rung})`,
          outcomeOf(attempt),
          duration(attempt.queueMs),
          attempt.reusedConnection === true ? "reused" : duration(attempt.connectMs),
          duration(attempt.firstByteMs),
          duration(attempt.firstContentMs),
          duration(attempt.durationMs),
          attempt.usage === undefined
            ? "–"
            : `${writeCount(attempt.usage.inputTokens)} → ${writeCount(attempt.usage.outputTokens)}${attempt.usage.estimated === true ? " (est.)" : ""}`,
          costOf(attempt),
        ],
      }))}
    />
  );
}

function outcomeOf({ outcome, error, providerStatus, finishReason }: TraceAttempt): string {
  if (error !== undefined) return `${error.code}${providerStatus === undefined ? "" : ` (${providerStatus})`}`;
  return finishReason === undefined ? outcome : `${outcome} (${finishReason})`;
}

function costOf({ cost, share }: TraceAttempt): string {
  if (cost === undefined) return "–";
  return share === undefined || share === "delivered" || cost === 0 ? writeCost(cost) : `${writeCost(cost)} ${share}`;
}

function duration(ms: number | undefined): string {
  return ms === undefined ? "–" : writeDuration(ms);
}
