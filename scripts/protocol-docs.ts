// Writes docs/protocols.md from the rows that the tests of all pairs use, and from what the protocols really do.
import { writeFileSync } from "node:fs";

import type { Vendor } from "../src/providers/vendors.ts";
import { vendors } from "../src/providers/vendors.ts";
import type { Fate } from "../test/support/protocol-features.ts";
import { answerFeatures, fateOfAnswer, fateOfRequest, requestFeatures } from "../test/support/protocol-features.ts";
import type { NamedRow } from "../test/support/protocol-rows.ts";
import { allRows } from "../test/support/protocol-rows.ts";

/** The whole page. */
export function protocolsPage(): string {
  const served = allRows.filter((row) => row.served !== undefined);
  return `# Protocols

<!-- Written by \`node scripts/protocol-docs.ts\` from what the protocols do with each feature. -->

A client of any protocol can use a provider of any other. Between equal protocols nothing is lost, fields that Headrace has
never heard of included. \`test/protocol-pairs.test.ts\` runs every pair.

## What is served

| protocol | routes | \`?as=\` | frames | resume by \`Last-Event-ID\` |
|---|---|---|---|---|
${served.map(servedRow).join("\n")}

Every stream can be followed in any of them: \`GET /v1/streams/{id}?as=\`.

## What is spoken

| protocol | vendors |
|---|---|
${allRows.flatMap(spokenRow).join("\n")}

## What survives translation

Between different protocols. Each mark is the result of writing the feature in the protocol and reading it back.

### Requests

- yes: it arrives;
- as budget, as effort: said in tokens to think with, or the other way round;
- as text: in words for the model to read;
- warning: it cannot be said; it is left out, and a \`warning\` event of the stream says so;
- refused: leaving it out would change the meaning, so the request is refused with the field's name;
- no: clients of this protocol cannot say it.

${table(requestFeatures, (row, feature) => requestMark(row, fateOfRequest(row.protocol, feature)))}

### Answers

${table(answerFeatures, ({ protocol }, feature) => markOf(fateOfAnswer(protocol, feature)))}

A broken answer in plain text has no words for it: the connection breaks off.
`;
}

function servedRow({ label, protocol, served }: NamedRow): string {
  const routes = (served?.routes ?? []).map((route) => `\`${route}\``).join(", ");
  const framing = { sse: "server-sent events", ndjson: "JSON lines", binary: "binary", text: "text" }[protocol.framing];
  const hasIds = protocol.framing === "sse" && protocol.eventIds !== false;
  return `| ${label} | ${routes} | \`${protocol.name}\` | ${framing} | ${hasIds ? "yes" : "no"} |`;
}

function spokenRow({ label, protocol }: NamedRow): string[] {
  const names = Object.entries(vendors as Record<string, Vendor>)
    .filter(([, vendor]) => vendor.protocol === protocol.name)
    .map(([name]) => `\`${name}\``);
  return names.length === 0 ? [] : [`| ${label} | ${names.join(", ")} |`];
}

function table<Feature extends { name: string }>(
  features: readonly Feature[],
  mark: (row: NamedRow, feature: Feature) => string,
): string {
  const head = `| | ${allRows.map(({ protocol }) => protocol.name).join(" | ")} |\n|---|${"---|".repeat(allRows.length)}`;
  const rows = features.map(
    (feature) => `| ${feature.name} | ${allRows.map((row) => mark(row, feature)).join(" | ")} |`,
  );
  return `${head}\n${rows.join("\n")}`;
}

/** Of what no provider speaks, only what clients can say is of interest. */
function requestMark({ spokenBy }: NamedRow, fate: Fate): string {
  return markOf(spokenBy === undefined && fate !== "yes" ? "no" : fate);
}

function markOf(fate: Fate): string {
  return fate === "no" ? "–" : fate;
}

if (import.meta.main) {
  writeFileSync(new URL("../docs/protocols.md", import.meta.url), protocolsPage());
}
