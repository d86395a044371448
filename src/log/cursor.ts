/** Position in a stream that a client resumes from. */
export interface Cursor {
  epoch: number;
  seq: number;
  /** Set when an entry became several frames and the client has only some of them. */
  inside?: PlaceInEntry;
}

/** A place between two frames of one entry. It means nothing in another protocol, where the entry has other frames. */
export interface PlaceInEntry {
  /** Name of the protocol that the frames are of. */
  protocol: string;
  /** How many of them the client has. */
  frames: number;
}

const pattern = /^(\d{1,10})-(\d{1,10})(?:\.(\d{1,4})\.([a-z][a-z-]{0,31}))?$/;

/** `<epoch>-<seq>`, or `<epoch>-<seq>.<n>.<protocol>` for a client that has only the first n frames of that entry. */
export function writeCursor({ epoch, seq, inside }: Cursor): string {
  return inside === undefined ? `${epoch}-${seq}` : `${epoch}-${seq}.${inside.frames}.${inside.protocol}`;
}

/** Undefined when the text is not a cursor. */
export function readCursor(text: string): Cursor | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const cursor: Cursor = { epoch: Number(match[1]), seq: Number(match[2]) };
  const [, , , frames, protocol] = match;
  if (frames !== undefined && protocol !== undefined) cursor.inside = { protocol, frames: Number(frames) };
  return cursor;
}
