import {
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
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
import { readRecords, withoutStreams, writeRecord } from "./journal-record.ts";
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
  /** Whose entries are in it, as far as somebody has looked. */
  streams?: ReadonlySet<number>;
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
  /** The files' names without their numbers; absolute, because the process may change its folder. */
  readonly #prefix: string;
  /** Oldest first. */
  #files: JournalFile[];
  /** Of the last file; undefined when the next append begins another one. */
  #descriptor: number | undefined;
  #next: number;
  #written = 0;
  #isClosed = false;

  /** @throws Error - of the file system. */
  constructor(options: JournalOptions) {
    this.#options = options;
    this.#prefix = `${resolve(options.path)}-entries-`;
    this.#files = findFiles(this.#prefix);
    // What a killed process wrote is about to be shown, and perhaps it did not live to sync it.
    if (options.isSynced) for (const { number } of this.#files) syncFile(this.#pathOf(number));
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
      // Another journal may have the files by now.
      if (this.#isClosed) return;
      this.#files = this.#files.filter((file) => !isOld(file) || !isRemoved(this.#pathOf(file.number)));
    });
  }

  /** Takes lines of these streams out of a file from `from` on. Returns where to go on, undefined when it is done. */
  purge(streams: ReadonlySet<number>, from: number): number | undefined {
    const file = this.#files.find(({ number }) => number >= from);
    if (file === undefined) return undefined;
    const path = this.#pathOf(file.number);
    const hasNone = file.streams !== undefined && ![...streams].some((stream) => file.streams?.has(stream));
    // Somebody may have removed it.
    if (hasNone || !existsSync(path)) return file.number + 1;
    const text = readFileSync(path, "utf8");
    const kept = purged(text, streams);
    if (kept.text.length < text.length) {
      if (file.number === this.current) this.#finishFile();
      writeFileSync(`${path}-new`, kept.text, { mode: 0o600, flush: this.#options.isSynced });
      renameSync(`${path}-new`, path);
      file.bytes = Buffer.byteLength(kept.text);
    }
    if (file.number !== this.current || this.#descriptor === undefined) file.streams = kept.streams;
    return file.number + 1;
  }

  /** Everything appended is on the disk afterwards. */
  close(): void {
    if (this.#descriptor !== undefined) fdatasyncSync(this.#descriptor);
    this.#finishFile();
    this.#isClosed = true;
  }

  #beginFile(): number {
    // Counted in any case, because somebody else may have made a file of that name.
    const number = this.#next++;
    const descriptor = openSync(this.#pathOf(number), "ax", 0o600);
    this.#files.push({ number, bytes: 0 });
    try {
      if (this.#options.isSynced) syncFolder(dirname(this.#prefix));
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    this.#descriptor = descriptor;
    return descriptor;
  }

  #finishFile(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) closeSync(descriptor);
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
    return `${this.#prefix}${number}`;
  }
}

function findFiles(prefix: string): JournalFile[] {
  const files: JournalFile[] = [];
  for (const name of readdirSync(dirname(prefix))) {
    // Other databases, and copies that somebody made, may have names that begin like these.
    const [, digits, isNew] = /^([1-9]\d{0,14})(-new)?$/.exec(suffixOf(name, basename(prefix))) ?? [];
    if (digits === undefined) continue;
    // A purge was interrupted; the file it was to replace is still there.
    if (isNew !== undefined) rmSync(`${prefix}${digits}-new`);
    else files.push({ number: Number(digits), bytes: statSync(`${prefix}${digits}`).size });
  }
  return files.toSorted((one, other) => one.number - other.number);
}

/** Empty when the name does not begin with the prefix. */
function suffixOf(name: string, prefix: string): string {
  return name.startsWith(prefix) ? name.slice(prefix.length) : "";
}

/** Records up to the first one that is not whole, without these streams, and whose entries are left. */
function purged(text: string, streams: ReadonlySet<number>): { text: string; streams: Set<number> } {
  const kept: string[] = [];
  const others = new Set<number>();
  for (const { at, lines } of readRecords(text)) {
    const left = withoutStreams(lines, streams, others);
    if (left !== "") kept.push(writeRecord({ at, lines: left }));
  }
  return { text: kept.join(""), streams: others };
}

function isRemoved(path: string): boolean {
  try {
    rmSync(path, { force: true });
    return true;
  } catch {
    // The next trim tries again.
    return false;
  }
}

function syncFile(path: string): void {
  const descriptor = openSync(path, "r+");
  try {
    fdatasyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
