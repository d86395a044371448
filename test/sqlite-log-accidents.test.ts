import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SqliteLogOptions } from "../src/log/sqlite-log.ts";
import { SqliteLog } from "../src/log/sqlite-log.ts";
import { newStream, text } from "./conformance/stream-log-fixtures.ts";
import type { Remains } from "./support/accidents.ts";
import { Accidents } from "./support/accidents.ts";
import { expectHistory, LogWriters } from "./support/log-history.ts";
import { seeded } from "./support/random.ts";

/** Long enough to go to the database while its stream is open, so that the journal can be emptied. */
const untouched = text("from the beginning ".repeat(3_000));

let folder: string;

beforeEach(() => {
  // In memory where that is possible: it is not the disk that is tested.
  folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "headrace-log-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function open(path: string, more: Partial<SqliteLogOptions> = {}): SqliteLog {
  return SqliteLog.open({ path, durability: "disk", now: () => 5_000, upkeepDelayMs: 0, ...more });
}

/** Writes, and closes, while accidents happen. */
async function writeAmongAccidents(seed: number, oneIn: number): Promise<Accidents> {
  const path = join(folder, "data", "headrace.db");
  const random = seeded(seed);
  const log = open(path);
  await log.create(newStream("untouched"));
  await log.append("untouched", 1, 0, [untouched]);
  const writers = new LogWriters(log, random);
  const accidents = new Accidents({ path, writers: () => writers, random, oneIn });
  try {
    await writers.run(4, 40);
    await log.close();
  } finally {
    accidents.stop();
  }
  expect(writers.surprises).toEqual([]);
  return accidents;
}

async function expectIntact({ path, history }: Remains, seed: number): Promise<void> {
  const log = open(path);
  await expectHistory(log, history);
  expect(await log.read("untouched", { after: -1, limit: 9 })).toMatchObject([{ event: untouched }]);
  // Life goes on, and another accident follows.
  const writers = new LogWriters(log, seeded(seed), "later");
  await writers.run(2, 10);
  expect(writers.surprises).toEqual([]);
  await expectHistory(log, writers.history());
  await expectHistory(log, history);
  await log.close();
}

const seeds = [1, 2, 3];

describe("whatever the moment", () => {
  test.each(seeds)("a process that is killed has lost nothing that was acknowledged (seed %i)", async (seed) => {
    const { killed } = await writeAmongAccidents(seed, 60);
    expect(killed.length).toBeGreaterThan(2);
    for (const remains of killed) await expectIntact(remains, seed);
  });

  test.each(seeds)("a power loss takes nothing that was synced, and mixes nothing up (seed %i)", async (seed) => {
    const { unpowered } = await writeAmongAccidents(seed + 100, 60);
    expect(unpowered.length).toBeGreaterThan(2);
    for (const remains of unpowered) await expectIntact(remains, seed);
  });
});
