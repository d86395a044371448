import type { ErrorCode } from "../core/errors.ts";
import type { FinishReason, Outcome, Rung, Usage } from "../core/events.ts";
import type { AskedProtocol, Operation } from "../core/operation.ts";
import { type UsagePart, usageParts } from "../core/usage-parts.ts";
import { fromNanos, toNanos } from "./cost.ts";
import type { AttemptRow, DetailsRow, StreamRow, TagRow, UsageRow } from "./sql-schema.ts";
import { packTimeline, unpackTimeline } from "./timeline.ts";
import type { Cost, Trace, TraceAttempt, TraceSummary } from "./trace.ts";

/** A trace as rows of the tables. */
export interface TraceRows {
  stream: StreamRow;
  attempts: AttemptRow[];
  usage: UsageRow[];
  tags: TagRow[];
  /** Missing while the stream is open: it changes with every token. */
  details: DetailsRow | undefined;
}

/** @param estimates - input tokens by attempt, for those that do not end before the process does. */
export function rowsOf(trace: Trace, estimates: ReadonlyMap<number, number>): TraceRows {
  const { id, attempts, tags = {} } = trace;
  const details = { stream_id: id, seams: JSON.stringify(trace.seams), warnings: JSON.stringify(trace.warnings) };
  return {
    stream: streamRow(trace),
    attempts: attempts.map((attempt) => attemptRow(id, attempt, estimates.get(attempt.attempt) ?? 0)),
    usage: attempts.flatMap((attempt) => usageRow(trace, attempt)),
    tags: Object.entries(tags).map(([name, value]) => ({ stream_id: id, name, value })),
    details: trace.state === "open" ? undefined : { ...details, timeline: packTimeline(trace.timeline) },
  };
}

function streamRow(trace: Trace): StreamRow {
  const { usage, cost, gaps, readers } = trace;
  const served = servedBy(trace.attempts);
  return {
    id: trace.id,
    owner: trace.owner ?? "",
    model: trace.model,
    route: trace.route ?? null,
    operation: trace.operation,
    protocol: trace.protocol,
    started_at: trace.startedAt,
    ended_at: trace.endedAt ?? null,
    is_open: trace.state === "open" ? 1 : 0,
    outcome: trace.outcome ?? null,
    finish_reason: trace.finishReason ?? null,
    error_code: trace.error?.code ?? null,
    error_message: trace.error?.message ?? null,
    tags: trace.tags === undefined ? null : JSON.stringify(trace.tags),
    target: served === undefined ? null : `${served.provider}/${served.model}`,
    provider: served?.provider ?? null,
    served_model: served?.model ?? null,
    attempts: trace.attempts.length,
    seams: trace.seams.length,
    readers_attached: readers.attached,
    readers_resumed: readers.resumed,
    readers_left: readers.left,
    readers_disconnected: readers.disconnected,
    input_tokens: usage?.inputTokens ?? null,
    output_tokens: usage?.outputTokens ?? null,
    ...usagePartsRow(usage),
    cost: cost === undefined ? null : toNanos(cost.total),
    cost_delivered: cost === undefined ? null : toNanos(cost.delivered),
    cost_discarded: cost === undefined ? null : toNanos(cost.discarded),
    cost_hedged: cost === undefined ? null : toNanos(cost.hedged),
    first_token_ms: trace.timeToFirstTokenMs ?? null,
    duration_ms: trace.durationMs ?? null,
    tokens_per_second: trace.tokensPerSecond ?? null,
    gap_p50: gaps?.p50 ?? null,
    gap_p95: gaps?.p95 ?? null,
    gap_max: gaps?.max ?? null,
    entries: trace.entries,
  };
}

/** The attempt that answered, or else the last one. */
export function servedBy(attempts: readonly TraceAttempt[]): TraceAttempt | undefined {
  return attempts.findLast(({ share }) => share === "delivered") ?? attempts.at(-1);
}

function attemptRow(streamId: string, attempt: TraceAttempt, estimate: number): AttemptRow {
  return {
    stream_id: streamId,
    attempt: attempt.attempt,
    provider: attempt.provider,
    model: attempt.model,
    reason: attempt.reason,
    rung: attempt.rung ?? null,
    outcome: attempt.outcome,
    error_code: attempt.error?.code ?? null,
    error_message: attempt.error?.message ?? null,
    provider_status: attempt.providerStatus ?? null,
    finish_reason: attempt.finishReason ?? null,
    started_at: attempt.startedAt,
    duration_ms: attempt.durationMs ?? null,
    queue_ms: attempt.queueMs ?? null,
    connect_ms: attempt.connectMs ?? null,
    is_connection_reused: attempt.reusedConnection ? 1 : 0,
    first_byte_ms: attempt.firstByteMs ?? null,
    first_event_ms: attempt.firstEventMs ?? null,
    first_content_ms: attempt.firstContentMs ?? null,
    estimated_input_tokens: estimate,
  };
}

function usageRow(trace: Trace, attempt: TraceAttempt): UsageRow[] {
  const { usage, share, cost } = attempt;
  if (share === undefined) return [];
  return [
    {
      stream_id: trace.id,
      attempt: attempt.attempt,
      owner: trace.owner ?? "",
      at: attempt.startedAt,
      provider: attempt.provider,
      model: attempt.model,
      share,
      is_billed: usage === undefined ? 0 : 1,
      input_tokens: usage?.inputTokens ?? 0,
      output_tokens: usage?.outputTokens ?? 0,
      ...usagePartsRow(usage),
      cost: usage === undefined ? 0 : cost === undefined ? null : toNanos(cost),
    },
  ];
}

/** Where the parts of a usage are kept. */
const columnOfPart = {
  cachedInputTokens: "cached_input_tokens",
  cacheWriteTokens: "cache_write_tokens",
  reasoningTokens: "reasoning_tokens",
  inputAudioTokens: "input_audio_tokens",
  inputImageTokens: "input_image_tokens",
  cachedAudioTokens: "cached_audio_tokens",
  outputAudioTokens: "output_audio_tokens",
  outputImageTokens: "output_image_tokens",
} as const satisfies Record<UsagePart, keyof StreamRow & keyof UsageRow>;

type PartColumns = Pick<StreamRow, (typeof columnOfPart)[UsagePart] | "is_estimated">;

function usagePartsRow(usage: Usage | undefined): PartColumns {
  const columns: Partial<PartColumns> = { is_estimated: usage?.estimated === true ? 1 : 0 };
  for (const part of usageParts) columns[columnOfPart[part]] = usage?.[part] ?? null;
  return columns as PartColumns;
}

export function summaryOfRow(row: StreamRow): TraceSummary {
  const summary: TraceSummary = {
    id: row.id,
    model: row.model,
    operation: row.operation as Operation,
    protocol: row.protocol as AskedProtocol,
    startedAt: row.started_at,
    state: row.is_open === 1 ? "open" : "closed",
    readers: {
      attached: row.readers_attached,
      resumed: row.readers_resumed,
      left: row.readers_left,
      disconnected: row.readers_disconnected,
    },
    entries: row.entries,
    attemptCount: row.attempts,
    seamCount: row.seams,
  };
  const usage = usageOfRow(row);
  const cost = costOfRow(row);
  if (row.owner !== "") summary.owner = row.owner;
  if (row.route !== null) summary.route = row.route;
  if (row.ended_at !== null) summary.endedAt = row.ended_at;
  if (row.outcome !== null) summary.outcome = row.outcome as Outcome;
  if (row.finish_reason !== null) summary.finishReason = row.finish_reason as FinishReason;
  if (row.error_code !== null) summary.error = errorOfRow(row.error_code, row.error_message);
  if (row.tags !== null) summary.tags = JSON.parse(row.tags) as Record<string, string>;
  if (row.provider !== null) summary.provider = row.provider;
  if (row.served_model !== null) summary.servedModel = row.served_model;
  if (usage !== undefined) summary.usage = usage;
  if (cost !== undefined) summary.cost = cost;
  if (row.first_token_ms !== null) summary.timeToFirstTokenMs = row.first_token_ms;
  if (row.duration_ms !== null) summary.durationMs = row.duration_ms;
  if (row.tokens_per_second !== null) summary.tokensPerSecond = row.tokens_per_second;
  if (row.gap_p50 !== null && row.gap_p95 !== null && row.gap_max !== null) {
    summary.gaps = { p50: row.gap_p50, p95: row.gap_p95, max: row.gap_max };
  }
  return summary;
}

/** What lists show of a trace. */
export function summaryOf(trace: Trace): TraceSummary {
  return summaryOfRow(streamRow(trace));
}

export function traceOfRows(
  stream: StreamRow,
  attempts: readonly AttemptRow[],
  usage: readonly UsageRow[],
  details: DetailsRow | undefined,
): Trace {
  const { attemptCount: _attempts, seamCount: _seams, provider: _provider, ...summary } = summaryOfRow(stream);
  const { servedModel: _model, ...rest } = summary;
  return {
    ...rest,
    attempts: attempts.map((row) =>
      attemptOfRows(
        row,
        usage.find(({ attempt }) => attempt === row.attempt),
      ),
    ),
    seams: JSON.parse(details?.seams ?? "[]") as Trace["seams"],
    warnings: JSON.parse(details?.warnings ?? "[]") as Trace["warnings"],
    timeline: unpackTimeline(details?.timeline ?? ""),
  };
}

function attemptOfRows(row: AttemptRow, billed: UsageRow | undefined): TraceAttempt {
  const attempt: TraceAttempt = {
    attempt: row.attempt,
    provider: row.provider,
    model: row.model,
    reason: row.reason as TraceAttempt["reason"],
    outcome: row.outcome as TraceAttempt["outcome"],
    startedAt: row.started_at,
  };
  if (row.rung !== null) attempt.rung = row.rung as Rung;
  if (row.error_code !== null) attempt.error = errorOfRow(row.error_code, row.error_message);
  if (row.provider_status !== null) attempt.providerStatus = row.provider_status;
  if (row.finish_reason !== null) attempt.finishReason = row.finish_reason as FinishReason;
  if (row.duration_ms !== null) attempt.durationMs = row.duration_ms;
  if (row.queue_ms !== null) attempt.queueMs = row.queue_ms;
  if (row.connect_ms !== null) attempt.connectMs = row.connect_ms;
  if (row.is_connection_reused === 1) attempt.reusedConnection = true;
  if (row.first_byte_ms !== null) attempt.firstByteMs = row.first_byte_ms;
  if (row.first_event_ms !== null) attempt.firstEventMs = row.first_event_ms;
  if (row.first_content_ms !== null) attempt.firstContentMs = row.first_content_ms;
  if (billed === undefined) return attempt;
  attempt.share = billed.share as NonNullable<TraceAttempt["share"]>;
  const usage = billed.is_billed === 1 ? usageOfRow(billed) : undefined;
  if (usage === undefined) return attempt;
  attempt.usage = usage;
  if (billed.cost !== null) attempt.cost = fromNanos(billed.cost);
  return attempt;
}

type UsageColumns = PartColumns & Pick<StreamRow, "input_tokens" | "output_tokens">;

function usageOfRow(row: UsageColumns): Usage | undefined {
  if (row.input_tokens === null || row.output_tokens === null) return undefined;
  const usage: Usage = { inputTokens: row.input_tokens, outputTokens: row.output_tokens };
  for (const part of usageParts) {
    const tokens = row[columnOfPart[part]];
    if (tokens !== null) usage[part] = tokens;
  }
  if (row.is_estimated === 1) usage.estimated = true;
  return usage;
}

function costOfRow(row: StreamRow): Cost | undefined {
  if (row.cost === null) return undefined;
  return {
    total: fromNanos(row.cost),
    delivered: fromNanos(row.cost_delivered ?? 0),
    discarded: fromNanos(row.cost_discarded ?? 0),
    hedged: fromNanos(row.cost_hedged ?? 0),
    currency: "USD",
  };
}

function errorOfRow(code: string, message: string | null) {
  return { code: code as ErrorCode, message: message ?? "" };
}
