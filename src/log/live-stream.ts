import type { StreamEvent } from "../core/events.ts";
import type { WriterState } from "./append-decision.ts";
import type { Staged } from "./sqlite-commits.ts";
import type { Run } from "./sqlite-segments.ts";
import type { StreamRow } from "./sqlite-streams.ts";
import type { LogEntry, StreamInfo } from "./stream-log.ts";

/** Entries just committed are also kept as objects, for readers at the end, unless their JSON is longer than this. */
const recentLength = 16 * 1024;

/**
 * A stream with entries outside of segments: open, or closed a moment ago.
 *
 * Its writer sees `head`, with what waits for a transaction; readers see what is committed. Committed entries that are
 * in no segment yet are in memory as JSON, which takes a third of what objects take.
 */
export class LiveStream {
  readonly row: StreamRow;
  /** What appends are judged by. */
  readonly head: WriterState;
  staged: Staged | undefined;
  deleted = false;
  /** False until the transaction that creates it. */
  created: boolean;
  /** The journal's file with the oldest entry that is in no segment. */
  journalFrom = Infinity;
  /** Length of the JSON in memory. */
  length = 0;
  #runs: Run[] = [];
  #count: number;
  #recent: LogEntry[] = [];

  /** With a row that is not in the table yet, `created` is false. */
  constructor(row: StreamRow, created: boolean) {
    this.row = row;
    this.created = created;
    this.#count = row.archived;
    this.head = { epoch: row.epoch, next: row.archived, closed: row.closed_at !== null };
  }

  /** It is created, and nobody is about to delete it. */
  get writable(): boolean {
    return this.created && !this.deleted;
  }

  /** Number of committed entries. */
  get count(): number {
    return this.#count;
  }

  closedBefore(time: number): boolean {
    return this.row.closed_at !== null && this.row.closed_at < time;
  }

  get archived(): boolean {
    return this.#count === this.row.archived;
  }

  /** All it will ever hold is in segments, and nobody is about to change it. */
  get done(): boolean {
    const quiet = this.staged === undefined && this.head.epoch === this.row.epoch;
    return this.archived && this.row.closed_at !== null && quiet;
  }

  /** Takes over what the journal tells, at start. `closedAt` is set with the terminal entry. */
  restore(epoch: number, text: string, file: number, closedAt: number | undefined): void {
    this.#keep(epoch, text);
    this.journalFrom = Math.min(this.journalFrom, file);
    this.head.next = this.#count;
    // Without power the table may forget a change of writer that the journal still knows.
    this.row.epoch = Math.max(this.row.epoch, epoch);
    this.head.epoch = this.row.epoch;
    if (closedAt === undefined) return;
    this.row.closed_at ??= closedAt;
    this.head.closed = true;
  }

  /** What was staged is committed now. */
  accept({ entries, texts, ends }: Staged, file: number, at: number): void {
    let length = 0;
    for (let index = 0; index < texts.length; index++) {
      const text = texts[index] as string;
      length += text.length;
      this.#keep((entries[index] as LogEntry).epoch, text);
    }
    this.journalFrom = Math.min(this.journalFrom, file);
    this.#recent = length > recentLength ? [] : entries;
    if (ends) this.row.closed_at = at;
  }

  /** What was staged is lost; the writer goes on from what is committed. */
  rollBack(): void {
    this.staged = undefined;
    this.head.next = this.#count;
    this.head.closed = this.row.closed_at !== null;
  }

  /** Committed entries that are in no segment. */
  get runs(): readonly Run[] {
    return this.#runs;
  }

  /** Everything in `runs` is in segments now. */
  release(): void {
    this.row.archived = this.#count;
    this.#runs = [];
    this.length = 0;
    this.journalFrom = Infinity;
  }

  /** Committed entries from `from` on, which is not in a segment; at most `limit`. */
  read(from: number, limit: number): LogEntry[] {
    const recentFrom = this.#recent[0]?.seq;
    if (recentFrom !== undefined && from >= recentFrom)
      return this.#recent.slice(from - recentFrom, from - recentFrom + limit);
    const found: LogEntry[] = [];
    for (const { epoch, first, texts } of this.#runs) {
      const start = Math.max(0, from - first);
      const stop = Math.min(texts.length, start + limit - found.length);
      if (start >= stop) continue;
      const events = JSON.parse(`[${texts.slice(start, stop).join(",")}]`) as StreamEvent[];
      for (let index = 0; index < events.length; index++) {
        found.push({ epoch, seq: first + start + index, event: events[index] as StreamEvent });
      }
    }
    return found;
  }

  info(): StreamInfo {
    const { id, owner, protocol, model, created_at: createdAt, epoch, closed_at: closedAt } = this.row;
    const info: StreamInfo = { id, owner, protocol, model, createdAt, epoch, entries: this.#count };
    if (closedAt !== null) info.closedAt = closedAt;
    if (this.row.chat !== null) info.chat = this.row.chat;
    return info;
  }

  #keep(epoch: number, text: string): void {
    let run = this.#runs[this.#runs.length - 1];
    if (run === undefined || run.epoch !== epoch) {
      run = { epoch, first: this.#count, texts: [] };
      this.#runs.push(run);
    }
    run.texts.push(text);
    this.length += text.length;
    this.#count++;
  }
}
