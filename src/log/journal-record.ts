import { crc32 } from "node:zlib";

/** An entry as the journal keeps it. */
export interface JournalLine {
  /** The stream's number. */
  stream: number;
  epoch: number;
  seq: number;
  /** The event as JSON. */
  text: string;
}

/** What was committed together. */
export interface JournalRecord {
  /** Milliseconds since the epoch. */
  at: number;
  /** As written by `writeJournalLine`. */
  lines: string;
}

/** JSON has no raw line breaks, so a line is an entry. */
export function writeJournalLine(stream: number, epoch: number, seq: number, text: string): string {
  return `${stream} ${epoch} ${seq} ${text}\n`;
}

export function readJournalLine(line: string): JournalLine {
  const afterStream = line.indexOf(" ");
  const afterEpoch = line.indexOf(" ", afterStream + 1);
  const afterSeq = line.indexOf(" ", afterEpoch + 1);
  return {
    stream: Number(line.slice(0, afterStream)),
    epoch: Number(line.slice(afterStream + 1, afterEpoch)),
    seq: Number(line.slice(afterEpoch + 1, afterSeq)),
    text: line.slice(afterSeq + 1),
  };
}

/** A first line with checksum, length and time, then the lines of the entries. */
export function writeRecord({ at, lines }: JournalRecord): string {
  return `${crc32(lines).toString(16)} ${lines.length} ${at}\n${lines}`;
}

/** Records up to the first one that is not whole: what a process was writing when it was killed, or a disk forgot. */
export function* readRecords(text: string): Generator<JournalRecord> {
  for (let begin = 0; begin < text.length;) {
    const lineEnd = text.indexOf("\n", begin);
    const [checksum = "", length = "", at = ""] = text.slice(begin, lineEnd).split(" ");
    const end = lineEnd + 1 + Number(length);
    const lines = text.slice(lineEnd + 1, end);
    if (lineEnd === -1 || !(end <= text.length) || crc32(lines).toString(16) !== checksum) return;
    yield { at: Number(at), lines };
    begin = end;
  }
}
