import type { Summary } from "./samples.ts";

/** What the load client is asked to do. */
export interface LoadPlan {
  port: number;
  path: string;
  model: string;
  /** Open at the same time. */
  streams: number;
  /** Events per second and stream; 0 is as fast as they come. */
  rate: number;
  /** Of one stream. */
  events: number;
  /** A stream that ended is replaced by a new one until the end. */
  renew: boolean;
  /** The first streams start evenly spread over this time. */
  rampMs: number;
  /** The measured window starts this long after the first stream. */
  warmUpMs: number;
  measureMs: number;
}

export interface LoadResult {
  /** Of the whole run, warm-up included. */
  streams: number;
  failures: number;
  /** How often each flaw was seen. */
  flaws: Record<string, number>;
  /** The rest is of the measured window only. */
  windowMs: number;
  events: number;
  latencyUs: Summary;
  /** From writing the request to the first content event. */
  firstTokenUs: Summary;
  /** Share of the time in which the client was not waiting. */
  busy: number;
  /** How late the client's own event loop ran a 5 ms timer, 99th percentile. */
  loopDelayUs: number;
}

export type LoadMessage = "window-start" | "window-end" | { result: LoadResult };
