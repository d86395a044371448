import { HeadraceError } from "../core/errors.ts";
import type { Cursor } from "../log/cursor.ts";
import { readCursor } from "../log/cursor.ts";

/** Where a client left a stream. */
export interface ResumePoint {
  streamId: string;
  cursor: Cursor;
}

/** Reads the id that our frames carry, `<stream id>:<cursor>`. @throws HeadraceError `invalid-request`. */
export function readEventId(text: string): ResumePoint {
  const colon = text.indexOf(":");
  const cursor = readCursor(text.slice(colon + 1));
  const streamId = text.slice(0, Math.max(colon, 0));
  if (!/^st_[A-Za-z0-9]{1,64}$/.test(streamId) || cursor === undefined) throw notACursor();
  return { streamId, cursor };
}

/**
 * The cursor of a follow request for `streamId`: from `?after=`, or from `Last-Event-ID`, with or without the stream's id
 * in front.
 *
 * @throws HeadraceError `invalid-request` - it is no cursor. `cursor-invalid` - it is one of another stream.
 */
export function readFollowCursor(streamId: string, text: string): Cursor {
  if (!text.includes(":")) {
    const cursor = readCursor(text);
    if (cursor === undefined) throw notACursor();
    return cursor;
  }
  const point = readEventId(text);
  if (point.streamId !== streamId) {
    throw new HeadraceError("cursor-invalid", `this Last-Event-ID belongs to another stream than ${streamId}`);
  }
  return point.cursor;
}

function notACursor(): HeadraceError {
  return new HeadraceError(
    "invalid-request",
    "this is no event id of ours; send the last `id:` you received, as it was",
  );
}
