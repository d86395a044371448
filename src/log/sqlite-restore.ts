import type { StreamEvent } from "../core/events.ts";
import { isTerminal } from "../core/events.ts";
import { LiveStream } from "./live-stream.ts";
import type { Archiver } from "./sqlite-archiver.ts";
import type { Journal } from "./journal.ts";
import { readJournalLine } from "./journal-record.ts";
import type { Segments } from "./sqlite-segments.ts";
import type { StreamRow, StreamTable } from "./sqlite-streams.ts";

export interface RestoreParts {
  streams: StreamTable;
  segments: Segments;
  journal: Journal;
  /** Is filled. */
  live: Map<string, LiveStream>;
  archiver: Archiver;
}

interface Restored {
  stream: LiveStream;
  /** Of its last entry. */
  epoch: number;
}

/** Brings open streams, and entries that are in no segment yet, back into memory, as they were committed last. */
export function restoreStreams({ streams, segments, journal, live, archiver }: RestoreParts): void {
  const byNumber = new Map<number, Restored | undefined>();
  const add = (row: StreamRow): Restored => {
    const stream = new LiveStream(row, true);
    live.set(row.id, stream);
    const restored = { stream, epoch: row.archived === 0 ? 0 : segments.lastEpoch(row.number) };
    byNumber.set(row.number, restored);
    return restored;
  };
  const find = (number: number): Restored | undefined => {
    const row = streams.byNumber(number);
    if (row !== undefined) return add(row);
    // It was deleted, but not yet from the journal. Or the table has forgotten it without power, or is another one.
    byNumber.set(number, undefined);
    archiver.purge(number);
    unknown = Math.max(unknown, number);
    return undefined;
  };
  let unknown = 0;
  for (const row of streams.open()) add(row);
  for (const { file, at, lines } of journal.records()) {
    for (const line of lines.split("\n")) {
      if (line === "") continue;
      const { stream: number, epoch, seq, text } = readJournalLine(line);
      const restored = byNumber.has(number) ? byNumber.get(number) : find(number);
      // Others are in segments already, or what came before them was lost with the power. Such a gap may have been
      // filled since then, by a later writer: what it did not go on from stays out.
      if (restored?.stream.count !== seq || epoch < restored.epoch) continue;
      restored.epoch = epoch;
      restored.stream.restore(epoch, text, file, endsStream(text) ? at : undefined);
    }
  }
  // Its entries are not to be taken for another stream's.
  if (unknown > 0) streams.reserve(unknown);
  for (const stream of live.values()) archiver.consider(stream);
}

function endsStream(text: string): boolean {
  return text.includes('"stream-end"') && isTerminal(JSON.parse(text) as StreamEvent);
}
