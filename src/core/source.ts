import type { AttemptProgress } from "./attempt-progress.ts";
import type { HeadraceError } from "./errors.ts";
import type { Rung, StreamEvent } from "./events.ts";
import type { AttemptReason, Observe } from "./observer.ts";
import type { GenerateRequest } from "./request.ts";
import type { Resumption } from "./resumption.ts";

/** What all attempts of one stream share. */
export interface StreamContext {
  readonly id: string;
  /** Attempts begun so far, which is the number of the next one. */
  attempts: number;
  /** Names of the targets by the attempt's number. */
  targets?: string[];
  /** When the answer has to be complete, by the clock's `elapsed()`. */
  deadline?: number;
  /** What broke off though its provider goes on with it, by the attempt's number. */
  resumptions?: Map<number, Resumption>;
  /** Ends each attempt that is under way with an error, by the attempt's number. */
  live?: Map<number, (error: HeadraceError) => void>;
}

export interface SourceOptions {
  /** Aborted when nobody wants the answer any more; the source then stops its work within 250 ms. */
  signal: AbortSignal;
  observe?: Observe;
  /** Missing when a source is called on its own. */
  stream?: StreamContext;
  /** Number of this attempt within its stream. */
  attempt?: number;
  /** How long it waited for its turn. */
  queueMs?: number;
  /** Why this attempt is made; left out, it is the first one. */
  reason?: AttemptReason;
  /** How this attempt is asked to go on with what others began. */
  rung?: Rung;
  /** This attempt goes on with what another one began; only for the target that began it. */
  resume?: Resumption;
  /** Where a source that reports says what arrives, before anybody takes it. */
  progress?: AttemptProgress;
}

/**
 * Where answers come from: a provider, a user's own generator, or either of them made sturdier by a wrapper.
 *
 * Yields `attempt-start`, the steps of the answer, then one `stream-end` with a whole outcome. Everything else that
 * can happen is thrown as a HeadraceError, so that a wrapper can decide what to do about it.
 */
export type StreamSource = (request: GenerateRequest, options: SourceOptions) => AsyncIterable<StreamEvent>;
