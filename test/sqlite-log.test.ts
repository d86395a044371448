import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteLog } from "../src/log/sqlite-log.ts";
import type { OpenedLog } from "./conformance/stream-log-fixtures.ts";
import { closingTime } from "./conformance/stream-log-fixtures.ts";
import { describeStreamLog } from "./conformance/stream-log.ts";

async function openIn(durability: "process" | "disk", checkpointBytes?: number): Promise<OpenedLog> {
  const folder = mkdtempSync(join(tmpdir(), "headrace-log-"));
  const open = (): SqliteLog =>
    SqliteLog.open({
      path: join(folder, "headrace.db"),
      durability,
      now: () => closingTime,
      upkeepDelayMs: 0,
      ...(checkpointBytes !== undefined && { checkpointBytes }),
    });
  let log = open();
  return {
    log,
    reopen: async () => {
      await log.close();
      log = open();
      return log;
    },
    dispose: async () => {
      await log.close();
      rmSync(folder, { recursive: true });
    },
  };
}

describeStreamLog("a log in a SQLite file", () => openIn("process"));
describeStreamLog("a log in a SQLite file, synced to the disk", () => openIn("disk"));
describeStreamLog("a log in a SQLite file, with a checkpoint at every opportunity", () => openIn("process", 1));
