import type { Usage } from "../core/events.ts";
import type { Trace, TraceAttempt, TraceSummary } from "../records/trace.ts";
import { printable, styled } from "./terminal.ts";

/** A stream as a row of a table. */
export function cells(summary: TraceSummary): string[] {
  const { id, startedAt, model, operation, timeToFirstTokenMs, usage, cost } = summary;
  return [
    id,
    new Date(startedAt).toISOString().slice(0, 19).replace("T", " "),
    operation === "chat" ? model : `${model} (${operation})`,
    stateOf(summary),
    timeToFirstTokenMs === undefined ? "" : duration(timeToFirstTokenMs),
    usage === undefined ? "" : tokens(usage),
    cost === undefined ? "" : dollars(cost.total),
  ];
}

/** A trace for people: what happened, who answered, what it took. */
export function describeTrace(trace: Trace): string {
  const { seams, warnings, readers } = trace;
  const lines = [
    `${styled("bold", trace.id)}  ${stateOf(trace)}`,
    "",
    ...factsOf(trace).map(([name, value]) => `  ${styled("dim", name.padEnd(12))} ${printable(value)}`),
    `  ${styled("dim", "readers".padEnd(12))} ${readers.attached} came, ${readers.resumed} of them resumed; ${readers.disconnected} left early`,
    "",
    styled("bold", "Attempts"),
    ...trace.attempts.map((attempt) => attemptLine(trace, attempt)),
  ];
  if (seams.length > 0) lines.push("", styled("bold", "Seams"));
  for (const { fromAttempt, toAttempt, rung, overlap, confidence, atMs } of seams) {
    const proof = confidence === 1 ? "proven" : `confidence ${confidence.toFixed(2)}`;
    lines.push(
      `  ${fromAttempt} -> ${toAttempt}  after ${duration(atMs)}, ${rung}, ${overlap} characters taken out, ${proof}`,
    );
  }
  if (warnings.length > 0)
    lines.push("", styled("bold", "Warnings"), ...warnings.map((text) => `  ${printable(text)}`));
  if (trace.timeline.length > 1) lines.push("", styled("bold", "Arrivals"), `  ${sparkline(trace)}`);
  return lines.join("\n");
}

function factsOf(trace: Trace): [name: string, value: string][] {
  const { usage, cost, gaps, tags, error } = trace;
  const facts: [string, string | undefined][] = [
    ["started", new Date(trace.startedAt).toISOString()],
    ["operation", trace.operation === "chat" ? undefined : trace.operation],
    ["asked for", `${trace.model}${trace.route === undefined ? "" : " (a route)"}, in ${trace.protocol}`],
    ["owner", trace.owner],
    [
      "tags",
      tags &&
        Object.entries(tags)
          .map(([name, value]) => `${name}:${value}`)
          .join(", "),
    ],
    ["error", error && `${error.code}: ${error.message}`],
    ["first token", trace.timeToFirstTokenMs === undefined ? undefined : duration(trace.timeToFirstTokenMs)],
    ["duration", trace.durationMs === undefined ? undefined : duration(trace.durationMs)],
    ["pace", trace.tokensPerSecond === undefined ? undefined : `${trace.tokensPerSecond} tokens/s`],
    ["gaps", gaps && `p50 ${duration(gaps.p50)}, p95 ${duration(gaps.p95)}, longest ${duration(gaps.max)}`],
    ["usage", usage && tokens(usage)],
    ["cost", cost === undefined ? "not known" : costText(cost)],
  ];
  return facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as [string, string]]));
}

function attemptLine({ startedAt }: Trace, attempt: TraceAttempt): string {
  const { outcome, error, connectMs, reusedConnection, firstByteMs, firstContentMs, durationMs, queueMs } = attempt;
  const { usage, cost, providerStatus, rung } = attempt;
  const parts = [
    `after ${duration(Math.max(0, attempt.startedAt - startedAt))}`,
    queueMs === undefined ? undefined : `waited ${duration(queueMs)}`,
    reusedConnection ? "connection reused" : connectMs === undefined ? undefined : `connected ${duration(connectMs)}`,
    firstByteMs === undefined ? undefined : `first byte ${duration(firstByteMs)}`,
    firstContentMs === undefined ? undefined : `first token ${duration(firstContentMs)}`,
    durationMs === undefined ? undefined : `took ${duration(durationMs)}`,
    usage && tokens(usage),
    cost === undefined ? undefined : dollars(cost),
    attempt.share === "delivered" ? undefined : attempt.share,
    error && `${error.code}${providerStatus === undefined ? "" : ` (HTTP ${providerStatus})`}`,
  ];
  const said = parts.filter((part) => part !== undefined).join(", ");
  const target = printable(`${attempt.provider}/${attempt.model}`);
  const why = rung === undefined ? attempt.reason : `${attempt.reason} (${rung})`;
  return `  ${attempt.attempt}  ${target}  ${why}, ${styledOutcome(outcome)}: ${said}`;
}

function stateOf({ state, outcome }: Pick<Trace, "state" | "outcome">): string {
  return outcome ?? state;
}

function styledOutcome(outcome: TraceAttempt["outcome"]): string {
  return styled(outcome === "completed" ? "green" : outcome === "failed" ? "red" : "yellow", outcome);
}

function costText({ total, discarded, hedged }: NonNullable<Trace["cost"]>): string {
  const parts = [discarded > 0 && `${dollars(discarded)} discarded`, hedged > 0 && `${dollars(hedged)} hedged`];
  const beside = parts.filter((part) => part !== false).join(", ");
  return beside === "" ? dollars(total) : `${dollars(total)}, of it ${beside}`;
}

function tokens(usage: Usage): string {
  const input = dearTokens(usage.inputAudioTokens, usage.inputImageTokens);
  const output = dearTokens(usage.outputAudioTokens, usage.outputImageTokens);
  return `${usage.estimated ? "about " : ""}${usage.inputTokens} in${input}, ${usage.outputTokens} out${output}`;
}

/** What has a price of its own. */
function dearTokens(audio: number | undefined, images: number | undefined): string {
  const parts = [audio !== undefined && `${audio} audio`, images !== undefined && `${images} images`];
  const said = parts.filter((part) => part !== false).join(", ");
  return said === "" ? "" : ` (${said})`;
}

function dollars(amount: number): string {
  return amount === 0 ? "$0" : amount < 0.01 ? `$${amount.toPrecision(2)}` : `$${amount.toFixed(4)}`;
}

function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

const bars = "▁▂▃▄▅▆▇█";
const barCount = 60;

/** Characters that arrived in each sixtieth of the time. */
function sparkline({ timeline }: Trace): string {
  const longest = timeline.at(-1)?.[0] ?? 0;
  const counts = Array.from({ length: barCount }, () => 0);
  let before = 0;
  for (const [atMs, characters] of timeline) {
    const index = Math.min(barCount - 1, Math.floor((atMs / Math.max(1, longest)) * barCount));
    counts[index] = (counts[index] ?? 0) + characters - before;
    before = characters;
  }
  const most = Math.max(...counts);
  const line = counts.map((count) => (count === 0 ? " " : bars[Math.min(7, Math.floor((count / most) * 8))])).join("");
  return `${line}  ${duration(longest)}`;
}
