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

/** Takes lines of these streams out; whose entries are left is added to `others`. */
export function withoutStreams(lines: string, streams: ReadonlySet<number>, others: Set<number>): string {
  let kept = "";
  let keptUntil = 0;
  for (let begin = 0, end = 0; begin < lines.length; begin = end) {
    const lineEnd = lines.indexOf("\n", begin);
    end = lineEnd === -1 ? lines.length : lineEnd + 1;
    const stream = Number(lines.slice(begin, lines.indexOf(" ", begin)));
    if (!streams.has(stream)) {
      others.add(stream);
      continue;
    }
    kept += lines.slice(keptUntil, begin);
    keptUntil = end;
  }
  return keptUntil === 0 ? lines : kept + lines.slice(keptUntil);
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
    const isWhole = lineEnd !== -1 && end > lineEnd && end <= text.length && Number.isFinite(Number(at));
    if (!isWhole || crc32(lines).toString(16) !== checksum) return;
    yield { at: Number(at), lines };
    begin = end;
  }
}
