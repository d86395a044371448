import { HeadraceError } from "../core/errors.ts";
import type { StreamEnd, StreamEvent, StreamStart, Usage } from "../core/events.ts";
import { isWhole } from "../core/events.ts";
import { operationOf } from "../core/operation.ts";
import { tokensIn, usageWithRest } from "../core/usage-estimate.ts";
import type { StreamInfo } from "../log/stream-log.ts";
import { shareOf, sumOfCosts, sumOfUsage, tokensOf } from "./cost.ts";
import { traceError } from "./live-trace.ts";
import type { Prices } from "./prices.ts";
import type { StoredTrace } from "./records-store.ts";
import type { Trace, TraceAttempt, TraceSeam } from "./trace.ts";

export interface RecoveryOptions {
  /** What was stored before the process died, if anything. */
  stored: StoredTrace | undefined;
  /** What the log knows of it; missing when it is not there any more. */
  logged: LoggedStream | undefined;
  prices: Prices;
  isRoute: (model: string) => boolean;
  now: number;
}

export interface LoggedStream {
  info: StreamInfo;
  events: readonly StreamEvent[];
}

const stopped = new HeadraceError(
  "stream-interrupted",
  "Headrace was stopped while this answer was being written",
).report();

/**
 * The trace of a stream whose process died before all of it was told, from what was stored and what the log holds: closed, with an end for each
 * attempt. What could not be counted is estimated; times that nobody wrote down are missing.
 *
 * @returns undefined when nothing is known of it.
 */
export function recoverTrace({ stored, logged, prices, isRoute, now }: RecoveryOptions): StoredTrace | undefined {
  const told = readLog(logged?.events ?? []);
  const begun = stored?.trace ?? (logged === undefined ? undefined : traceOf(logged.info, told.start, isRoute));
  if (begun === undefined) return undefined;
  // A stream may be over and stored so, and only one of its attempts not.
  const trace: Trace = begun.state === "closed" ? { ...begun } : endStream(begun, told, logged?.info, now);
  trace.attempts = attemptsOf(begun, told);
  const estimates = stored?.estimates ?? new Map<number, number>();
  for (const attempt of trace.attempts) {
    if (attempt.outcome === "open") endAttempt(attempt, told, estimates.get(attempt.attempt) ?? 0);
    attempt.share ??= shareOf(attempt, told.parts.has(attempt.attempt));
    const { provider, model, usage, startedAt: at } = attempt;
    const cost = usage === undefined ? undefined : prices.costOf({ provider, model, usage, at });
    if (cost !== undefined) attempt.cost ??= cost;
    if (usage !== undefined) attempt.usage = tokensOf(usage);
  }
  const usage = sumOfUsage(trace.attempts);
  if (usage !== undefined) trace.usage = usage;
  const cost = sumOfCosts(trace.attempts);
  // What an attempt cost that was open may not be known, and then nor is the sum.
  if (cost === undefined) delete trace.cost;
  else trace.cost = cost;
  return { trace, estimates };
}

function endStream(begun: Trace, told: Told, info: StreamInfo | undefined, now: number): Trace {
  const trace: Trace = { ...begun, state: "closed", endedAt: info?.closedAt ?? now };
  const error = told.end === undefined ? stopped : told.end.error;
  trace.outcome = told.end?.outcome ?? "interrupted";
  if (error !== undefined) trace.error = traceError(error);
  if (told.finishReason !== undefined) trace.finishReason = told.finishReason;
  if (info !== undefined) trace.entries = info.entries;
  trace.seams = told.seams;
  trace.warnings = told.warnings;
  return trace;
}

function traceOf(info: StreamInfo, start: StreamStart | undefined, isRoute: (model: string) => boolean): Trace {
  const { id, owner, model, protocol, createdAt, entries } = info;
  const trace: Trace = {
    id,
    model,
    operation: operationOf(protocol),
    protocol,
    startedAt: createdAt,
    state: "open",
    attempts: [],
    readers: { attached: 0, resumed: 0, left: 0, disconnected: 0 },
    seams: [],
    warnings: [],
    timeline: [],
    entries,
  };
  if (owner !== "") trace.owner = owner;
  if (isRoute(model)) trace.route = model;
  if (start?.tags !== undefined) trace.tags = { ...start.tags };
  return trace;
}

/** What the log says of one attempt. */
interface Part {
  provider: string;
  model: string;
  characters: number;
  usage: Usage | undefined;
  /** Those that the usage covers. */
  charactersCounted: number;
}

interface Told {
  start: StreamStart | undefined;
  end: StreamEnd | undefined;
  finishReason: Trace["finishReason"];
  /** By the attempt's number. */
  parts: Map<number, Part>;
  last: number;
  seams: TraceSeam[];
  warnings: string[];
}

function readLog(events: readonly StreamEvent[]): Told {
  const told: Told = {
    start: undefined,
    end: undefined,
    finishReason: undefined,
    parts: new Map(),
    last: -1,
    seams: [],
    warnings: [],
  };
  let part: Part = { provider: "", model: "", characters: 0, usage: undefined, charactersCounted: 0 };
  for (const event of events) {
    switch (event.type) {
      case "stream-start":
        told.start = event;
        break;
      case "attempt-start":
        part = { provider: event.provider, model: event.model, characters: 0, usage: undefined, charactersCounted: 0 };
        told.last = event.attempt ?? 0;
        told.parts.set(told.last, part);
        break;
      case "text-delta":
      case "reasoning-delta":
      case "refusal-delta":
        part.characters += event.text.length;
        break;
      case "tool-call-delta":
        part.characters += event.argumentsText.length;
        break;
      case "usage":
        // Behind a seam it is what all attempts used together.
        if (told.seams.length > 0) break;
        part.usage = event.usage;
        part.charactersCounted = part.characters;
        break;
      case "finish":
        told.finishReason ??= event.reason;
        break;
      case "seam": {
        const { type: _type, ...seam } = event;
        told.seams.push({ ...seam, atMs: 0 });
        break;
      }
      case "warning":
        told.warnings.push(event.message);
        break;
      case "stream-end":
        told.end = event;
        break;
      default:
    }
  }
  return told;
}

/** Those that were stored, and those that only the log knows. */
function attemptsOf({ attempts, startedAt }: Trace, { parts }: Told): TraceAttempt[] {
  const known = new Map(attempts.map((attempt) => [attempt.attempt, { ...attempt }]));
  for (const [attempt, { provider, model }] of parts) {
    if (known.has(attempt)) continue;
    const reason = attempt === 0 ? "first" : "failover";
    known.set(attempt, { attempt, provider, model, reason, outcome: "open", startedAt });
  }
  return [...known.values()].toSorted((a, b) => a.attempt - b.attempt);
}

function endAttempt(attempt: TraceAttempt, told: Told, inputTokens: number): void {
  const part = told.parts.get(attempt.attempt);
  const isLast = attempt.attempt === told.last;
  const isDone = isLast && told.end !== undefined && isWhole(told.end.outcome);
  attempt.outcome = isDone ? "completed" : part === undefined ? "cancelled" : "failed";
  if (attempt.outcome === "failed") attempt.error = traceError(told.end?.error ?? stopped);
  if (isDone && told.finishReason !== undefined) attempt.finishReason = told.finishReason;
  const { usage, characters = 0, charactersCounted = 0 } = part ?? {};
  const reported = usage === undefined || isDone ? usage : usageWithRest(usage, characters - charactersCounted);
  attempt.usage = reported ?? { inputTokens, outputTokens: tokensIn(characters), estimated: true };
}
