/** Position in a stream that a client resumes from. */
export interface Cursor {
  epoch: number;
  seq: number;
  /** Set when an entry became several frames and the client has only the first so many of them. */
  frames?: number;
}

const pattern = /^(\d{1,10})-(\d{1,10})(?:\.(\d{1,4}))?$/;

/** `<epoch>-<seq>`, or `<epoch>-<seq>.<n>` for a client that has only the first n frames of that entry. */
export function writeCursor({ epoch, seq, frames }: Cursor): string {
  return frames === undefined ? `${epoch}-${seq}` : `${epoch}-${seq}.${frames}`;
}

/** Undefined when the text is not a cursor. */
export function readCursor(text: string): Cursor | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const cursor: Cursor = { epoch: Number(match[1]), seq: Number(match[2]) };
  if (match[3] !== undefined) cursor.frames = Number(match[3]);
  return cursor;
}
