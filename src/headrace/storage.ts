import type { Config } from "../config.ts";
import { HeadraceError } from "../core/errors.ts";
import type { Clock } from "../core/time.ts";
import { MemoryLog } from "../log/memory-log.ts";
import type { SharedDatabase } from "../log/sqlite-log.ts";
import type { StreamLog } from "../log/stream-log.ts";
import { ArchivedLog } from "../records/archived-log.ts";
import { Prices } from "../records/prices.ts";
import type { PricesOptions } from "../records/prices.ts";
import { Records } from "../records/records.ts";
import type { RecordsStore } from "../records/records-store.ts";

export interface Storage {
  /** With what left it, as far as that is kept. */
  log: StreamLog;
  /** Missing when nothing is to be kept. */
  records: Records | undefined;
  prices: Prices;
  /** Removes what is too old, now and then, until the returned function is called. */
  sweepRegularly(): () => void;
}

export interface StorageOptions {
  config: Config;
  clock: Clock;
  vendorOf: PricesOptions["vendorOf"];
  report: (error: HeadraceError, what: string) => void;
}

/** Opens the log and what is kept beside it. */
export async function openStorage({ config, clock, vendorOf, report }: StorageOptions): Promise<Storage> {
  const { log, database } = await openLog(config.log, clock);
  const prices = new Prices({ prices: config.prices, vendorOf });
  if (config.records.store === "off") {
    return { log, records: undefined, prices, sweepRegularly: () => sweepRegularly({ log, config, clock, report }) };
  }
  const records = new Records({
    openStore: () => openRecordsStore(database, clock),
    lazy: database === undefined,
    clock,
    prices,
    isRoute: (model) => Object.hasOwn(config.routes, model),
    report: (error) => report(error, "records"),
  });
  const keepsContent = config.records.keepContentDays > 0;
  const whole = keepsContent ? new ArchivedLog(log, (streamId) => records.content(streamId)) : log;
  return {
    log: whole,
    records,
    prices,
    sweepRegularly: () => sweepRegularly({ log: whole, records, config, clock, report }),
  };
}

/** `auto` is the most that costs little: what is committed survives `kill -9`. */
async function openLog({ store, path, durability, maxBytes }: Config["log"], clock: Clock) {
  if (store === "memory" || durability === "memory") return { log: new MemoryLog(clock) };
  const { SqliteLog } = await import("../log/sqlite-log.ts");
  const log = SqliteLog.open({
    path,
    durability: durability === "auto" ? "process" : durability,
    now: clock.now,
    ...(maxBytes !== undefined && { maxBytes }),
  });
  return { log, database: log.share() };
}

/** Beside the log, or in memory where the log is. */
async function openRecordsStore(shared: SharedDatabase | undefined, clock: Clock): Promise<RecordsStore> {
  const { SqliteRecords } = await import("../records/sqlite-records.ts");
  if (shared !== undefined) return SqliteRecords.open({ ...shared, isBesideLog: true, clock });
  const { openMemoryDatabase } = await import("../records/sqlite-memory.ts");
  return SqliteRecords.open({ ...openMemoryDatabase(), clock });
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const sweepEveryMs = 60_000;

interface Swept extends Omit<StorageOptions, "vendorOf"> {
  log: StreamLog;
  records?: Records;
}

function sweepRegularly({ log, records, config, clock, report }: Swept): () => void {
  const { keepClosedHours, idempotencyHours } = config.log;
  const { keepDays, keepContentDays } = config.records;
  const sweep = async (): Promise<void> => {
    const now = clock.now();
    const closedBefore = now - keepClosedHours * hourMs;
    const claimedBefore = now - idempotencyHours * hourMs;
    const archives = records !== undefined && keepContentDays > 0;
    await log.sweep({
      closedBefore,
      claimedBefore,
      ...(archives && { beforeRemoval: (info) => records.archive(log, info) }),
    });
    const archivedBefore = now - keepContentDays * dayMs;
    await records?.sweep({ startedBefore: now - keepDays * dayMs, archivedBefore });
  };
  return clock.every(sweepEveryMs, () => {
    sweep().catch((error: unknown) => {
      const message = "what is too old could not be removed";
      report(new HeadraceError("log-unavailable", message, { cause: error }), "sweep");
    });
  });
}
