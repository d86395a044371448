import type { LogEntry, StreamInfo } from "../log/stream-log.ts";
import type { SummaryKey, Summary, Trace, TracePage, TraceReaders } from "./trace.ts";

/** What to look for; what is left out does not matter. */
export interface TraceQuery {
  /** Only this owner's; left out, everybody's. */
  owner?: string | undefined;
  /** At most this many, newest first. */
  limit: number;
  /** From `TracePage.next`. */
  before?: string | undefined;
  /** Started at this time or later, in milliseconds since the epoch. */
  from?: number | undefined;
  /** Started before this time. */
  to?: number | undefined;
  operation?: string | undefined;
  route?: string | undefined;
  /** As asked for, or the `provider/model` that answered. */
  model?: string | undefined;
  outcome?: string | undefined;
  state?: "open" | "closed" | undefined;
  tag?: { name: string; value: string } | undefined;
  /** A part of the id. */
  q?: string | undefined;
}

export interface SummaryQuery {
  owner?: string | undefined;
  from?: number | undefined;
  to?: number | undefined;
  operation?: string | undefined;
  /** Only what is summed under this when it is summed by model, by route, by key. */
  model?: string | undefined;
  route?: string | undefined;
  key?: string | undefined;
  by: SummaryKey;
}

/** A trace to be stored, and what its attempts are reckoned to have used should their end never be told. */
export interface StoredTrace {
  trace: Trace;
  /** Input tokens by attempt. */
  estimates: ReadonlyMap<number, number>;
}

/** The content of a stream that left the log. */
export interface ArchivedContent {
  info: StreamInfo;
  entries: LogEntry[];
}

/** Where traces are kept once their streams are over. Storing something twice is storing it once. */
export interface RecordsStore {
  /** All of it or nothing. Readers of streams that are stored already are added to them. */
  store(traces: readonly StoredTrace[], readers?: ReadonlyMap<string, TraceReaders>): Promise<void>;
  get(streamId: string): Promise<StoredTrace | undefined>;
  list(query: TraceQuery): Promise<TracePage>;
  summary(query: SummaryQuery): Promise<Summary>;
  /** Ids of streams that are stored as open, or with an attempt that is. */
  openIds(): Promise<string[]>;
  /** Ids of streams that are in the log and not here; only where both are in the same database. */
  unrecordedIds(): Promise<string[]>;
  /** Keeps the content of a stream that leaves the log. */
  archive(content: ArchivedContent, at: number): Promise<void>;
  content(streamId: string): Promise<ArchivedContent | undefined>;
  /** Removes all that is kept of a stream. */
  delete(streamId: string): Promise<void>;
  /** Removes traces of streams that started before one time, and content that was archived before the other. */
  sweep(times: { startedBefore: number; archivedBefore: number }): Promise<void>;
  close(): Promise<void>;
}
