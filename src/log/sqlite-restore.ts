import type { StreamEvent } from "../core/events.ts";
import { isTerminal } from "../core/events.ts";
import { LiveStream } from "./live-stream.ts";
import type { Archiver } from "./sqlite-archiver.ts";
import type { Journal } from "./journal.ts";
import { readJournalLine } from "./journal-record.ts";
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
  for (const { file, at, lines } of journal.records()) {
    for (const line of lines.split("\n")) {
      if (line === "") continue;
      const { stream: number, epoch, seq, text } = readJournalLine(line);
      if (!byNumber.has(number)) byNumber.set(number, closed(number));
      const stream = byNumber.get(number);
      // Others are in segments already, or what came before them was lost with the power.
      if (stream?.count === seq) stream.restore(epoch, text, file, endsStream(text) ? at : undefined);
    }
  }
  for (const stream of live.values()) archiver.consider(stream);
}

function endsStream(text: string): boolean {
  return text.includes('"stream-end"') && isTerminal(JSON.parse(text) as StreamEvent);
}
