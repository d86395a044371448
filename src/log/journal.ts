import {
  closeSync,
  fdatasync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { JournalRecord } from "./journal-record.ts";
import { readJournalLine, readRecords, writeRecord } from "./journal-record.ts";
import { syncFolder } from "./sync-folder.ts";

export interface JournalOptions {
  /** The files are beside this one, and called `<path>-entries-<number>`. */
  path: string;
  /** Records survive power loss once `sync` has told so. */
  isSynced: boolean;
  /** Calls back when everything is on the disk that the database was told until now. Default: at once. */
  onceDatabaseIsSafe?: (then: () => void) => void;
}

interface JournalFile {
  number: number;
  bytes: number;
}

/** A file of this length is followed by another one. */
const fileBytes = 1024 * 1024;
/** Files older than the last few should go, lest a quiet stream keeps all of them. */
const recentFiles = 16;

/**
 * What was committed lately: files that are only appended to, a record for each commit with the entries of all streams.
 * An append is one write, a tenth of what a transaction costs. Files go when all their entries are in segments.
 */
export class Journal {
  readonly #options: JournalOptions;
  /** Oldest first. */
  #files: JournalFile[];
  /** Of the last file; undefined when the next append begins another one. */
  #descriptor: number | undefined;
  #next: number;
  #written = 0;

  /** @throws Error - of the file system. */
  constructor(options: JournalOptions) {
    this.#options = options;
    this.#files = findFiles(options.path);
    this.#next = (this.#files.at(-1)?.number ?? 0) + 1;
  }

  /** The file that was appended to last. */
  get current(): number {
    return this.#next - 1;
  }

  /** Length of all files. */
  get bytes(): number {
    return this.#files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Bytes appended since the start. */
  get written(): number {
    return this.#written;
  }

  /** Files before this one should go. */
  get outdated(): number {
    return this.#next - recentFiles;
  }

  /** @throws Error - of the file system; nothing was appended. */
  append(record: JournalRecord): void {
    const bytes = Buffer.from(writeRecord(record));
    if ((this.#files.at(-1)?.bytes ?? 0) >= fileBytes) this.#finishFile();
    const descriptor = this.#descriptor ?? this.#beginFile();
    const file = this.#files[this.#files.length - 1] as JournalFile;
    try {
      for (let done = 0; done < bytes.byteLength;) done += writeSync(descriptor, bytes, done);
    } catch (error) {
      this.#takeBack(descriptor, file);
      throw error;
    }
    file.bytes += bytes.byteLength;
    this.#written += bytes.byteLength;
  }

  /** Tells when everything appended so far survives power loss. */
  sync(done: (error: Error | null) => void): void {
    if (this.#descriptor === undefined) done(null);
    else fdatasync(this.#descriptor, done);
  }

  /** Everything there is, with the number of its file. */
  *records(): Generator<JournalRecord & { file: number }> {
    for (const { number } of this.#files) {
      for (const record of readRecords(readFileSync(this.#pathOf(number), "utf8"))) yield { ...record, file: number };
    }
  }

  /** Removes files before this one, whose entries the database has; a number beyond the last one removes all. */
  trim(horizon: number): void {
    if (horizon >= this.#next) this.#finishFile();
    const until = Math.min(horizon, this.#next);
    const isOld = ({ number }: JournalFile): boolean => number < until;
    if (!this.#files.some(isOld)) return;
    const { onceDatabaseIsSafe = (then) => then() } = this.#options;
    onceDatabaseIsSafe(() => {
      for (const { number } of this.#files.filter(isOld)) rmSync(this.#pathOf(number), { force: true });
      this.#files = this.#files.filter((file) => !isOld(file));
    });
  }

  /** Takes lines of these streams out of a file from `from` on. Returns where to go on, undefined when it is done. */
  purge(streams: ReadonlySet<number>, from: number): number | undefined {
    const file = this.#files.find(({ number }) => number >= from);
    if (file === undefined) return undefined;
    if (file.number === this.current) this.#finishFile();
    const path = this.#pathOf(file.number);
    const text = readFileSync(path, "utf8");
    let kept = "";
    for (const { at, lines } of readRecords(text)) {
      const left = lines.split("\n").filter((line) => line !== "" && !streams.has(readJournalLine(line).stream));
      if (left.length > 0) kept += writeRecord({ at, lines: `${left.join("\n")}\n` });
    }
    if (kept.length < text.length) {
      writeFileSync(`${path}-new`, kept, { mode: 0o600, flush: this.#options.isSynced });
      renameSync(`${path}-new`, path);
      file.bytes = Buffer.byteLength(kept);
    }
    return file.number + 1;
  }

  close(): void {
    this.#finishFile();
  }

  #beginFile(): number {
    const { path, isSynced } = this.#options;
    const descriptor = openSync(this.#pathOf(this.#next), "ax", 0o600);
    this.#descriptor = descriptor;
    this.#files.push({ number: this.#next++, bytes: 0 });
    if (isSynced) syncFolder(dirname(resolve(path)));
    return descriptor;
  }

  #finishFile(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** A part of a record may be there; behind it nothing would be found again. */
  #takeBack(descriptor: number, { bytes }: JournalFile): void {
    try {
      ftruncateSync(descriptor, bytes);
    } catch {
      this.#finishFile();
    }
  }

  #pathOf(number: number): string {
    return `${this.#options.path}-entries-${number}`;
  }
}

function findFiles(path: string): JournalFile[] {
  const folder = dirname(resolve(path));
  const prefix = `${basename(path)}-entries-`;
  const files: JournalFile[] = [];
  for (const name of readdirSync(folder)) {
    const number = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN;
    if (Number.isInteger(number)) files.push({ number, bytes: statSync(`${folder}/${name}`).size });
    // A purge was interrupted; the file it was to replace is still there.
    else if (name.startsWith(prefix)) rmSync(`${folder}/${name}`);
  }
  return files.toSorted((one, other) => one.number - other.number);
}
