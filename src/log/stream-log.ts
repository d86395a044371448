import type { ProtocolName, StreamEvent } from "../core/events.ts";

/** What an append survives: nothing, kill -9, power loss, the loss of the primary. */
export type Durability = "memory" | "process" | "disk" | "replica";

/** An event in a stream's log, with its position. */
export interface LogEntry {
  /** Grows by 1 with every change of writer. */
  epoch: number;
  /** 0, 1, 2, ... over the whole stream, never reset. */
  seq: number;
  event: StreamEvent;
}

/**
 * The answer to an append, decided in this order:
 *
 * - `fenced`: another writer, with `epoch`, owns the stream.
 * - `dup`: all of it was there already, so retrying an append of unknown outcome is safe, also after the terminal entry.
 * - `closed`: the terminal entry is there; nothing can follow it.
 * - `gap`: entries before it are missing, append again from `next`.
 * - `ok`: stored. Where a first part was there already, only the rest was added.
 *
 * `next` is the seq to go on with. What is there already is told by position; events are not compared.
 */
export type AppendResult =
  | { status: "ok" | "dup" | "gap"; next: number }
  | { status: "fenced"; epoch: number }
  | { status: "closed" };

/** What a stream is created with. */
export interface NewStream {
  id: string;
  /** Who started it; nobody else can see it. The empty string when no keys are in use. */
  owner: string;
  protocol: ProtocolName;
  model: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  /** The conversation that it belongs to, as its owner calls it. */
  chat?: string;
  /** Claimed for the owner in the same step that creates the stream. */
  idempotency?: { key: string; requestHash: string };
}

export type CreateResult =
  | { status: "created"; epoch: number }
  /** The owner's idempotency key belongs to this stream already. */
  | { status: "exists"; streamId: string; requestHash: string };

export interface StreamInfo extends Omit<NewStream, "idempotency"> {
  epoch: number;
  /** Number of committed entries, which is the next seq. */
  entries: number;
  /** Set once the terminal entry is committed. */
  closedAt?: number;
}

export interface ListOptions {
  owner: string;
  /** At most this many, newest first. */
  limit: number;
  /** Only streams created before this one of the owner's; for paging. */
  before?: string;
  /** Only streams of this conversation. */
  chat?: string;
}

export interface SweepOptions {
  /** Milliseconds since the epoch. */
  closedBefore: number;
  claimedBefore: number;
  /** Waited for before a stream is removed; when it fails, the stream stays. */
  beforeRemoval?: (stream: StreamInfo) => Promise<void>;
}

/** Takes entries that were just committed; none when the subscription is over. */
export type Deliver = (entries: readonly LogEntry[]) => void;

/** What a store has done since it was opened. */
export interface LogHealth {
  /** Transactions; entries per commit say how well writers share them. */
  commits: number;
  entries: number;
  /** Transactions that failed; nothing of them was stored. */
  failures: number;
}

/**
 * The append-only logs of all streams: the only buffer between models and clients.
 *
 * An append resolves when its entries are as durable as configured, and only then do readers see them. Every store
 * passes `describeStreamLog` of the conformance suite.
 */
export interface StreamLog {
  // Entries and events go in and come out by reference, shared with other readers: nobody changes them.
  readonly durability: Durability;

  /** Missing where there is nothing that could fail. */
  readonly health?: LogHealth | undefined;

  /** Claims id and idempotency key in one step. The stream is empty when this resolves, its epoch 1; not before. */
  create(stream: NewStream): Promise<CreateResult>;

  /**
   * Appends `events` as the entries `seq`, `seq + 1`, ... in one atomic step.
   *
   * @throws HeadraceError `stream-not-found`, `storage-full`, `log-unavailable`; then nothing was appended.
   */
  append(streamId: string, epoch: number, seq: number, events: readonly StreamEvent[]): Promise<AppendResult>;

  /**
   * Committed entries after seq `after` (-1 for all), in order, at most `limit`; empty only when there are none yet.
   *
   * @throws HeadraceError `stream-not-found`.
   */
  read(streamId: string, options: { after: number; limit: number }): Promise<LogEntry[]>;

  /**
   * Resolves when an entry after `seq` is committed (at once if one already is), or the stream is deleted or unknown.
   * Rejects with the signal's reason.
   */
  waitForEntryAfter(streamId: string, seq: number, signal: AbortSignal): Promise<void>;

  /**
   * Follows without a promise per entry: `deliver` gets every entry after `after`, once, in order, right after its
   * commit, never from within `subscribe` or `append`. It must not throw.
   *
   * Returns the function that ends it, or undefined when an entry after `after` is there already: read that first. A
   * delivery of no entries ends the subscription, because the stream was deleted or the store lost track: read again.
   *
   * @throws HeadraceError `stream-not-found`.
   */
  subscribe(streamId: string, after: number, deliver: Deliver): (() => void) | undefined;

  info(streamId: string): Promise<StreamInfo | undefined>;
  /** @throws HeadraceError `stream-not-found` - `before` is not a stream of this owner. */
  list(options: ListOptions): Promise<StreamInfo[]>;
  /** Streams without a terminal entry, of any owner: what a restarted process has to bring to an end. */
  listOpen(): Promise<StreamInfo[]>;

  /**
   * Becomes the writer: epoch + 1, older writers are fenced. Returns the new epoch and the next seq.
   *
   * @throws HeadraceError `stream-not-found`.
   */
  takeOver(streamId: string): Promise<{ epoch: number; next: number }>;

  /** Removes the stream, its entries and its claim on an idempotency key. Removing an unknown stream is fine. */
  delete(streamId: string): Promise<void>;

  /**
   * Removes streams closed before `closedBefore`, and idempotency keys of streams created before `claimedBefore`.
   * Returns how many streams.
   */
  sweep(options: SweepOptions): Promise<number>;

  /** Lets go of the store. Whoever waits is woken; everything afterwards rejects with `log-unavailable`. */
  close(): Promise<void>;
}
