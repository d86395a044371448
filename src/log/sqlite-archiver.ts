import type { Journal } from "./sqlite-journal.ts";
import type { LiveStream } from "./live-stream.ts";
import type { Segments } from "./sqlite-segments.ts";
import type { StreamTable } from "./sqlite-streams.ts";

export interface ArchiverParts {
  streams: StreamTable;
  journal: Journal;
  segments: Segments;
  live: Map<string, LiveStream>;
  /** Does the work in one transaction. */
  write: (work: () => void) => void;
  /** Deleted streams are gone from the database file; what is left of them is in the write-ahead log. */
  onPurged: () => void;
}

/** JSON that an open stream keeps in memory before it goes to a segment. */
const residentLength = 32 * 1024;
/** Streams archived in one transaction. */
const streamsAtOnce = 32;
/** Rows and length of text in the journal before it is looked for old rows, when there are many streams to look at. */
const rowsPerLook = 1_000;
const lengthPerLook = 1024 * 1024;

/** Moves entries from memory and journal into segments, in small portions, and removes what is no longer needed. */
export class Archiver {
  readonly #parts: ArchiverParts;
  readonly #queue = new Set<LiveStream>();
  readonly #purging = new Set<number>();
  #purgeFrom: number | undefined;
  #trimmedAt = { row: 0, length: 0 };
  #trimming = false;

  constructor(parts: ArchiverParts) {
    this.#parts = parts;
  }

  /** To be called after a commit. */
  consider(stream: LiveStream): void {
    if (stream.row.closed_at !== null || stream.length > residentLength) this.#queue.add(stream);
  }

  add(stream: LiveStream): void {
    if (stream.row.closed_at !== null) this.#queue.add(stream);
  }

  /** Removes what the journal still has of a deleted stream. */
  purge(number: number): void {
    this.#purging.add(number);
    this.#purgeFrom = 0;
  }

  get due(): boolean {
    return this.#queue.size > 0 || this.#purgeFrom !== undefined || this.#trimming || this.#trimDue;
  }

  /** Does one portion. */
  work(): void {
    if (this.#queue.size > 0) this.#archive();
    else if (this.#purgeFrom !== undefined) this.#purge(this.#purgeFrom);
    if (this.#trimming || this.#trimDue) this.#trim();
  }

  #archive(): void {
    const { streams, segments, live, write } = this.#parts;
    const portion = [...this.#queue].slice(0, streamsAtOnce);
    const unarchived = portion.filter(({ archived, deleted }) => !archived && !deleted);
    write(() => {
      for (const stream of unarchived) {
        for (const run of stream.runs) segments.write(stream.row.number, run);
        streams.setArchived(stream.row.number, stream.count);
      }
    });
    for (const stream of unarchived) stream.release();
    for (const stream of portion) {
      this.#queue.delete(stream);
      if (stream.done && live.get(stream.row.id) === stream) live.delete(stream.row.id);
    }
    // With few streams open it costs nothing to look each time, and the journal is then empty when nothing happens.
    if (live.size < 64) this.#trimming = true;
  }

  get #trimDue(): boolean {
    const { next, written } = this.#parts.journal;
    return next - this.#trimmedAt.row > rowsPerLook || written - this.#trimmedAt.length > lengthPerLook;
  }

  #trim(): void {
    const { journal, live, write } = this.#parts;
    let horizon = journal.next;
    const { outdated } = journal;
    for (const stream of live.values()) {
      if (stream.journalFrom < outdated) this.#queue.add(stream);
      if (stream.journalFrom < horizon) horizon = stream.journalFrom;
    }
    this.#trimmedAt = { row: journal.next, length: journal.written };
    write(() => {
      this.#trimming = !journal.trim(horizon);
    });
  }

  #purge(from: number): void {
    const { journal, write, onPurged } = this.#parts;
    let next: number | undefined;
    write(() => {
      next = journal.purge(this.#purging, from);
    });
    this.#purgeFrom = next;
    if (next !== undefined) return;
    this.#purging.clear();
    onPurged();
  }
}
