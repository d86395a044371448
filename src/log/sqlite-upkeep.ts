import { statSync } from "node:fs";
import type { ArchiverParts } from "./sqlite-archiver.ts";
import { Archiver } from "./sqlite-archiver.ts";
import { Checkpointer } from "./sqlite-checkpointer.ts";
import type { GroupCommit } from "./sqlite-commits.ts";

export interface UpkeepParts {
  archiver: Pick<ArchiverParts, "streams" | "journal" | "segments" | "live">;
  commits: GroupCommit;
  path: string;
  /** Longest write-ahead log that is left alone. */
  checkpointBytes: number;
  /** How long to wait for more to do, because a transaction costs more than what is in it. */
  delayMs: number;
}

/** Commits between two looks at the size of the write-ahead log. */
const commitsPerLook = 64;

/** Does in small portions, between commits, what nobody waits for. */
export class Upkeep {
  readonly archiver: Archiver;
  readonly #commits: GroupCommit;
  readonly #walPath: string;
  readonly #checkpointBytes: number;
  readonly #delayMs: number;
  readonly #checkpointer: Checkpointer;
  #scheduled = false;
  /** It was time to work, but writing was not possible. */
  #isWaiting = false;
  #checkpointing = false;

  constructor({ archiver, commits, path, checkpointBytes, delayMs }: UpkeepParts) {
    this.#delayMs = delayMs;
    this.#commits = commits;
    this.#walPath = `${path}-wal`;
    this.#checkpointBytes = checkpointBytes;
    this.#checkpointer = new Checkpointer(path);
    this.archiver = new Archiver({
      ...archiver,
      write: (work) => commits.transaction(work),
      onPurged: () => this.checkpoint(),
    });
  }

  afterCommit(): void {
    this.continue();
    if (this.#commits.health.commits % commitsPerLook !== 0) return;
    const wal = statSync(this.#walPath, { throwIfNoEntry: false });
    if (wal !== undefined && wal.size > this.#checkpointBytes) this.checkpoint();
  }

  /** Goes on when there is something to do. */
  continue(delayMs = this.#delayMs): void {
    if (this.#scheduled || !this.archiver.due) return;
    this.#scheduled = true;
    setTimeout(() => this.#work(), delayMs).unref();
  }

  /** Writing is possible again. With a commit always on its way to the disk, there is no other time for it. */
  onReleased(): void {
    if (this.#isWaiting) this.#work();
    else this.continue();
  }

  /** Makes room in the journal, and in the write-ahead log. */
  makeRoom(): void {
    this.archiver.empty();
    this.continue();
    this.checkpoint();
  }

  #work(): void {
    this.#isWaiting = this.#commits.held;
    if (this.#isWaiting) return;
    this.#scheduled = false;
    if (this.#commits.broken !== undefined) return;
    try {
      this.archiver.work();
    } catch {
      // Everything is still in memory and journal. It is tried again after the next commit, which tells its writer
      // when the store is out of order.
      return;
    }
    this.continue(this.archiver.busy ? 0 : this.#delayMs);
  }

  checkpoint(): void {
    if (this.#checkpointing || this.#commits.broken !== undefined) return;
    this.#checkpointing = true;
    this.#checkpointer
      .run(() => this.#commits.hold())
      // The write-ahead log just grows on; the next look tries again.
      .catch(() => {})
      .finally(() => {
        this.#checkpointing = false;
      });
  }

  stop(): Promise<void> {
    return this.#checkpointer.stop();
  }

  /** Leaves everything in the database, which is then all that there is, for after `stop`. */
  finish(): void {
    try {
      this.archiver.finish();
    } catch {
      // What is still in the journal is read from there next time.
    }
  }
}
