import { useState } from "react";

import type { Sums, Summary, TargetReport } from "../../../src/records/trace.ts";
import { Chip, type Tone } from "../elements/chip.tsx";
import { Notice } from "../elements/notice.tsx";
import { SelectField } from "../elements/select-field.tsx";
import { Stat, Stats } from "../elements/stat.tsx";
import { Table } from "../elements/table.tsx";
import { useCaller } from "../gateway/caller.ts";
import { useQuery } from "../gateway/use-query.ts";
import { writeCost, writeCount, writeDuration, writeRate } from "../numbers.ts";
import { Page } from "../shell/page.tsx";
import { Charts } from "./charts.tsx";

const ranges = [
  ["1", "Last hour"],
  ["24", "Last day"],
  ["168", "Last week"],
  ["720", "Last 30 days"],
] as const;

const refreshMs = 5_000;
const hourMs = 3_600_000;

/** How it has been going. */
export function Overview() {
  const [hours, setHours] = useState<(typeof ranges)[number][0]>("24");
  const [openedAt] = useState(() => Date.now());
  // From a full hour on, so that a day is no longer than one.
  const from = Math.ceil(openedAt / hourMs - Number(hours)) * hourMs;
  // Some way ahead, so that what comes while the page is open is in it.
  const time = `from=${from}&to=${Math.ceil(openedAt / hourMs + 12) * hourMs}`;
  const byModel = useQuery<Summary>(`/admin/summary?by=model&${time}`, { everyMs: refreshMs });
  const byRoute = useQuery<Summary>(`/admin/summary?by=route&${time}`, { everyMs: refreshMs });
  const caller = useCaller();
  const isAdmin = caller?.role === "admin";
  const hasKeys = caller?.name !== undefined;
  const byKey = useQuery<Summary>(isAdmin && hasKeys ? `/admin/summary?by=key&${time}` : undefined, {
    everyMs: refreshMs,
  });
  const targets = useQuery<{ data: TargetReport[] }>(isAdmin ? "/admin/targets" : undefined, { everyMs: refreshMs });
  const error = byModel.error ?? byRoute.error ?? byKey.error ?? targets.error;
  const about = hasKeys ? { about: isAdmin ? "Of all keys." : `Of what was asked with the key ${caller.name}.` } : {};
  const range = (
    <div className="w-40">
      <SelectField label="Time" hideLabel value={hours} onChange={setHours} options={ranges} />
    </div>
  );
  return (
    <Page title="Overview" {...about} actions={range}>
      {error !== undefined && <Notice tone="bad">{error}</Notice>}
      {byModel.data !== undefined && (
        <>
          <Totals sums={byModel.data.totals} />
          <Charts series={byModel.data.series} />
          <Groups name="Model" groups={byModel.data.groups} />
        </>
      )}
      {byRoute.data !== undefined && byRoute.data.groups.length > 0 && (
        <Groups name="Route" groups={byRoute.data.groups} />
      )}
      {byKey.data !== undefined && byKey.data.groups.length > 0 && <Groups name="Key" groups={byKey.data.groups} />}
      {caller?.role === "user" && <Notice>Targets and their health are shown to those who have an admin key.</Notice>}
      {targets.data !== undefined && <Targets targets={targets.data.data} />}
    </Page>
  );
}

function some(value: number | undefined, write: (value: number) => string): string {
  return value === undefined ? "–" : write(value);
}

function Totals({ sums }: { sums: Sums }) {
  const share = sums.requests === 0 ? 0 : (sums.errors / sums.requests) * 100;
  const unknown = sums.costUnknown === 0 ? undefined : `${writeCount(sums.costUnknown)} of unknown price`;
  return (
    <Stats>
      <Stat name="Requests" value={writeCount(sums.requests)} />
      <Stat name="Errors" value={writeCount(sums.errors)} note={`${share.toFixed(share < 10 ? 1 : 0)} %`} />
      <Stat
        name="First token, p50"
        value={some(sums.ttftP50, writeDuration)}
        note={sums.ttftP95 === undefined ? undefined : `${writeDuration(sums.ttftP95)} p95`}
      />
      <Stat name="Tokens/s" value={some(sums.tokensPerSecond, writeRate)} />
      <Stat name="Tokens out" value={writeCount(sums.outputTokens)} note={`${writeCount(sums.inputTokens)} in`} />
      <Stat name="Cost" value={writeCost(sums.cost)} note={unknown} />
    </Stats>
  );
}

const groupNames = ["Requests", "Errors", "First token p50", "p95", "Tokens/s", "Tokens in", "Tokens out", "Cost"];

function Groups({ name, groups }: { name: string; groups: Summary["groups"] }) {
  if (groups.length === 0) return <Notice>No requests in this time.</Notice>;
  return (
    <Table
      label={`By ${name.toLowerCase()}`}
      names={[name, ...groupNames]}
      numbersFrom={1}
      rows={groups.map((sums) => ({
        key: sums.key,
        cells: [
          sums.key || "–",
          writeCount(sums.requests),
          writeCount(sums.errors),
          some(sums.ttftP50, writeDuration),
          some(sums.ttftP95, writeDuration),
          some(sums.tokensPerSecond, writeRate),
          writeCount(sums.inputTokens),
          writeCount(sums.outputTokens),
          sums.costUnknown === sums.requests ? "–" : writeCost(sums.cost),
        ],
      }))}
    />
  );
}

const healthTones: Record<TargetReport["health"], Tone> = { ok: "good", resting: "bad", probing: "warn" };

function Targets({ targets }: { targets: readonly TargetReport[] }) {
  return (
    <section aria-labelledby="targets" className="flex flex-col gap-3">
      <h2 id="targets" className="font-semibold">
        Targets
      </h2>
      {targets.length === 0 ? (
        <Notice>None was called since the gateway was started.</Notice>
      ) : (
        <Table
          label="Targets"
          names={["Target", "Health", "Waiting for a first token", "Limit", "Queued", "Successes", "Failures"]}
          numbersFrom={2}
          rows={targets.map(({ name, health, restsUntil, concurrency, successes, failures }) => ({
            key: name,
            cells: [
              <span key="name" className="font-mono text-xs">
                {name}
              </span>,
              <Chip key="health" tone={healthTones[health]}>
                {health}
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
