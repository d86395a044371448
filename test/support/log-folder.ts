import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SqliteLogOptions } from "../../src/log/sqlite-log.ts";
import { SqliteLog } from "../../src/log/sqlite-log.ts";

/** A folder for one log and nothing else; in memory where that is possible, because it is not the disk that is tested. */
export class LogFolder {
  readonly #folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "headrace-log-"));
  readonly path = join(this.#folder, "data", "headrace.db");

  open(more: Partial<SqliteLogOptions> = {}): SqliteLog {
    return SqliteLog.open({ path: this.path, durability: "process", now: () => 5_000, upkeepDelayMs: 0, ...more });
  }

  /** Leaves behind what is there when a process is killed now. */
  async kill(log: SqliteLog): Promise<void> {
    const data = join(this.#folder, "data");
    mkdirSync(`${data}-killed`);
    // The write-ahead log first, because a checkpoint may be moving it into the database.
    for (const name of readdirSync(data).toReversed()) copyFileSync(join(data, name), join(`${data}-killed`, name));
    await log.close();
    rmSync(data, { recursive: true });
    renameSync(`${data}-killed`, data);
  }

  journalFiles(): string[] {
    const data = join(this.#folder, "data");
    const names = readdirSync(data).filter((name) => /-entries-\d+$/.test(name));
    return names.map((name) => join(data, name)).toSorted();
  }

  journalBytes(): number {
    return this.journalFiles().reduce((sum, file) => sum + statSync(file).size, 0);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}
