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
/** Growth of the journal before it is looked for old files, while there is always something to archive. */
const bytesPerLook = 1024 * 1024;

/** Moves entries from memory and journal into segments, in small portions, and removes what is no longer needed. */
export class Archiver {
  readonly #parts: ArchiverParts;
  readonly #queue = new Set<LiveStream>();
  /** Deleted streams of which the journal may still have entries. */
  #deleted = new Set<number>();
  /** One way through all files; streams deleted meanwhile wait for the next one. */
  #purge: { streams: ReadonlySet<number>; from: number } | undefined;
  /** At first, too: a process may have been killed before it looked. */
  #trimmedAt = -Infinity;
  #isEmptying = false;

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
    this.#deleted.add(number);
  }

  /** Moves everything out of the journal, because its room is needed. */
  empty(): void {
    this.#isEmptying = true;
  }

  /** Does everything at once, so that nothing is left in the journal. */
  finish(): void {
    for (this.empty(); this.due;) this.work();
  }

  get due(): boolean {
    return this.busy || this.#deleted.size > 0 || this.#lookDue;
  }

  /** In the middle of something. */
  get busy(): boolean {
    return this.#queue.size > 0 || this.#purge !== undefined;
  }

  /** Does one portion. */
  work(): void {
    const { live, write } = this.#parts;
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
    if (this.#lookDue || (portion.length > 0 && this.#queue.size === 0)) this.#trim();
    if (this.#purge !== undefined || this.#deleted.size > 0) this.#purgeFile();
  }

  #archive(stream: LiveStream): void {
    if (stream.deleted || stream.archived) return;
    const { segments, streams } = this.#parts;
    for (const run of stream.runs) segments.write(stream.row.number, run);
    streams.setArchived(stream.row.number, stream.count, stream.row.closed_at);
  }

  /** Removes files that nobody needs; streams that need old ones are to be archived. */
  #trim(): void {
    const { journal, live } = this.#parts;
    const outdated = this.#isEmptying ? Infinity : journal.outdated;
    let horizon = journal.current + 1;
    for (const stream of live.values()) {
      if (stream.journalFrom < outdated && !stream.deleted) this.#queue.add(stream);
      if (stream.journalFrom < horizon) horizon = stream.journalFrom;
    }
    this.#isEmptying = false;
    this.#trimmedAt = journal.written;
    journal.trim(horizon);
  }

  #purgeFile(): void {
    const { journal, onPurged } = this.#parts;
    if (this.#purge === undefined) {
      this.#purge = { streams: this.#deleted, from: 0 };
      this.#deleted = new Set();
    }
    const { streams, from } = this.#purge;
    const next = journal.purge(streams, from);
    this.#purge = next === undefined ? undefined : { streams, from: next };
    if (next === undefined) onPurged();
  }

  get #lookDue(): boolean {
    return this.#isEmptying || this.#parts.journal.written - this.#trimmedAt > bytesPerLook;
  }
}
