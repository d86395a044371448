import type { Journal } from "./journal.ts";
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
  /** Deleted streams are gone from journal and database file; what is left of them is in the write-ahead log. */
  onPurged: () => void;
}

/** JSON that an open stream keeps in memory before it goes to a segment. */
const residentLength = 32 * 1024;
/** Streams archived in one transaction. */
const streamsAtOnce = 32;
/** Growth of the journal before it is looked for old files, when there are many streams to look at. */
const bytesPerLook = 1024 * 1024;
const fewStreams = 64;

/** Moves entries from memory and journal into segments, in small portions, and removes what is no longer needed. */
export class Archiver {
  readonly #parts: ArchiverParts;
  readonly #queue = new Set<LiveStream>();
  readonly #purging = new Set<number>();
  #purgeFrom: number | undefined;
  #trimmedAt = 0;

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
    return this.#queue.size > 0 || this.#purgeFrom !== undefined || this.#trimDue;
  }

  /** Does one portion. */
  work(): void {
    const { journal, live, onPurged, write } = this.#parts;
    const portion = [...this.#queue].slice(0, streamsAtOnce);
    if (portion.length > 0) {
      write(() => {
        for (const stream of portion) this.#archive(stream);
      });
    }
    for (const stream of portion) {
      this.#queue.delete(stream);
      if (!stream.deleted) stream.release();
      if (stream.done && live.get(stream.row.id) === stream) live.delete(stream.row.id);
    }
    // With few streams open it costs nothing to look each time, and the journal is then empty when nothing happens.
    if (this.#trimDue || (portion.length > 0 && live.size < fewStreams)) {
      journal.trim(this.#horizon());
      this.#trimmedAt = journal.written;
    }
    if (this.#purgeFrom === undefined || this.#queue.size > 0) return;
    this.#purgeFrom = journal.purge(this.#purging, this.#purgeFrom);
    if (this.#purgeFrom !== undefined) return;
    this.#purging.clear();
    onPurged();
  }

  #archive(stream: LiveStream): void {
    if (stream.deleted || stream.archived) return;
    const { segments, streams } = this.#parts;
    for (const run of stream.runs) segments.write(stream.row.number, run);
    streams.setArchived(stream.row.number, stream.count, stream.row.closed_at);
  }

  /** The first file of the journal that somebody needs. */
  #horizon(): number {
    const { journal, live } = this.#parts;
    const { outdated } = journal;
    let horizon = journal.current + 1;
    for (const stream of live.values()) {
      if (stream.journalFrom < outdated) this.#queue.add(stream);
      if (stream.journalFrom < horizon) horizon = stream.journalFrom;
    }
    return horizon;
  }

  get #trimDue(): boolean {
    return this.#parts.journal.written - this.#trimmedAt > bytesPerLook;
  }
}
