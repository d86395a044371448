import { closeSync, fsyncSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";

/** What the log's thread asks for. */
export type CheckpointStep = "copy" | "truncate" | "stop";

/** The error's message when it did not work. */
export interface CheckpointReply {
  error?: string;
}

const { path } = workerData as { path: string };
const checkpointing = connect();
// While it reads, the writer cannot start the WAL over. It must not: it does not sync, and a WAL that was started over
// without a sync can be replayed wrongly after a power loss. https://sqlite.org/src/info/ff5be73dee
const pinning = connect();

parentPort?.on("message", (step: CheckpointStep) => {
  const reply: CheckpointReply = {};
  try {
    if (step === "stop") stop();
    else if (step === "copy") copy();
    else truncate();
  } catch (error) {
    reply.error = error instanceof Error ? error.message : String(error);
  }
  parentPort?.postMessage(reply);
});

function connect(): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA busy_timeout = 1000; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0");
  return database;
}

/** Syncs the WAL and copies it into the database file, while the writer goes on. */
function copy(): void {
  pin();
  checkpointing.prepare("PRAGMA wal_checkpoint(PASSIVE)").get();
}

/** Copies the rest, while the writer waits, and empties the WAL. */
function truncate(): void {
  unpin();
  const result = checkpointing.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
  if (result?.["busy"] !== 0) {
    pin();
    throw new Error("somebody else reads the database");
  }
  const wal = openSync(`${path}-wal`, "r+");
  try {
    fsyncSync(wal);
  } finally {
    closeSync(wal);
  }
}

function pin(): void {
  if (!pinning.isTransaction) pinning.exec("BEGIN; SELECT count(*) FROM sqlite_schema");
}

function unpin(): void {
  if (pinning.isTransaction) pinning.exec("ROLLBACK");
}

function stop(): void {
  unpin();
  pinning.close();
  checkpointing.close();
  parentPort?.close();
}
