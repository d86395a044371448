import { fdatasync } from "node:fs";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { HeadraceError } from "../core/errors.ts";
import type { StreamEvent } from "../core/events.ts";
import { endsStream } from "./append-decision.ts";
import type { Journal } from "./journal.ts";
import { writeJournalLine } from "./journal-record.ts";
import type { LiveStream } from "./live-stream.ts";
import { sqliteError } from "./sqlite-errors.ts";
import type { LogEntry, LogHealth } from "./stream-log.ts";

/** Entries of a stream that wait for the next commit. */
export interface Staged {
  stream: LiveStream;
  entries: LogEntry[];
  /** The events as JSON. */
  texts: string[];
  /** The last one is the terminal entry. */
  ends: boolean;
}

/** A change of the tables that waits for the next transaction. */
export interface Change {
  store(): void;
  /** The transaction was committed. */
  done?(): void;
  /** It was not, and nothing changed. */
  undo?(): void;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  value: unknown;
}

interface PendingChange extends Waiting {
  change: Change;
}

/** What is committed together. */
interface Batch {
  changes: PendingChange[];
  staged: Staged[];
  waiting: Waiting[];
  /** Milliseconds since the epoch. */
  at: number;
}

export interface GroupCommitParts {
  database: DatabaseSync;
  journal: Journal;
  now: () => number;
  path: string;
  /** Synced with the journal after each commit, before anybody sees it. */
  syncDescriptor?: number;
  /** @throws HeadraceError `storage-full` - so much more than there is would be too much. */
  checkRoom: (length: number) => void;
  /** The streams have taken their entries; time to tell their readers. */
  onCommitted: (staged: readonly Staged[]) => void;
  /** Writing is possible again. */
  onReleased: () => void;
  onFailed: (error: HeadraceError) => void;
}

/**
 * Commits everything that writers want in one turn of the event loop: changes of the tables in one transaction, entries
 * in one record of the journal.
 */
export class GroupCommit {
  readonly #parts: GroupCommitParts;
  readonly #begin: StatementSync;
  readonly #end: StatementSync;
  #changes: PendingChange[] = [];
  #staged: Staged[] = [];
  #waiting: Waiting[] = [];
  #scheduled = false;
  #holds = 0;
  /** A commit is on its way to the disk. */
  #isSyncing = false;
  /** Work of others, until nobody holds the database. */
  #delayed: (() => void)[] = [];
  #commits = 0;
  #entries = 0;
  #failures = 0;
  #broken: HeadraceError | undefined;

  constructor(parts: GroupCommitParts) {
    this.#parts = parts;
    this.#begin = parts.database.prepare("BEGIN IMMEDIATE");
    this.#end = parts.database.prepare("COMMIT");
  }

  /** Why nothing can be committed any more. */
  get broken(): HeadraceError | undefined {
    return this.#broken;
  }

  get health(): LogHealth {
    return { commits: this.#commits, entries: this.#entries, failures: this.#failures };
  }

  /** Nothing may be moved now: a checkpoint is about to end, or a commit is on its way to the disk. */
  get held(): boolean {
    return this.#holds > 0 || this.#isSyncing;
  }

  /** Nothing is on its way to be committed. */
  get settled(): boolean {
    return this.#waiting.length === 0 && this.#changes.length === 0 && !this.#isSyncing;
  }

  /** Adds entries behind the stream's head. To be followed by `wait`. */
  stage(stream: LiveStream, epoch: number, events: readonly StreamEvent[]): void {
    // First of all, because it may throw.
    const texts = events.map((event) => JSON.stringify(event));
    const { head } = stream;
    let { staged } = stream;
    if (staged === undefined) {
      staged = { stream, entries: [], texts: [], ends: false };
      stream.staged = staged;
      this.#staged.push(staged);
    }
    for (let index = 0; index < texts.length; index++) {
      staged.entries.push({ epoch, seq: head.next++, event: events[index] as StreamEvent });
      staged.texts.push(texts[index] as string);
    }
    if (!endsStream(events)) return;
    head.closed = true;
    staged.ends = true;
  }

  /** Resolves with the value when the change is committed. */
  change<Value>(change: Change, value: Value): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      this.#changes.push({ change, resolve, reject, value });
      this.#schedule();
    });
  }

  /** Resolves with the value when all entries until now are committed. */
  wait<Value>(value: Value): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      this.#waiting.push({ resolve, reject, value });
      this.#schedule();
    });
  }

  /** Nobody may change the tables until the returned function is called. Entries are committed all the same. */
  hold(): () => void {
    this.#holds++;
    return () => {
      this.#holds--;
      if (this.#holds > 0) return;
      for (const work of this.#delayed.splice(0)) work();
      if (this.#changes.length > 0) this.#schedule();
      this.#parts.onReleased();
    };
  }

  /** Commits what there is; everything afterwards is refused with this error. */
  async finish(error: HeadraceError): Promise<void> {
    // A change waits for everything: for the database to be free, and for entries.
    if (this.#broken === undefined) await this.change({ store() {} }, undefined).catch(() => {});
    this.#broken ??= error;
  }

  /** Nobody can tell what is on the disk: after a failed sync the system may forget what it had to write. */
  break(cause: Error): void {
    if (this.#broken !== undefined) return;
    const { path, onFailed } = this.#parts;
    const message = `${path} could not be written to the disk; check the disk, then start again`;
    this.#broken = new HeadraceError("log-unavailable", message, { cause });
    this.#failures++;
    this.#refuseAll(this.#broken);
    onFailed(this.#broken);
  }

  /** Does somebody else's work in a transaction of its own, as soon as nobody holds the database. */
  exclusively<Value>(work: () => Value): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      const run = (): void => {
        try {
          if (this.#broken !== undefined) throw this.#broken;
          let value: Value | undefined;
          this.transaction(() => (value = work()));
          resolve(value as Value);
        } catch (error) {
          reject(error);
        }
      };
      if (this.#holds > 0) this.#delayed.push(run);
      else run();
    });
  }

  /** For work of the log's own, while nothing is held. */
  transaction(work: () => void): void {
    const { database } = this.#parts;
    this.#begin.run();
    try {
      work();
      this.#end.run();
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#isSyncing) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#commit();
    });
  }

  #commit(): void {
    if (this.#broken !== undefined) return this.#refuseAll(this.#broken);
    const batch = this.#take();
    if (batch.changes.length === 0 && batch.waiting.length === 0) return;
    if (batch.changes.length > 0) this.#storeChanges(batch);
    if (batch.staged.length > 0) this.#storeEntries(batch);
    this.#commits++;
    const { syncDescriptor } = this.#parts;
    if (syncDescriptor === undefined) this.#publish(batch);
    else this.#sync(batch, syncDescriptor);
  }

  #take(): Batch {
    const changes = this.#holds > 0 ? [] : this.#changes;
    const batch: Batch = { changes, staged: this.#staged, waiting: this.#waiting, at: this.#parts.now() };
    if (this.#holds === 0) this.#changes = [];
    this.#staged = [];
    this.#waiting = [];
    for (const { stream } of batch.staged) stream.staged = undefined;
    return batch;
  }

  /** Leaves those changes in the batch that were made: all or none. */
  #storeChanges(batch: Batch): void {
    const { changes } = batch;
    try {
      this.transaction(() => {
        for (const { change } of changes) change.store();
      });
    } catch (error) {
      batch.changes = [];
      for (const { change } of changes.toReversed()) change.undo?.();
      this.#refuse(changes, error);
    }
  }

  /** Leaves no entries in the batch, and nobody who waits for them, when they cannot be stored. */
  #storeEntries(batch: Batch): void {
    const { journal, checkRoom } = this.#parts;
    const { at, staged, waiting } = batch;
    try {
      const lines = journalLines(staged);
      checkRoom(lines.length);
      journal.append({ at, lines });
    } catch (error) {
      batch.staged = [];
      batch.waiting = [];
      for (const { stream } of staged) stream.rollBack();
      this.#refuse(waiting, error);
    }
  }

  #refuse(waiting: readonly Waiting[], cause: unknown): void {
    const error = sqliteError(cause, this.#parts.path);
    this.#failures++;
    for (const { reject } of waiting) reject(error);
    this.#parts.onFailed(error);
  }

  #refuseAll(error: HeadraceError): void {
    for (const { reject } of [...this.#changes, ...this.#waiting]) reject(error);
    this.#changes = [];
    this.#waiting = [];
    this.#staged = [];
  }

  /** Waits for the disk without blocking the event loop. */
  #sync(batch: Batch, database: number): void {
    const { journal, onReleased } = this.#parts;
    this.#isSyncing = true;
    const onSynced = (cause: Error | null): void => {
      this.#isSyncing = false;
      if (cause !== null) this.break(cause);
      if (this.#broken !== undefined) {
        for (const { reject } of [...batch.changes, ...batch.waiting]) reject(this.#broken);
        return;
      }
      this.#publish(batch);
      if (this.#changes.length > 0 || this.#waiting.length > 0) this.#schedule();
      onReleased();
    };
    const syncJournal = (cause: Error | null): void => {
      if (cause === null && batch.staged.length > 0) journal.sync(onSynced);
      else onSynced(cause);
    };
    if (batch.changes.length > 0) fdatasync(database, syncJournal);
    else syncJournal(null);
  }

  #publish({ changes, staged, waiting, at }: Batch): void {
    const { journal, onCommitted } = this.#parts;
    for (const one of staged) {
      one.stream.accept(one, journal.current, at);
      this.#entries += one.entries.length;
    }
    for (const { change, resolve, value } of changes) {
      change.done?.();
      resolve(value);
    }
    for (const { resolve, value } of waiting) resolve(value);
    onCommitted(staged);
  }
}

function journalLines(staged: readonly Staged[]): string {
  let lines = "";
  for (const { stream, entries, texts } of staged) {
    const { number } = stream.row;
    for (let index = 0; index < texts.length; index++) {
      const { epoch, seq } = entries[index] as LogEntry;
      lines += writeJournalLine(number, epoch, seq, texts[index] as string);
    }
  }
  return lines;
}
