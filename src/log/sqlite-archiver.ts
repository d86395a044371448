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
const fewStreams = 64;

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

  /** Does one portion, in one transaction. */
  work(): void {
    const { journal, live, onPurged, write } = this.#parts;
    const portion = [...this.#queue].slice(0, streamsAtOnce);
    const purgeFrom = this.#queue.size > streamsAtOnce ? undefined : this.#purgeFrom;
    // With few streams open it costs nothing to look each time, and the journal is then empty when nothing happens.
    const trims = this.#trimming || this.#trimDue || (portion.length > 0 && live.size < fewStreams);
    let purgedUntil: number | undefined;
    let trimmed = true;
    write(() => {
      for (const stream of portion) this.#archive(stream);
      if (trims) trimmed = journal.trim(this.#horizon(new Set(portion)));
      if (purgeFrom !== undefined) purgedUntil = journal.purge(this.#purging, purgeFrom);
    });
    for (const stream of portion) {
      this.#queue.delete(stream);
      if (!stream.deleted) stream.release();
      if (stream.done && live.get(stream.row.id) === stream) live.delete(stream.row.id);
    }
    if (trims) {
      this.#trimmedAt = { row: journal.next, length: journal.written };
      this.#trimming = !trimmed;
    }
    if (purgeFrom === undefined) return;
    this.#purgeFrom = purgedUntil;
    if (purgedUntil !== undefined) return;
    this.#purging.clear();
    onPurged();
  }

  #archive(stream: LiveStream): void {
    if (stream.deleted || stream.archived) return;
    const { segments, streams } = this.#parts;
    for (const run of stream.runs) segments.write(stream.row.number, run);
    streams.setArchived(stream.row.number, stream.count);
  }

  /** The first journal row that somebody needs, once these streams are archived. */
  #horizon(archived: ReadonlySet<LiveStream>): number {
    const { journal, live } = this.#parts;
    const { outdated } = journal;
    let horizon = journal.next;
    for (const stream of live.values()) {
      if (archived.has(stream)) continue;
      if (stream.journalFrom < outdated) this.#queue.add(stream);
      if (stream.journalFrom < horizon) horizon = stream.journalFrom;
    }
    return horizon;
  }

  get #trimDue(): boolean {
    const { next, written } = this.#parts.journal;
    return next - this.#trimmedAt.row > rowsPerLook || written - this.#trimmedAt.length > lengthPerLook;
  }
}
