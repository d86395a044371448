import type { ReactNode } from "react";

import type { SetupReport } from "../../../src/records/trace.ts";
import { Chip } from "../elements/chip.tsx";
import { Code } from "../elements/code.tsx";
import { Notice } from "../elements/notice.tsx";
import { Table } from "../elements/table.tsx";
import { useCaller } from "../gateway/caller.ts";
import { useQuery } from "../gateway/use-query.ts";
import { Loading } from "../shell/loading.tsx";
import { Page } from "../shell/page.tsx";
import { Clients } from "./clients.tsx";

/** What there is to work with, what is missing, and how clients are pointed here. */
export function SetUp() {
  const caller = useCaller();
  const { data: report, error } = useQuery<SetupReport>(caller?.role === "admin" ? "/admin/setup" : undefined);
  return (
    <Page title="Set up" {...(report !== undefined && { about: `Headrace ${report.version}` })}>
      {error !== undefined && <Notice tone="bad">{error}</Notice>}
      {report?.warnings.map((warning) => (
        <Notice key={warning} tone="bad">
          {warning}
        </Notice>
      ))}
      <Section title="Point a client here">
        <Clients />
      </Section>
      {caller?.role === "user" && (
        <Notice>Providers and the configuration are shown to those who have an admin key.</Notice>
      )}
      {caller?.role !== "user" && report === undefined && error === undefined && <Loading />}
      {report !== undefined && (
        <>
          <Section title="Providers">
            <Providers providers={report.providers} />
          </Section>
          {report.missing.length > 0 && (
            <Section title="Set one of these for more">
              <p className="text-muted">
                Written into <code>.env</code> beside the configuration, or into the environment; then start the gateway
                again.
              </p>
              <ul className="grid gap-x-6 gap-y-1.5 sm:grid-cols-2 lg:grid-cols-3">
                {report.missing.map(({ vendor, variable }) => (
                  <li key={`${vendor} ${variable}`} className="flex min-w-0 flex-wrap items-baseline gap-x-2">
                    <code className="font-mono text-xs break-all">{variable}</code>
                    <span className="text-muted text-xs">{vendor}</span>
                  </li>
                ))}
              </ul>
            </Section>
          )}
          <Section title="Configuration in effect">
            <Code text={JSON.stringify(report.config, null, 2)} what="configuration" />
          </Section>
        </>
      )}
    </Page>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="flex min-w-0 flex-col gap-3">
      <h2 className="font-semibold">{title}</h2>
      {children}
    </section>
  );
}

function Providers({ providers }: { providers: SetupReport["providers"] }) {
  return (
    <Table
      label="Providers"
      names={["Name", "Vendor", "Key", "Models listed"]}
      numbersFrom={3}
      rows={providers.map(({ name, label, hasKey, models = [] }) => ({
        key: name,
        cells: [
          <span key="name" className="font-mono text-xs">
            {name}
          </span>,
          label,
          <Chip key="key" tone={hasKey ? "good" : "plain"}>
            {hasKey ? "set" : "none"}
          </Chip>,
          models.length === 0 ? "any" : models.length,
        ],
      }))}
    />
  );
}
