import { closeSync, fdatasync, fdatasyncSync, openSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { HeadraceError } from "../core/errors.ts";
import type { StreamEvent } from "../core/events.ts";
import { decideAppend, logClosed, streamNotFound } from "./append-decision.ts";
import { Journal } from "./journal.ts";
import type { Change, Staged } from "./sqlite-commits.ts";
import { GroupCommit } from "./sqlite-commits.ts";
import { sqliteError } from "./sqlite-errors.ts";
import { LiveStream } from "./live-stream.ts";
import { restoreStreams } from "./sqlite-restore.ts";
import { openDatabase } from "./sqlite-schema.ts";
import { limitSize } from "./sqlite-size.ts";
import { Segments } from "./sqlite-segments.ts";
import type { Claim, StreamRow } from "./sqlite-streams.ts";
import { infoOfRow, newRow, StreamTable } from "./sqlite-streams.ts";
import { Upkeep } from "./sqlite-upkeep.ts";
import type {
  AppendResult,
  CreateResult,
  Deliver,
  ListOptions,
  LogEntry,
  LogHealth,
  NewStream,
  StreamInfo,
  StreamLog,
  SweepOptions,
} from "./stream-log.ts";
import { Watchers } from "./watchers.ts";

export interface SqliteLogOptions {
  /** The database file; made with its folder when missing, readable for this user only. */
  path: string;
  /** `process`: commits survive `kill -9`. `disk`: they survive power loss too, and each waits for the disk. */
  durability: "process" | "disk";
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Appends answer `storage-full` when database and journal would grow beyond this. Default: the disk is the limit. */
  maxBytes?: number;
  /** The write-ahead log is moved into the database when it is longer than this. Default 16 MiB. */
  checkpointBytes?: number;
  /** How long entries of a stream that ended may stay in memory, to be moved together with others. Default 200. */
  upkeepDelayMs?: number;
}

/** The log's database, for tables that others keep in the same file. */
export interface SharedDatabase {
  path: string;
  database: DatabaseSync;
  /** The only way to write: in a transaction between the log's own, as soon as that is possible. */
  write<Value>(work: () => Value): Promise<Value>;
}

/** Streams that a sweep removes in one transaction. */
const sweptAtOnce = 100;

/**
 * Streams in a SQLite file and a journal beside it, for one process.
 *
 * Entries that come in one turn of the event loop, on all streams, are one record of the journal, written at its end.
 * Those of open streams stay in memory as well, and move to segments in the database when their stream ends or grows
 * long. The write-ahead log of the database is synced and moved into it by a thread of its own.
 */
export class SqliteLog implements StreamLog {
  readonly durability: "process" | "disk";
  readonly #options: SqliteLogOptions;
  readonly #database: DatabaseSync;
  readonly #unlock: () => void;
  readonly #streams: StreamTable;
  readonly #journal: Journal;
  readonly #segments: Segments;
  readonly #upkeep: Upkeep;
  readonly #watchers = new Watchers();
  readonly #live = new Map<string, LiveStream>();
  readonly #walDescriptor: number;
  readonly #commits: GroupCommit;
  #closed = false;

  /** @throws HeadraceError `log-unavailable` - the file cannot be used; the message says what to do. */
  static open(options: SqliteLogOptions): SqliteLog {
    const { database, unlock } = openDatabase(options.path);
    try {
      return new SqliteLog(options, database, unlock);
    } catch (error) {
      database.close();
      unlock();
      throw sqliteError(error, options.path);
    }
  }

  private constructor(options: SqliteLogOptions, database: DatabaseSync, unlock: () => void) {
    this.#options = options;
    this.durability = options.durability;
    this.#database = database;
    this.#unlock = unlock;
    // Commits reach the operating system, which is enough to survive kill -9. All syncs happen elsewhere: see the
    // checkpoint thread, and #sync for `disk`.
    database.exec("PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0");
    this.#streams = new StreamTable(database);
    this.#segments = new Segments(database);
    const isSynced = options.durability === "disk";
    const walDescriptor = openSync(`${options.path}-wal`, "r+");
    this.#walDescriptor = walDescriptor;
    // As with the journal: it may be of a process that was killed before it synced.
    if (isSynced) fdatasyncSync(walDescriptor);
    this.#journal = new Journal({
      path: options.path,
      isSynced,
      onceDatabaseIsSafe: (then) => this.#onceDatabaseIsSafe(then),
    });
    this.#commits = new GroupCommit({
      database,
      journal: this.#journal,
      now: options.now,
      path: options.path,
      ...(isSynced && { syncDescriptor: walDescriptor }),
      checkRoom: limitSize({ ...options, database, journal: this.#journal }),
      onCommitted: (staged) => this.#onCommitted(staged),
      onReleased: () => this.#upkeep.onReleased(),
      onFailed: (error) => this.#onFailed(error),
    });
    this.#upkeep = new Upkeep({
      archiver: { streams: this.#streams, journal: this.#journal, segments: this.#segments, live: this.#live },
      commits: this.#commits,
      path: options.path,
      checkpointBytes: options.checkpointBytes ?? 16 * 1024 * 1024,
      delayMs: options.upkeepDelayMs ?? 200,
    });
    restoreStreams({
      streams: this.#streams,
      segments: this.#segments,
      journal: this.#journal,
      live: this.#live,
      archiver: this.#upkeep.archiver,
    });
    this.#upkeep.continue();
  }

  get health(): LogHealth {
    return this.#commits.health;
  }

  share(): SharedDatabase {
    const write = <Value>(work: () => Value): Promise<Value> => this.#commits.exclusively(work);
    return { path: this.#options.path, database: this.#database, write };
  }

  async create(stream: NewStream): Promise<CreateResult> {
    this.#check();
    const { id, owner, idempotency } = stream;
    if (this.#live.has(id) || this.#row(id) !== undefined) {
      throw new HeadraceError("internal", `there is a stream ${id} already`);
    }
    const live = new LiveStream(newRow(stream), false);
    this.#live.set(id, live);
    let claimed: Claim | undefined;
    const change: Change = {
      store: () => {
        // Only now, because a stream that is deleted in the same turn frees its key.
        claimed = idempotency === undefined ? undefined : this.#streams.claimed(owner, idempotency.key);
        if (claimed === undefined) live.row.number = this.#streams.insert(stream);
        else live.deleted = true;
      },
      done: () => {
        live.created = claimed === undefined;
        if (!live.created) this.#live.delete(id);
      },
      undo: () => this.#live.delete(id),
    };
    await this.#commits.change(change, undefined);
    return claimed === undefined ? { status: "created", epoch: 1 } : { status: "exists", ...claimed };
  }

  append(streamId: string, epoch: number, seq: number, events: readonly StreamEvent[]): Promise<AppendResult> {
    try {
      this.#check();
      const live = this.#live.get(streamId);
      if (live === undefined) return Promise.resolve(this.#appendToArchived(streamId, epoch, seq, events));
      if (!live.writable) throw streamNotFound(streamId);
      const { head } = live;
      const { result, skip } = decideAppend(head, epoch, seq, events);
      // Any other answer may rest on entries that are not committed yet, so it waits for them as well.
      if (result.status === "ok") {
        this.#commits.stage(live, epoch, skip === 0 ? events : events.slice(skip));
      } else if (this.#commits.settled) return Promise.resolve(result);
      return this.#commits.wait(result);
    } catch (error) {
      return Promise.reject(sqliteError(error, this.#options.path));
    }
  }

  async read(streamId: string, { after, limit }: { after: number; limit: number }): Promise<LogEntry[]> {
    this.#check();
    const from = after + 1;
    const live = this.#committed(streamId);
    const row = live?.row ?? this.#row(streamId);
    if (row === undefined) throw streamNotFound(streamId);
    try {
      if (from >= row.archived) return live?.read(from, limit) ?? [];
      const entries = this.#segments.read(row.number, from, row.archived, limit);
      if (live === undefined || entries.length === limit) return entries;
      return [...entries, ...live.read(row.archived, limit - entries.length)];
    } catch (error) {
      throw sqliteError(error, this.#options.path);
    }
  }

  waitForEntryAfter(streamId: string, seq: number, signal: AbortSignal): Promise<void> {
    try {
      this.#check();
      signal.throwIfAborted();
      const count = this.#committed(streamId)?.count ?? this.#row(streamId)?.archived;
      if (count === undefined || count > seq + 1) return Promise.resolve();
      return this.#watchers.wait(streamId, seq, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  subscribe(streamId: string, after: number, deliver: Deliver): (() => void) | undefined {
    this.#check();
    const count = this.#committed(streamId)?.count ?? this.#row(streamId)?.archived;
    if (count === undefined) throw streamNotFound(streamId);
    return count > after + 1 ? undefined : this.#watchers.subscribe(streamId, after, deliver);
  }

  async info(streamId: string): Promise<StreamInfo | undefined> {
    this.#check();
    const live = this.#committed(streamId);
    if (live !== undefined) return live.info();
    const row = this.#row(streamId);
    return row === undefined ? undefined : infoOfRow(row);
  }

  async list({ owner, limit, before, chat }: ListOptions): Promise<StreamInfo[]> {
    this.#check();
    let number: number | undefined;
    if (before !== undefined) {
      const row = this.#row(before);
      if (row === undefined || row.owner !== owner) throw streamNotFound(before);
      number = row.number;
    }
    const rows = this.#guard(() => this.#streams.ofOwner({ owner, limit, chat, olderThan: number }));
    return rows.map((row) => this.#committed(row.id)?.info() ?? infoOfRow(row));
  }

  async listOpen(): Promise<StreamInfo[]> {
    this.#check();
    const open: StreamInfo[] = [];
    for (const live of this.#live.values()) {
      if (live.created && live.row.closed_at === null) open.push(live.info());
    }
    return open;
  }

  async takeOver(streamId: string): Promise<{ epoch: number; next: number }> {
    this.#check();
    const live = this.#live.get(streamId) ?? this.#revive(this.#row(streamId), streamId);
    if (!live.writable) throw streamNotFound(streamId);
    const epoch = ++live.head.epoch;
    let { next } = live.head;
    const change: Change = {
      store: () => this.#streams.setEpoch(live.row.number, epoch),
      done: () => {
        live.row.epoch = epoch;
        // Entries of the writer before may have been refused meanwhile.
        next = Math.min(next, live.head.next);
        this.#upkeep.archiver.add(live);
      },
      undo: () => {
        live.head.epoch = live.row.epoch;
        this.#upkeep.archiver.add(live);
      },
    };
    await this.#commits.change(change, undefined);
    return { epoch, next };
  }

  async delete(streamId: string): Promise<void> {
    this.#check();
    const live = this.#live.get(streamId);
    const row = live?.row ?? this.#row(streamId);
    if (row === undefined || live?.writable === false) return;
    await this.#commits.change(this.#removal(row), undefined);
  }

  async sweep({ closedBefore, claimedBefore, beforeRemoval }: SweepOptions): Promise<number> {
    this.#check();
    await this.#commits.change({ store: () => this.#streams.removeClaimsBefore(claimedBefore) }, undefined);
    const remove = async (rows: readonly StreamRow[]): Promise<number> => {
      this.#check();
      for (const row of rows) await beforeRemoval?.(this.#committed(row.id)?.info() ?? infoOfRow(row));
      await Promise.all(rows.map((row) => this.#commits.change(this.#removal(row), undefined)));
      return rows.length;
    };
    // Those that ended a moment ago, of which the table does not know yet.
    const ended = [...this.#live.values()].filter((live) => live.writable && live.closedBefore(closedBefore));
    let swept = await remove(ended.map(({ row }) => row));
    for (let removed = sweptAtOnce; removed === sweptAtOnce; swept += removed) {
      removed = await remove(this.#guard(() => this.#streams.closedBefore(closedBefore, sweptAtOnce)));
    }
    return swept;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const closed = logClosed();
    await this.#commits.finish(closed);
    await this.#upkeep.stop();
    if (this.#commits.broken === closed) this.#upkeep.finish();
    this.#watchers.dropAll();
    this.#live.clear();
    // The last connection moves the write-ahead log into the database when it closes, this time with syncs.
    this.#database.exec("PRAGMA synchronous = FULL");
    closeSync(this.#walDescriptor);
    this.#database.close();
    this.#unlock();
    this.#journal.close();
  }

  // What is committed, for readers.

  #committed(streamId: string): LiveStream | undefined {
    const live = this.#live.get(streamId);
    return live?.created === true ? live : undefined;
  }

  /** The row of a stream that exists for readers. */
  #row(streamId: string): StreamRow | undefined {
    return this.#guard(() => this.#streams.byId(streamId));
  }

  #appendToArchived(streamId: string, epoch: number, seq: number, events: readonly StreamEvent[]): AppendResult {
    const row = this.#row(streamId);
    if (row === undefined) throw streamNotFound(streamId);
    return decideAppend({ epoch: row.epoch, next: row.archived, closed: true }, epoch, seq, events).result;
  }

  /** The stream in memory, for a change to it. */
  #revive(row: StreamRow | undefined, streamId: string): LiveStream {
    if (row === undefined) throw streamNotFound(streamId);
    const live = new LiveStream(row, true);
    this.#live.set(streamId, live);
    return live;
  }

  #removal(row: StreamRow): Change {
    const live = this.#live.get(row.id) ?? this.#revive(row, row.id);
    live.deleted = true;
    return {
      store: () => {
        this.#streams.remove(row);
        this.#segments.remove(row.number);
      },
      done: () => {
        this.#live.delete(row.id);
        this.#upkeep.archiver.purge(row.number);
        this.#watchers.drop(row.id);
      },
      undo: () => {
        live.deleted = false;
        this.#upkeep.archiver.consider(live);
      },
    };
  }

  #onCommitted(staged: readonly Staged[]): void {
    for (const { stream } of staged) this.#upkeep.archiver.consider(stream);
    for (const { stream, entries } of staged) this.#watchers.publish(stream.row.id, entries);
    this.#upkeep.afterCommit();
  }

  #onFailed(error: HeadraceError): void {
    if (error.code === "storage-full") this.#upkeep.makeRoom();
    if (this.#commits.broken !== undefined) this.#watchers.dropAll();
  }

  /** Calls back when the disk has all that the database was told, if it has to. */
  #onceDatabaseIsSafe(then: () => void): void {
    if (this.#closed) {
      fdatasyncSync(this.#walDescriptor);
      then();
    } else if (this.durability === "process") then();
    else fdatasync(this.#walDescriptor, (error) => (error === null ? then() : this.#commits.break(error)));
  }

  #check(): void {
    if (this.#commits.broken !== undefined) throw this.#commits.broken;
  }

  #guard<Value>(work: () => Value): Value {
    try {
      return work();
    } catch (error) {
      throw sqliteError(error, this.#options.path);
    }
  }
}
