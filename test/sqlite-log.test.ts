import type { SqliteLogOptions } from "../src/log/sqlite-log.ts";
import type { OpenedLog } from "./conformance/stream-log-fixtures.ts";
import { closingTime } from "./conformance/stream-log-fixtures.ts";
import { describeStreamLog } from "./conformance/stream-log.ts";
import { LogFolder } from "./support/log-folder.ts";

type End = "closed" | "killed";

async function openIn(end: End, options: Partial<SqliteLogOptions>): Promise<OpenedLog> {
  const folder = new LogFolder();
  const open = () => folder.open({ now: () => closingTime, ...options });
  let log = open();
  return {
    log,
    reopen: async () => {
      if (end === "killed") await folder.kill(log);
      else await log.close();
      log = open();
      return log;
    },
    dispose: async () => {
      await log.close();
      folder.remove();
    },
  };
}

describeStreamLog("a log in a SQLite file", () => openIn("killed", {}));
describeStreamLog("a log in a SQLite file, synced to the disk", () => openIn("killed", { durability: "disk" }));
describeStreamLog("a log in a SQLite file, with a checkpoint at every opportunity", () =>
  openIn("closed", { checkpointBytes: 1 }),
);
