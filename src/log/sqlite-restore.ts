import { LiveStream } from "./live-stream.ts";
import type { Archiver } from "./sqlite-archiver.ts";
import type { Journal } from "./sqlite-journal.ts";
import { readJournalLine } from "./sqlite-journal.ts";
import type { StreamTable } from "./sqlite-streams.ts";

export interface RestoreParts {
  streams: StreamTable;
  journal: Journal;
  /** Is filled. */
  live: Map<string, LiveStream>;
  archiver: Archiver;
}

/** Brings open streams, and entries that are in no segment yet, back into memory, as they were committed last. */
export function restoreStreams({ streams, journal, live, archiver }: RestoreParts): void {
  const byNumber = new Map<number, LiveStream | undefined>();
  for (const row of streams.open()) {
    const stream = new LiveStream(row, true);
    live.set(row.id, stream);
    byNumber.set(row.number, stream);
  }
  const closed = (number: number): LiveStream | undefined => {
    const row = streams.byNumber(number);
    if (row === undefined) {
      // It was deleted, but not yet from the journal.
      archiver.purge(number);
      return undefined;
    }
    const stream = new LiveStream(row, true);
    live.set(row.id, stream);
    return stream;
  };
  for (const { id, lines } of journal.rows()) {
    for (const line of lines.split("\n")) {
      if (line === "") continue;
      const { stream: number, epoch, seq, text } = readJournalLine(line);
      if (!byNumber.has(number)) byNumber.set(number, closed(number));
      const stream = byNumber.get(number);
      if (stream !== undefined && seq >= stream.count) stream.restore(epoch, text, id);
    }
  }
  for (const stream of live.values()) archiver.consider(stream);
}
