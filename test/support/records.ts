import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

import type { HeadraceError } from "../../src/core/errors.ts";
import type { Clock } from "../../src/core/time.ts";
import { SqliteLog } from "../../src/log/sqlite-log.ts";
import { Prices } from "../../src/records/prices.ts";
import { Records } from "../../src/records/records.ts";
import { SqliteRecords } from "../../src/records/sqlite-records.ts";

/** A folder of its own for a test's database. */
export function databasePath(): string {
  const folder = mkdtempSync(join(tmpdir(), "headrace-records-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "headrace.db");
}

/** Scripted models cost $1 per million tokens in, $2 out; those of `unpriced` nobody knows. */
const scriptedPrices = new Prices({
  prices: { "scripted/*": { inputPerMillion: 1, outputPerMillion: 2 } },
  vendorOf: () => undefined,
});

/** The log and its records, as one process has them open. */
export async function openRecords(path: string, clock: Clock) {
  const errors: HeadraceError[] = [];
  const log = SqliteLog.open({ path, durability: "process", now: clock.now });
  const { database, write } = log.share();
  const store = await SqliteRecords.open({ database, write, isBesideLog: true, clock });
  const records = new Records({
    openStore: async () => store,
    lazy: false,
    clock,
    prices: scriptedPrices,
    isRoute: (model) => model.startsWith("route"),
    report: (error) => errors.push(error),
  });
  return {
    log,
    store,
    records,
    errors,
    /** What the database says, whatever the code thinks. */
    sql: (text: string) => log.share().database.prepare(text).all(),
    async close() {
      await records.close();
      await log.close();
    },
    /** As `kill -9` leaves it: nothing that waits is stored. */
    async kill() {
      await store.close();
      await log.close();
    },
  };
}
