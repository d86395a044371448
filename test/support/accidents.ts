import fs from "node:fs";
import { basename, dirname, join } from "node:path";
import type { LogHistory, LogWriters } from "./log-history.ts";
import type { FileCalls } from "./files.ts";
import { realFiles, replaceFiles } from "./files.ts";

/** What is left of a log's folder after an accident, and what its writers had been told by then. */
export interface Remains {
  path: string;
  history: LogHistory;
}

export interface AccidentOptions {
  /** The database; everything in its folder is the log's. */
  path: string;
  writers: () => LogWriters;
  random: (below: number) => number;
  /** An accident happens at about one of so many calls. */
  oneIn: number;
}

/**
 * Copies the folder as a process leaves it that is killed before, in the middle of, or after a call of the file system,
 * and as a machine leaves it whose power fails: then files are as long as they were when they were synced last, or
 * longer, and a folder has the names of its last sync, or newer ones.
 */
export class Accidents {
  readonly killed: Remains[] = [];
  readonly unpowered: Remains[] = [];
  readonly #options: AccidentOptions;
  readonly #folder: string;
  readonly #paths = new Map<number, string>();
  /** What the disk has for sure. */
  readonly #contents = new Map<number, Buffer>();
  #names: Map<string, number>;
  #copies = 0;
  #syncs = 0;
  readonly #syncedAt = new Map<number, number>();
  #isBusy = false;
  readonly stop: () => void;

  constructor(options: AccidentOptions) {
    this.#options = options;
    this.#folder = dirname(options.path);
    fs.mkdirSync(this.#folder, { recursive: true });
    this.#names = this.#currentNames();
    for (const [name, inode] of this.#names) this.#contents.set(inode, this.#read(name));
    this.stop = replaceFiles(this.#calls());
  }

  #calls(): Partial<FileCalls> {
    const around = <Call extends (...values: never[]) => unknown>(call: Call, oneIn?: number): Call =>
      ((...values: Parameters<Call>) => {
        this.#happen(oneIn);
        const result = call(...values);
        this.#happen(oneIn);
        return result;
      }) as Call;
    return {
      openSync: (path, ...more) => {
        const descriptor = around(realFiles.openSync)(path, ...more);
        this.#paths.set(descriptor, String(path));
        return descriptor;
      },
      writeSync: ((descriptor: number, bytes: Buffer, offset: number) => {
        const half = Math.ceil((bytes.byteLength - offset) / 2);
        return around(realFiles.writeSync)(descriptor, bytes, offset, half);
      }) as FileCalls["writeSync"],
      fdatasync: ((descriptor: number, done: (error: Error | null) => void) => {
        const [inode, content] = this.#content(descriptor);
        const turn = ++this.#syncs;
        realFiles.fdatasync(descriptor, (error) => {
          this.#happen();
          // Two may be under way for the same file, and a checkpoint may have emptied it meanwhile.
          const isLatest = turn > (this.#syncedAt.get(inode) ?? 0);
          if (error === null && isLatest && startsWith(this.#content(descriptor)[1], content)) {
            this.#contents.set(inode, content);
            this.#syncedAt.set(inode, turn);
          }
          done(error);
        });
      }) as FileCalls["fdatasync"],
      fdatasyncSync: (descriptor) => {
        around(realFiles.fdatasyncSync)(descriptor);
        this.#contents.set(...this.#content(descriptor));
      },
      fsyncSync: (descriptor) => {
        around(realFiles.fsyncSync)(descriptor);
        if (this.#paths.get(descriptor) === this.#folder) this.#names = this.#currentNames();
      },
      writeFileSync: (path, text, options) => {
        around(realFiles.writeFileSync)(path, text, options);
        const isSynced = typeof options === "object" && options?.flush === true;
        if (isSynced) this.#contents.set(fs.statSync(String(path)).ino, this.#read(basename(String(path))));
      },
      renameSync: around(realFiles.renameSync, 2),
      rmSync: around(realFiles.rmSync, 2),
      ftruncateSync: around(realFiles.ftruncateSync),
    };
  }

  #happen(oneIn = this.#options.oneIn): void {
    if (this.#isBusy || this.#options.random(oneIn) > 0) return;
    this.#isBusy = true;
    const before = this.#database();
    const killed = this.#keep("killed", (folder) => this.#copyAll(folder));
    const unpowered = this.#keep("unpowered", (folder) => this.#copySynced(folder));
    // Unless a checkpoint went on while it was copied.
    if (this.#database().equals(before)) {
      this.killed.push(killed);
      this.unpowered.push(unpowered);
    }
    this.#isBusy = false;
  }

  #keep(how: string, copy: (folder: string) => void): Remains {
    const folder = `${this.#folder}-${how}-${++this.#copies}`;
    fs.mkdirSync(folder);
    copy(folder);
    return { path: join(folder, basename(this.#options.path)), history: this.#options.writers().history() };
  }

  #copyAll(folder: string): void {
    for (const name of this.#currentNames().keys()) fs.copyFileSync(join(this.#folder, name), join(folder, name));
  }

  #copySynced(folder: string): void {
    const { random, path } = this.#options;
    const current = this.#currentNames();
    this.#noticeCheckpoint(current);
    for (const name of new Set([...this.#names.keys(), ...current.keys()])) {
      const inode = random(2) === 0 ? this.#names.get(name) : current.get(name);
      if (inode === undefined) continue;
      const written = current.get(name) === inode ? this.#read(name) : undefined;
      const synced = this.#contents.get(inode) ?? Buffer.alloc(0);
      const isMain = name === basename(path);
      const length = synced.byteLength + random(Math.max(0, (written?.byteLength ?? 0) - synced.byteLength) + 1);
      const isLonger = written !== undefined && (isMain || (random(2) === 0 && length > synced.byteLength));
      fs.writeFileSync(join(folder, name), isLonger ? written.subarray(0, isMain ? undefined : length) : synced);
    }
  }

  /** The database changes only by checkpoints, which sync the write-ahead log before and the database afterwards. */
  #noticeCheckpoint(names: ReadonlyMap<string, number>): void {
    const name = basename(this.#options.path);
    const main = names.get(name);
    const wal = names.get(`${name}-wal`);
    if (main === undefined || wal === undefined) return;
    const [mainNow, walNow] = [this.#read(name), this.#read(`${name}-wal`)];
    const isSame = this.#contents.get(main)?.equals(mainNow) ?? false;
    if (isSame && startsWith(walNow, this.#contents.get(wal) ?? walNow)) return;
    this.#contents.set(main, mainNow);
    this.#contents.set(wal, walNow);
  }

  /** What a checkpoint changes. */
  #database(): Buffer {
    const names = [...this.#currentNames().keys()].filter((name) => !name.includes("-entries-"));
    return Buffer.concat(names.map((name) => this.#read(name)));
  }

  /** By name; without what SQLite makes anew. */
  #currentNames(): Map<string, number> {
    // The write-ahead log first, because a checkpoint may move it into the database while files are copied.
    const names = fs.readdirSync(this.#folder).filter((name) => !/-(lock|shm)$/.test(name));
    names.sort((one, other) => Number(other.endsWith("-wal")) - Number(one.endsWith("-wal")));
    return new Map(names.map((name) => [name, fs.statSync(join(this.#folder, name)).ino]));
  }

  #content(descriptor: number): [inode: number, Buffer] {
    const { ino } = fs.fstatSync(descriptor);
    return [ino, this.#read([...this.#currentNames()].find(([, inode]) => inode === ino)?.[0])];
  }

  /** Without accidents on the way; empty when there is no such file. */
  #read(name: string | undefined): Buffer {
    const wasBusy = this.#isBusy;
    this.#isBusy = true;
    const content = name === undefined ? Buffer.alloc(0) : fs.readFileSync(join(this.#folder, name));
    this.#isBusy = wasBusy;
    return content;
  }
}

function startsWith(whole: Buffer, start: Buffer): boolean {
  return whole.subarray(0, start.byteLength).equals(start);
}
