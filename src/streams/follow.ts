import { HeadraceError } from "../core/errors.ts";
import { isTerminal } from "../core/events.ts";
import type { Cursor } from "../log/cursor.ts";
import { writeCursor } from "../log/cursor.ts";
import type { LogEntry, StreamLog } from "../log/stream-log.ts";

const batchSize = 256;

export interface FollowOptions {
  /** Seq of the last entry the reader already has; -1, the default, begins at the header. */
  after?: number;
  /** Stops reading; the stream itself goes on. */
  signal: AbortSignal;
}

/**
 * The read loop: the entries of a stream after a position, as they are committed, until the terminal one.
 *
 * Yields what is there in one go, so that a reader far behind catches up in few steps.
 *
 * @throws HeadraceError `stream-not-found` - no such stream, or it was deleted.
 * @throws the signal's reason when aborted.
 */
export async function* follow(
  log: StreamLog,
  streamId: string,
  { after = -1, signal }: FollowOptions,
): AsyncGenerator<LogEntry[], void, undefined> {
  let seq = after;
  while (true) {
    const entries = await log.read(streamId, { after: seq, limit: batchSize });
    const last = entries.at(-1);
    if (last !== undefined) {
      seq = last.seq;
      yield entries;
      if (isTerminal(last.event)) return;
    }
    signal.throwIfAborted();
    // Resolves at once if something was committed since the read, so nothing is missed in between.
    if (entries.length < batchSize) await log.waitForEntryAfter(streamId, seq, signal);
  }
}

/** Where a reader goes on: the first entry it needs, and how many of that entry's frames it has already. */
export interface Position {
  seq: number;
  skipFrames: number;
}

export const beginning: Position = { seq: 0, skipFrames: 0 };

/**
 * The position after a cursor, which must name an entry of this very log: a reader is never silently sent back to the
 * beginning, nor ahead. In the middle of an entry there are places in the protocol of the cursor only; a reader that
 * changes to another one gets the whole of the entry, since it would lose what it has not seen.
 *
 * @param protocol - what the reader goes on in.
 * @throws HeadraceError `cursor-invalid` - the log has no such entry, or another writer's entry at this seq.
 * @throws HeadraceError `stream-not-found`.
 */
export async function positionAfter(
  log: StreamLog,
  streamId: string,
  cursor: Cursor,
  protocol: string,
): Promise<Position> {
  const [entry] = await log.read(streamId, { after: cursor.seq - 1, limit: 1 });
  if (entry?.seq !== cursor.seq || entry.epoch !== cursor.epoch) {
    throw new HeadraceError(
      "cursor-invalid",
      `stream ${streamId} has no entry ${writeCursor(cursor)}; reconnect without Last-Event-ID to read from the beginning`,
    );
  }
  const { seq, inside } = cursor;
  if (inside === undefined) return { seq: seq + 1, skipFrames: 0 };
  return { seq, skipFrames: inside.protocol === protocol ? inside.frames : 0 };
}
