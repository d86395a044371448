import type { ErrorReport } from "../core/errors.ts";
import type { FinishReason, Outcome, Rung, Usage } from "../core/events.ts";
import type { AttemptOutcome, AttemptReason } from "../core/observer.ts";
import type { AskedProtocol, Operation } from "../core/operation.ts";

/** Everything that is known of one stream beside its content. Times in milliseconds, `...At` since the epoch. */
export interface Trace {
  id: string;
  /** The name of the key that started it; missing when no keys are in use. */
  owner?: string;
  /** As asked for. */
  model: string;
  /** Set when `model` is the name of a route. */
  route?: string;
  /** What was asked for; only a `chat` has a log, the others were passed on as they are. */
  operation: Operation;
  /** What the stream was started in. */
  protocol: AskedProtocol;
  startedAt: number;
  endedAt?: number;
  state: "open" | "closed";
  outcome?: Outcome;
  finishReason?: FinishReason;
  error?: TraceError;
  tags?: Record<string, string>;
  attempts: TraceAttempt[];
  readers: TraceReaders;
  /** Of all attempts together. */
  usage?: Usage;
  /** Missing when the price of an attempt that was billed is not known. */
  cost?: Cost;
  /** To the first content of the answer, from the start of the stream. */
  timeToFirstTokenMs?: number;
  durationMs?: number;
  /** Output tokens of the attempts that were delivered, over the time from the first content to the end. */
  tokensPerSecond?: number;
  /** Silences between one piece of content and the next, in milliseconds. */
  gaps?: TraceGaps;
  seams: TraceSeam[];
  warnings: string[];
  /** Milliseconds from the start, and characters of content until then. At most 400 points. */
  timeline: [atMs: number, characters: number][];
  /** Entries in its log; 0 when it has none. */
  entries: number;
}

/** One call of one target. */
export interface TraceAttempt {
  /** From 0. */
  attempt: number;
  provider: string;
  /** As the provider calls it. */
  model: string;
  reason: AttemptReason;
  /** How it was asked to go on with what others had begun. */
  rung?: Rung;
  outcome: AttemptOutcome | "open";
  error?: TraceError;
  /** HTTP status of the provider's refusal. */
  providerStatus?: number;
  finishReason?: FinishReason;
  /** Since the epoch. */
  startedAt: number;
  durationMs?: number;
  /** Waited for its turn before it started, because the target had said that it gets too many. */
  queueMs?: number;
  /** Until there was a connection, TLS included; missing when one was used again, and where nobody knows. */
  connectMs?: number;
  /** The connection had served another call before. */
  reusedConnection?: true;
  /** Until the head of the provider's response, a refusal's included. */
  firstByteMs?: number;
  firstEventMs?: number;
  firstContentMs?: number;
  usage?: Usage;
  /** US dollars; missing when it is not known. */
  cost?: number;
  /** What it was paid for; missing while it is open. */
  share?: CostShare;
}

/** `delivered` is in the answer, `hedged` lost a race, `discarded` is the rest. */
export type CostShare = "delivered" | "discarded" | "hedged";

/** A code and our own words; never a provider's. */
export type TraceError = Pick<ErrorReport, "code" | "message">;

/** What those who read it did, over the life of the stream. */
export interface TraceReaders {
  /** Readers that came, those that came back included. */
  attached: number;
  /** Those that went on from a cursor. */
  resumed: number;
  /** Those that left with everything. */
  left: number;
  /** Those that left while the answer was being written. */
  disconnected: number;
}

/** What was paid for: `total` is the sum of the three others. */
export interface Cost {
  total: number;
  /** For what is in the answer. */
  delivered: number;
  /** For attempts of which nothing is in the answer, other than hedges that lost. */
  discarded: number;
  /** For attempts that lost a race. */
  hedged: number;
  currency: "USD";
}

export interface TraceGaps {
  p50: number;
  p95: number;
  max: number;
}

/** Where the answer goes on with another attempt's text. */
export interface TraceSeam {
  fromAttempt: number;
  toAttempt: number;
  rung: Rung;
  overlap: number;
  confidence: number;
  /** From the start of the stream. */
  atMs: number;
}

/** A trace in a list. */
export interface TraceSummary extends Omit<Trace, "timeline" | "attempts" | "seams" | "warnings"> {
  attemptCount: number;
  seamCount: number;
  /** Of the attempt that answered, or else the last one. */
  provider?: string;
  servedModel?: string;
}

export interface TracePage {
  data: TraceSummary[];
  /** For `before`; missing when there are no further ones. */
  next?: string;
}

/** What is added up, over the streams that started in a time. */
export interface Sums {
  requests: number;
  /** Those that ended as `failed` or `interrupted`. */
  errors: number;
  inputTokens: number;
  outputTokens: number;
  /** US dollars, of those whose cost is known. */
  cost: number;
  /** Requests whose cost is not known. */
  costUnknown: number;
  ttftP50?: number;
  ttftP95?: number;
  /** Of the median stream. */
  tokensPerSecond?: number;
}

export type SummaryKey = "day" | "hour" | "model" | "operation" | "route" | "key";

export interface Summary {
  totals: Sums;
  groups: (Sums & { key: string })[];
  /** By hour or by day, whichever suits the time asked for. `at` is the begin, since the epoch. */
  series: (Sums & { at: number })[];
}

/** How a target has been doing, as far as this process knows. */
export interface TargetReport {
  /** `provider/model`. */
  name: string;
  provider: string;
  model: string;
  /** `resting`: not called while there are others; `probing`: one call finds out whether it is back. */
  health: "ok" | "resting" | "probing";
  /** Since the epoch. */
  restsUntil?: number;
  concurrency: {
    /** Calls that wait for their first token. */
    active: number;
    /** Missing while the target never said that it gets too many. */
    limit?: number;
    queued: number;
  };
  successes: number;
  failures: number;
}

/** What is there to work with. Secrets are masked. */
export interface SetupReport {
  version: string;
  providers: { name: string; vendor: string; label: string; hasKey: boolean; models?: readonly string[] }[];
  /** Vendors that would appear with a variable. */
  missing: { vendor: string; variable: string }[];
  /** The effective configuration. */
  config: unknown;
  warnings: string[];
}
