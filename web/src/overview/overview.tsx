import { useState } from "react";
import { Link } from "wouter";

import type { Sums, Summary, TargetReport } from "../../../src/records/trace.ts";
import { Button } from "../elements/button.tsx";
import { Notice } from "../elements/notice.tsx";
import { SelectField } from "../elements/select-field.tsx";
import { Stat, Stats } from "../elements/stat.tsx";
import { useCaller } from "../gateway/caller.ts";
import { useQuery } from "../gateway/use-query.ts";
import { writeCost, writeCount, writeDuration, writeKnown, writeRate } from "../numbers.ts";
import { Page } from "../shell/page.tsx";
import { Loading } from "../shell/loading.tsx";
import { Charts } from "./charts.tsx";
import { type Focus, Groups } from "./groups.tsx";
import { Targets } from "./targets.tsx";

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
  const [focus, setFocus] = useState<Focus>();
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
  const about = hasKeys ? { about: isAdmin ? "Of all keys." : `Of what was asked with the key ${caller.name}.` } : {};
  const focused = useQuery<Summary>(
    focus && `/admin/summary?by=${focus.by}&${focus.by}=${encodeURIComponent(focus.key)}&${time}`,
    { everyMs: refreshMs },
  );
  const shown = focus === undefined ? byModel.data : (focused.data ?? byModel.data);
  const isOld = focus === undefined ? byModel.stale : focused.stale;
  const error = byModel.error ?? byRoute.error ?? byKey.error ?? (focus && focused.error);
  const range = (
    <div className="w-40">
      <SelectField label="Time" hideLabel value={hours} onChange={setHours} options={ranges} />
    </div>
  );
  return (
    <Page title="Overview" {...about} actions={range}>
      {error !== undefined && <Notice tone="bad">{error}</Notice>}
      {byModel.data === undefined && error === undefined && <Loading />}
      {byModel.data?.totals.requests === 0 && (
        <Notice>
          No requests in this time. Ask something in the{" "}
          <Link href="/" className="text-accent underline">
            playground
          </Link>
          , or{" "}
          <Link href="/set-up" className="text-accent underline">
            point a client here
          </Link>
          .
        </Notice>
      )}
      {shown !== undefined && (
        <section
          aria-label={focus === undefined ? "All requests" : `Requests of ${focus.key}`}
          aria-busy={isOld}
          className={`flex min-w-0 flex-col gap-6 ${isOld ? "opacity-50" : ""}`}
        >
          {focus !== undefined && (
            <p className="flex items-center gap-2">
              Only {focus.by} <code className="min-w-0 font-mono text-xs break-all">{focus.key}</code>
              <Button onClick={() => setFocus(undefined)}>Show all</Button>
            </p>
          )}
          <Totals sums={shown.totals} />
          <Charts series={shown.series} />
        </section>
      )}
      {byModel.data !== undefined && (
        <Groups by="model" groups={byModel.data.groups} focus={focus} onFocus={setFocus} />
      )}
      {byRoute.data !== undefined && (
        <Groups by="route" groups={byRoute.data.groups} focus={focus} onFocus={setFocus} />
      )}
      {byKey.data !== undefined && <Groups by="key" groups={byKey.data.groups} focus={focus} onFocus={setFocus} />}
      {caller?.role === "user" && <Notice>Targets and their health are shown to those who have an admin key.</Notice>}
      {isAdmin && <Targets targets={targets.data?.data} error={targets.error} />}
    </Page>
  );
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
        value={writeKnown(sums.ttftP50, writeDuration)}
        note={sums.ttftP95 === undefined ? undefined : `${writeDuration(sums.ttftP95)} p95`}
      />
      <Stat name="Tokens/s" value={writeKnown(sums.tokensPerSecond, writeRate)} />
      <Stat name="Tokens out" value={writeCount(sums.outputTokens)} note={`${writeCount(sums.inputTokens)} in`} />
      <Stat name="Cost" value={writeCost(sums.cost)} note={unknown} />
    </Stats>
  );
}
