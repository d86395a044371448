import type { ErrorReport } from "../core/errors.ts";
import type { Outcome, Usage } from "../core/events.ts";
import type { AttemptEnded, AttemptStarted, StreamStarted } from "../core/observer.ts";
import { isPassed, operationOf } from "../core/operation.ts";
import { tokensIn } from "../core/usage-estimate.ts";
import { shareOf, sumOfCosts, sumOfUsage, tokensOf } from "./cost.ts";
import type { Prices } from "./prices.ts";
import type { TokenRecorder } from "./token-recorder.ts";
import type { Trace, TraceAttempt, TraceError, TraceGaps, TraceReaders } from "./trace.ts";

/** How a stream ended, and when. */
export interface StreamEnding {
  outcome: Outcome;
  error?: ErrorReport;
  endedAt: number;
  durationMs: number;
}

/** What is being noted of a stream that this process writes. */
export class LiveTrace {
  readonly started: StreamStarted;
  readonly recorder: TokenRecorder;
  readonly route: string | undefined;
  readonly readers: TraceReaders = { attached: 0, resumed: 0, left: 0, disconnected: 0 };
  ending: StreamEnding | undefined;
  /** Something was noted that is not stored yet. */
  isDirty = true;
  /** Grows with everything that an attempt tells. */
  changes = 0;
  readonly #attempts = new Map<number, AttemptStarted | AttemptEnded>();
  readonly #prices: Prices;

  constructor(parts: { started: StreamStarted; recorder: TokenRecorder; route: string | undefined; prices: Prices }) {
    this.started = parts.started;
    this.recorder = parts.recorder;
    this.route = parts.route;
    this.#prices = parts.prices;
  }

  attempt(observation: AttemptStarted | AttemptEnded): void {
    // What comes first counts, and an end once.
    if (this.#attempts.get(observation.attempt)?.type === "attempt-ended") return;
    this.#attempts.set(observation.attempt, observation);
    this.changes++;
    this.isDirty = true;
  }

  /** Ends attempts that will not tell their end any more; what they cost is a guess. */
  closeAttempts(now: number): void {
    for (const started of this.#attempts.values()) {
      if (started.type === "attempt-ended") continue;
      const usage: Usage = { inputTokens: started.estimatedInputTokens, outputTokens: 0, estimated: true };
      const durationMs = Math.max(0, now - started.startedAt);
      this.attempt({ ...started, type: "attempt-ended", outcome: "cancelled", durationMs, usage });
    }
  }

  /** What its attempts are reckoned to use at least, by their numbers. */
  estimates(): Map<number, number> {
    return new Map([...this.#attempts.values()].map((one) => [one.attempt, one.estimatedInputTokens]));
  }

  get isComplete(): boolean {
    return this.ending !== undefined && [...this.#attempts.values()].every(({ type }) => type === "attempt-ended");
  }

  /** Everything that is known by now. */
  trace(): Trace {
    const { started, recorder, ending, readers } = this;
    const attempts = this.#traceAttempts();
    const trace: Trace = {
      id: started.streamId,
      model: started.model,
      operation: operationOf(started.protocol),
      protocol: started.protocol,
      startedAt: started.startedAt,
      state: ending === undefined ? "open" : "closed",
      attempts,
      readers: { ...readers },
      seams: [...recorder.seams],
      warnings: [...recorder.warnings],
      timeline: recorder.timeline.points(),
      entries: isPassed(started.protocol) ? 0 : recorder.entries + (ending === undefined ? 0 : 1),
    };
    if (started.owner !== "") trace.owner = started.owner;
    if (this.route !== undefined) trace.route = this.route;
    if (started.tags !== undefined) trace.tags = { ...started.tags };
    if (recorder.finishReason !== undefined) trace.finishReason = recorder.finishReason;
    this.#addEnding(trace);
    this.#addPace(trace);
    const usage = sumOfUsage(attempts);
    if (usage !== undefined) trace.usage = usage;
    const cost = sumOfCosts(attempts);
    if (cost !== undefined) trace.cost = cost;
    return trace;
  }

  /** The same, and what is being spent at this moment: an estimate, for looking at only. It is never stored. */
  reckonedTrace(): Trace {
    const trace = this.trace();
    if (trace.attempts.every(({ outcome }) => outcome !== "open")) return trace;
    const reckoned = trace.attempts.map((attempt) => (attempt.outcome === "open" ? this.#reckon(attempt) : attempt));
    const usage = sumOfUsage(reckoned);
    const cost = sumOfCosts(reckoned);
    return { ...trace, ...(usage !== undefined && { usage }), ...(cost !== undefined && { cost }) };
  }

  #reckon(attempt: TraceAttempt): TraceAttempt {
    const { delivered, charactersOfAttempt } = this.recorder;
    const isWriting = [...delivered].at(-1) === attempt.attempt;
    const inputTokens = this.#attempts.get(attempt.attempt)?.estimatedInputTokens ?? 0;
    const outputTokens = isWriting ? tokensIn(charactersOfAttempt) : 0;
    const usage: Usage = { inputTokens, outputTokens, estimated: true };
    const { provider, model, startedAt } = attempt;
    const cost = this.#prices.costOf({ provider, model, usage, at: startedAt });
    return { ...attempt, usage, share: shareOf(attempt, isWriting), ...(cost !== undefined && { cost }) };
  }

  #addEnding(trace: Trace): void {
    const { ending } = this;
    if (ending === undefined) return;
    trace.outcome = ending.outcome;
    trace.endedAt = ending.endedAt;
    trace.durationMs = Math.round(ending.durationMs);
    if (ending.error !== undefined) trace.error = traceError(ending.error);
  }

  #addPace(trace: Trace): void {
    const { firstContentMs, lastContentMs, gaps, delivered } = this.recorder;
    if (firstContentMs === undefined) return;
    trace.timeToFirstTokenMs = Math.round(firstContentMs);
    const lengths = gapsOf(gaps);
    if (lengths !== undefined) trace.gaps = lengths;
    const usage = sumOfUsage(trace.attempts.filter(({ attempt }) => delivered.has(attempt)));
    const seconds = (lastContentMs - firstContentMs) / 1_000;
    // While it is being written nobody has counted yet.
    const tokens = usage?.outputTokens ?? (this.ending === undefined ? tokensIn(this.recorder.characters) : undefined);
    if (tokens !== undefined && seconds > 0) trace.tokensPerSecond = tenth(tokens / seconds);
  }

  #traceAttempts(): TraceAttempt[] {
    return [...this.#attempts.values()].toSorted((a, b) => a.attempt - b.attempt).map((noted) => this.#describe(noted));
  }

  #describe(noted: AttemptStarted | AttemptEnded): TraceAttempt {
    const { attempt, provider, model, reason, rung, startedAt, queueMs } = noted;
    const described: TraceAttempt = { attempt, provider, model, reason, outcome: "open", startedAt };
    if (rung !== undefined) described.rung = rung;
    if (queueMs !== undefined) described.queueMs = Math.round(queueMs);
    if (noted.type === "attempt-started") return described;
    const { outcome, error, providerStatus, finishReason, durationMs, usage } = noted;
    described.outcome = outcome;
    described.durationMs = Math.round(durationMs);
    if (error !== undefined) described.error = traceError(error);
    if (providerStatus !== undefined) described.providerStatus = providerStatus;
    if (finishReason !== undefined) described.finishReason = finishReason;
    if (noted.reusedConnection) described.reusedConnection = true;
    for (const time of ["connectMs", "firstByteMs", "firstEventMs", "firstContentMs"] as const) {
      if (noted[time] !== undefined) described[time] = Math.round(noted[time]);
    }
    described.share = shareOf(described, this.recorder.delivered.has(attempt));
    if (usage === undefined) return described;
    described.usage = tokensOf(usage);
    const cost = this.#prices.costOf({ provider, model, usage, at: startedAt });
    if (cost !== undefined) described.cost = cost;
    return described;
  }
}

export function traceError({ code, message }: ErrorReport): TraceError {
  return { code, message };
}

function gapsOf(gaps: TokenRecorder["gaps"]): TraceGaps | undefined {
  const [p50, p95] = [gaps.quantile(0.5), gaps.quantile(0.95)];
  return p50 === undefined || p95 === undefined
    ? undefined
    : { p50: tenth(p50), p95: tenth(p95), max: tenth(gaps.max) };
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}
