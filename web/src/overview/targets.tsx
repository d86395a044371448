import type { TargetReport } from "../../../src/records/trace.ts";
import { Chip, type Tone } from "../elements/chip.tsx";
import { Notice } from "../elements/notice.tsx";
import { Table } from "../elements/table.tsx";
import { writeCount } from "../numbers.ts";

const healthTones: Record<TargetReport["health"], Tone> = { ok: "good", resting: "bad", probing: "warn" };

export interface TargetsProps {
  targets: readonly TargetReport[] | undefined;
  error: string | undefined;
}

/** Of the target, and of the breaker before it. */
const healthWords: Record<TargetReport["health"], string> = {
  ok: "ok, closed",
  resting: "resting, open",
  probing: "probing, half-open",
};

/** How the targets have been doing. */
export function Targets({ targets, error }: TargetsProps) {
  return (
    <section aria-labelledby="targets" className="flex flex-col gap-3">
      <h2 id="targets" className="font-semibold">
        Targets
      </h2>
      {error !== undefined && <Notice>{error}</Notice>}
      {targets?.length === 0 && <Notice>None was called since the gateway was started.</Notice>}
      {targets !== undefined && targets.length > 0 && (
        <Table
          label="Targets"
          names={["Target", "Health, breaker", "Waiting for a first token", "Limit", "Queued", "Successes", "Failures"]}
          numbersFrom={2}
          rows={targets.map(({ name, health, restsUntil, concurrency, successes, failures }) => ({
            key: name,
            cells: [
              <span key="name" className="font-mono text-xs">
                {name}
              </span>,
              <Chip key="health" tone={healthTones[health]}>
                {healthWords[health]}
                {restsUntil !== undefined && ` until ${new Date(restsUntil).toLocaleTimeString()}`}
              </Chip>,
              concurrency.active,
              concurrency.limit ?? "none",
              concurrency.queued,
              writeCount(successes),
              writeCount(failures),
            ],
          }))}
        />
      )}
    </section>
  );
}
