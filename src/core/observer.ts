import type { ErrorReport } from "./errors.ts";
import type { FinishReason, Outcome, Usage } from "./events.ts";

/** Why an attempt is made. */
export type AttemptReason = "first" | "retry" | "failover" | "hedge" | "recovery";

/**
 * How an attempt ended: with a whole answer, with an error, because nobody wanted it any more, or because another one
 * that raced it was faster.
 */
export type AttemptOutcome = "completed" | "failed" | "cancelled" | "lost";

interface OfAttempt {
  /** Empty when a source was called on its own. */
  streamId: string;
  /** From 0, over all targets of the stream. */
  attempt: number;
  provider: string;
  model: string;
  reason: AttemptReason;
  /** Milliseconds since the epoch. */
  startedAt: number;
}

export interface AttemptStarted extends OfAttempt {
  type: "attempt-started";
}

/** Exactly one for each `attempt-started`. Times count from the start. */
export interface AttemptEnded extends OfAttempt {
  type: "attempt-ended";
  outcome: AttemptOutcome;
  error?: ErrorReport;
  /** HTTP status of the provider's refusal. */
  providerStatus?: number;
  finishReason?: FinishReason;
  /** As the provider counted, else an estimate that says so; missing when the model never began. */
  usage?: Usage;
  /** Missing when it never came. */
  firstEventMs?: number;
  firstContentMs?: number;
  durationMs: number;
}

/** Something worth counting or tracing. Observations never change what happens. */
export type Observation =
  | { type: "stream-started"; streamId: string; model: string; protocol: string }
  | { type: "stream-ended"; streamId: string; outcome: Outcome; error?: ErrorReport }
  | AttemptStarted
  | AttemptEnded
  | { type: "reader-attached"; streamId: string; resumed: boolean }
  | { type: "reader-left"; streamId: string; complete: boolean };

/** Told of observations as they happen, synchronously; must not throw. */
export type Observe = (observation: Observation) => void;
