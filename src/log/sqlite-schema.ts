import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { HeadraceError } from "../core/errors.ts";
import { Journal } from "./journal.ts";
import { isBusy, sqliteError } from "./sqlite-errors.ts";
import { syncFolder } from "./sync-folder.ts";

/** Each takes the schema from the version that is its index to the next one. Never changed, only added to. */
const migrations = [
  `
  -- Numbers are never used twice, so that what is left of a deleted stream cannot be taken for another's.
  CREATE TABLE streams (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    protocol TEXT NOT NULL,
    model TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    idempotency_key TEXT,
    epoch INTEGER NOT NULL,
    -- How many entries are in segments; those after them are in the journal.
    archived INTEGER NOT NULL,
    closed_at INTEGER
  ) STRICT;
  CREATE INDEX streams_by_owner ON streams (owner, number);
  CREATE INDEX streams_by_end ON streams (closed_at);

  CREATE TABLE idempotency_keys (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    stream_id TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    claimed_at INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX idempotency_keys_by_age ON idempotency_keys (claimed_at);

  -- One row for each transaction, with a line for each entry: stream number, epoch, seq, event.
  CREATE TABLE journal (id INTEGER PRIMARY KEY, lines TEXT NOT NULL) STRICT;

  -- Consecutive entries of one stream and epoch, as a JSON array of events.
  CREATE TABLE segments (
    stream INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    events TEXT NOT NULL,
    PRIMARY KEY (stream, first_seq)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE streams ADD COLUMN chat TEXT;
  CREATE INDEX streams_by_chat ON streams (owner, chat, number) WHERE chat IS NOT NULL;
  `,
  // The journal is in files of its own.
  "DROP TABLE journal",
];

/** The last schema with the journal in a table. */
const journalTableUntil = 2;

export interface OpenDatabase {
  database: DatabaseSync;
  /** Lets another process open the file; for after the database was closed. */
  unlock(): void;
}

/**
 * Opens the log's database for this process alone, making folder, file and schema where they are missing.
 *
 * @throws HeadraceError `log-unavailable` - it cannot be used; the message says what to do.
 */
export function openDatabase(path: string): OpenDatabase {
  const folder = dirname(resolve(path));
  let lock: DatabaseSync | undefined;
  let database: DatabaseSync | undefined;
  try {
    makeFolder(folder);
    // The lock comes before anything touches the database: closing a file of one's own drops the locks on it.
    lock = takeLock(path);
    createPrivately(path);
    database = new DatabaseSync(path);
    database.exec(`
      PRAGMA busy_timeout = 1000;
      PRAGMA journal_mode = WAL;
      -- What is deleted is overwritten, not only marked as free.
      PRAGMA secure_delete = ON;
    `);
    migrate(database, path);
    syncFolder(folder);
  } catch (error) {
    database?.close();
    lock?.close();
    throw sqliteError(error, path);
  }
  const held = lock;
  return { database, unlock: () => held.close() };
}

/** New folders are there after a power loss, too. */
function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) syncFolder(dirname(made));
}

/** Held by the operating system as long as this process lives, so that `kill -9` leaves nothing behind. */
function takeLock(path: string): DatabaseSync {
  const lockPath = `${path}-lock`;
  createPrivately(lockPath);
  const lock = new DatabaseSync(lockPath);
  try {
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if (!isBusy(error)) throw error;
    throw new HeadraceError(
      "log-unavailable",
      `another headrace uses ${path}; stop it, or give this one a file of its own with log.path`,
      { cause: error },
    );
  }
}

/** Only this user may read answers. Side files get the mode of the main one. */
function createPrivately(path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, "a", 0o600));
}

function migrate(database: DatabaseSync, path: string): void {
  const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
  if (version > migrations.length) {
    throw new HeadraceError(
      "log-unavailable",
      `${path} was written by a newer Headrace (schema ${version}, this one knows ${migrations.length}); ` +
        "update Headrace, or set log.path to another file",
    );
  }
  if (version > 0 && version <= journalTableUntil) exportJournal(database, path);
  for (let from = version; from < migrations.length; from++) {
    database.exec(`BEGIN; ${migrations[from]}; PRAGMA user_version = ${from + 1}; COMMIT`);
  }
}

/** Its rows are as today's records; streams that have ended have the time of it in their own row. */
function exportJournal(database: DatabaseSync, path: string): void {
  const journal = new Journal({ path, isSynced: true });
  // Left by an export that was interrupted.
  journal.trim(Infinity);
  const rows = database.prepare("SELECT lines FROM journal ORDER BY id").all();
  if (rows.length > 0) journal.append({ at: 0, lines: rows.map(({ lines }) => String(lines)).join("") });
  journal.close();
}
