import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { StreamEvent } from "../core/events.ts";
import type { LogEntry } from "./stream-log.ts";

/** Consecutive entries of one epoch, their events as JSON. */
export interface Run {
  epoch: number;
  first: number;
  texts: string[];
}

/** Length of a segment's text; only a single event can be longer. */
const segmentLength = 32 * 1024;
/** Parsed segments that many readers may want at once are kept up to this length of text. */
const cacheLength = 1024 * 1024;

interface Row {
  first_seq: number;
  epoch: number;
  events: string;
}

/** Entries that left memory: where closed streams, and the beginnings of long ones, are read from. */
export class Segments {
  readonly #insert: StatementSync;
  readonly #find: StatementSync;
  readonly #lastEpoch: StatementSync;
  readonly #remove: StatementSync;
  readonly #cache = new Map<string, { entries: LogEntry[]; length: number }>();
  #cachedLength = 0;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare("INSERT INTO segments (stream, first_seq, epoch, events) VALUES (?, ?, ?, ?)");
    this.#find = database.prepare(
      "SELECT first_seq, epoch, events FROM segments WHERE stream = ? AND first_seq <= ? ORDER BY first_seq DESC LIMIT 1",
    );
    this.#lastEpoch = database.prepare("SELECT epoch FROM segments WHERE stream = ? ORDER BY first_seq DESC LIMIT 1");
    this.#remove = database.prepare("DELETE FROM segments WHERE stream = ?");
  }

  write(stream: number, { epoch, first, texts }: Run): void {
    let begin = 0;
    let length = 0;
    for (let index = 0; index < texts.length; index++) {
      const added = (texts[index] as string).length;
      if (index > begin && length + added > segmentLength) {
        this.#insert.run(stream, first + begin, epoch, `[${texts.slice(begin, index).join(",")}]`);
        begin = index;
        length = 0;
      }
      length += added;
    }
    if (begin < texts.length) this.#insert.run(stream, first + begin, epoch, `[${texts.slice(begin).join(",")}]`);
  }

  /** Entries from `from` on, before `end`, at most `limit`. */
  read(stream: number, from: number, end: number, limit: number): LogEntry[] {
    const found: LogEntry[] = [];
    for (let seq = from; seq < end && found.length < limit; seq = from + found.length) {
      const entries = this.#segmentWith(stream, seq);
      const start = seq - (entries[0] as LogEntry).seq;
      const stop = Math.min(entries.length, start + limit - found.length);
      if (start >= stop) throw new Error(`segments of stream ${stream} have no entry ${seq}`);
      for (let index = start; index < stop; index++) found.push(entries[index] as LogEntry);
    }
    return found;
  }

  /** Of the last entry; 0 when there is none. */
  lastEpoch(stream: number): number {
    return Number(this.#lastEpoch.get(stream)?.["epoch"] ?? 0);
  }

  remove(stream: number): void {
    this.#remove.run(stream);
    this.#cache.clear();
    this.#cachedLength = 0;
  }

  #segmentWith(stream: number, seq: number): LogEntry[] {
    const row = this.#find.get(stream, seq) as unknown as Row | undefined;
    if (row === undefined) throw new Error(`segments of stream ${stream} have no entry ${seq}`);
    const key = `${stream}-${row.first_seq}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined) {
      this.#cache.delete(key);
      this.#cache.set(key, cached);
      return cached.entries;
    }
    const events = JSON.parse(row.events) as StreamEvent[];
    const entries = events.map((event, index) => ({
      epoch: row.epoch,
      seq: row.first_seq + index,
      event,
    }));
    this.#remember(key, entries, row.events.length);
    return entries;
  }

  #remember(key: string, entries: LogEntry[], length: number): void {
    if (length > cacheLength / 4) return;
    this.#cache.set(key, { entries, length });
    this.#cachedLength += length;
    for (const [oldest, { length: freed }] of this.#cache) {
      if (this.#cachedLength <= cacheLength) return;
      this.#cache.delete(oldest);
      this.#cachedLength -= freed;
    }
  }
}
