import { fdatasync } from "node:fs";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { HeadraceError } from "../core/errors.ts";
import type { StreamEvent } from "../core/events.ts";
import { endsStream } from "./append-decision.ts";
import type { LiveStream } from "./live-stream.ts";
import { sqliteError } from "./sqlite-errors.ts";
import type { Journal } from "./sqlite-journal.ts";
import { writeJournalLine } from "./sqlite-journal.ts";
import type { StreamTable } from "./sqlite-streams.ts";
import type { LogEntry, LogHealth } from "./stream-log.ts";

/** Entries of a stream that wait for the next transaction. */
export interface Staged {
  stream: LiveStream;
  entries: LogEntry[];
  /** The events as JSON. */
  texts: string[];
  closedAt: number | undefined;
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

interface Batch {
  staged: Staged[];
  changes: Change[];
  waiting: Waiting[];
}

export interface GroupCommitParts {
  database: DatabaseSync;
  journal: Journal;
  streams: StreamTable;
  now: () => number;
  path: string;
  /** Synced after each transaction, before anybody sees it. */
  syncDescriptor?: number;
  /** The streams have taken their entries; time to tell their readers. */
  onCommitted: (staged: readonly Staged[]) => void;
  /** Writing is possible again. */
  onReleased: () => void;
  onFailed: (error: HeadraceError) => void;
}

/** Makes one transaction of everything that writers want in one turn of the event loop. */
export class GroupCommit {
  readonly #parts: GroupCommitParts;
  readonly #begin: StatementSync;
  readonly #end: StatementSync;
  #batch: Batch = emptyBatch();
  #scheduled = false;
  #holds = 0;
  /** Work of others, until nobody holds the database. */
  #delayed: (() => void)[] = [];
  #transactions = 0;
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

  get transactions(): number {
    return this.#transactions;
  }

  get health(): LogHealth {
    return { commits: this.#transactions, entries: this.#entries, failures: this.#failures };
  }

  /** Nobody may write now: a checkpoint is about to end, or a commit is on its way to the disk. */
  get held(): boolean {
    return this.#holds > 0;
  }

  /** Nothing is on its way to be committed. */
  get settled(): boolean {
    return this.#batch.waiting.length === 0 && this.#holds === 0;
  }

  /** Adds entries behind the stream's head. To be followed by `wait`. */
  stage(stream: LiveStream, epoch: number, events: readonly StreamEvent[]): void {
    // First of all, because it may throw.
    const texts = events.map((event) => JSON.stringify(event));
    const { head } = stream;
    let { staged } = stream;
    if (staged === undefined) {
      staged = { stream, entries: [], texts: [], closedAt: undefined };
      stream.staged = staged;
      this.#batch.staged.push(staged);
    }
    for (let index = 0; index < texts.length; index++) {
      staged.entries.push({ epoch, seq: head.next++, event: events[index] as StreamEvent });
      staged.texts.push(texts[index] as string);
    }
    if (!endsStream(events)) return;
    head.closed = true;
    staged.closedAt = this.#parts.now();
  }

  /** Resolves with the value when the change is committed. */
  change<Value>(change: Change, value: Value): Promise<Value> {
    this.#batch.changes.push(change);
    return this.wait(value);
  }

  /** Resolves with the value when everything until now is committed. */
  wait<Value>(value: Value): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      this.#batch.waiting.push({ resolve, reject, value });
      this.#schedule();
    });
  }

  /** Nobody may write until the returned function is called; what comes meanwhile is the next transaction. */
  hold(): () => void {
    this.#holds++;
    return () => {
      this.#holds--;
      if (this.#holds > 0) return;
      for (const work of this.#delayed.splice(0)) work();
      if (this.#batch.waiting.length > 0) this.#schedule();
      this.#parts.onReleased();
    };
  }

  /** Commits what there is; everything afterwards is refused with this error. */
  async finish(error: HeadraceError): Promise<void> {
    if (this.#broken === undefined) await this.wait(undefined).catch(() => {});
    this.#broken = error;
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
    if (this.#scheduled || this.#holds > 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#commit();
    });
  }

  #commit(): void {
    if (this.#holds > 0 || this.#batch.waiting.length === 0) return;
    const batch = this.#batch;
    this.#batch = emptyBatch();
    for (const { stream } of batch.staged) stream.staged = undefined;
    let stored: Staged[];
    try {
      stored = this.#store(batch);
    } catch (error) {
      this.#rollBack(batch, sqliteError(error, this.#parts.path));
      return;
    }
    this.#transactions++;
    if (this.#parts.syncDescriptor === undefined) this.#publish(batch, stored);
    else this.#sync(batch, stored, this.#parts.syncDescriptor);
  }

  /** Returns what was stored: everything but entries of streams that are deleted in the same turn. */
  #store({ staged, changes }: Batch): Staged[] {
    const { journal, streams } = this.#parts;
    let stored: Staged[] = [];
    const insert = (): void => {
      stored = staged.filter(({ stream }) => !stream.deleted);
      if (stored.length > 0) journal.insert(journalLines(stored));
    };
    if (changes.length === 0 && staged.every(({ closedAt }) => closedAt === undefined)) {
      // A single statement is a transaction of its own.
      insert();
      return stored;
    }
    this.transaction(() => {
      for (const change of changes) change.store();
      insert();
      for (const { stream, closedAt } of stored) {
        if (closedAt !== undefined) streams.setClosed(stream.row.number, closedAt);
      }
    });
    return stored;
  }

  /** Waits for the disk without blocking the event loop. */
  #sync(batch: Batch, stored: readonly Staged[], descriptor: number): void {
    const goOn = this.hold();
    fdatasync(descriptor, (cause) => {
      if (cause === null) {
        this.#publish(batch, stored);
      } else {
        // Nobody can tell what is on the disk: after a failed sync the system may forget what it had to write.
        const message = `${this.#parts.path} could not be written to the disk; check the disk, then start again`;
        const error = new HeadraceError("log-unavailable", message, { cause });
        this.#broken = error;
        this.#failures++;
        for (const { reject } of [...batch.waiting, ...this.#batch.waiting]) reject(error);
        this.#batch = emptyBatch();
        this.#parts.onFailed(error);
      }
      goOn();
    });
  }

  #publish({ changes, waiting }: Batch, stored: readonly Staged[]): void {
    const { journal, onCommitted } = this.#parts;
    for (const staged of stored) {
      staged.stream.accept(staged, journal.next);
      this.#entries += staged.entries.length;
    }
    if (stored.length > 0) journal.advance();
    for (const change of changes) change.done?.();
    for (const { resolve, value } of waiting) resolve(value);
    onCommitted(stored);
  }

  #rollBack({ staged, changes, waiting }: Batch, error: HeadraceError): void {
    this.#failures++;
    for (const { stream } of staged) stream.rollBack();
    for (const change of changes.toReversed()) change.undo?.();
    for (const { reject } of waiting) reject(error);
    this.#parts.onFailed(error);
  }
}

function emptyBatch(): Batch {
  return { staged: [], changes: [], waiting: [] };
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
