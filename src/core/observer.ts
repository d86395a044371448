import type { ErrorReport } from "./errors.ts";
import type { FinishReason, Outcome, Rung, Seam, StreamEvent, Usage } from "./events.ts";
import type { AskedProtocol } from "./operation.ts";

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
  /** How it was asked to go on with what others had begun. */
  rung?: Rung;
  /** Milliseconds since the epoch. */
  startedAt: number;
  /** Waited for its turn before it started; missing when it did not have to. */
  queueMs?: number;
  /** What the request costs at least, were it billed: a guess from the length of its texts. */
  estimatedInputTokens: number;
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
  /** As the provider counted, else an estimate that says so; missing when it was refused. */
  usage?: Usage;
  /** Until there was a connection, TLS included; missing when one was used again, and where nobody knows. */
  connectMs?: number;
  /** The connection had served another call before. */
  reusedConnection?: true;
  /** Until the head of the provider's response, a refusal's included. */
  firstByteMs?: number;
  /** Missing when it never came. */
  firstEventMs?: number;
  firstContentMs?: number;
  durationMs: number;
}

/** Where a stream was asked for, when that was over the network. */
export interface StreamOrigin {
  /** The route's pattern, such as `POST /v1/messages`; never what was filled in. */
  route: string;
  /** W3C trace context as it came, unchecked. */
  traceparent?: string;
}

export interface StreamStarted {
  type: "stream-started";
  streamId: string;
  /** The empty string when no keys are in use. */
  owner: string;
  /** As asked for. */
  model: string;
  protocol: AskedProtocol;
  /** Milliseconds since the epoch. */
  startedAt: number;
  /** Missing when the library was asked. */
  origin?: StreamOrigin;
  tags?: Readonly<Record<string, string>>;
}

/** Something worth counting or tracing. Observations never change what happens. */
export type Observation =
  /** Comes before everything else of its stream. */
  | StreamStarted
  /** The answer goes on with another attempt. */
  | (Omit<Seam, "type"> & { type: "seam-joined"; streamId: string })
  | { type: "stream-ended"; streamId: string; outcome: Outcome; error?: ErrorReport }
  /** In place of `stream-ended`: somebody else writes the stream now, or its end could not be written. */
  | { type: "stream-lost"; streamId: string }
  | AttemptStarted
  | AttemptEnded
  | { type: "reader-attached"; streamId: string; resumed: boolean }
  | { type: "reader-left"; streamId: string; complete: boolean };

/** Told of observations as they happen, synchronously; must not throw. */
export type Observe = (observation: Observation) => void;

/** One observer of several. One that fails anyway, against the rule, disturbs neither the stream nor the others. */
export function tellAll(observers: readonly Observe[]): Observe {
  return (observation) => {
    for (const observe of observers) {
      try {
        observe(observation);
      } catch {
        // What is counted is worth less than the answer that it is counted of.
      }
    }
  };
}

/** Takes note of a stream's events on their way into its log. Told of every token, synchronously: it may only count. */
export interface StreamTap {
  see(event: StreamEvent): void;
}

/** The tap of a stream that was just started; undefined when nobody wants to know. */
export type TapStream = (streamId: string) => StreamTap | undefined;
