import { describe, expect, onTestFinished, test } from "vitest";

import { systemClock } from "../src/outside.ts";
import { SqliteLog } from "../src/log/sqlite-log.ts";
import { SqliteRecords } from "../src/records/sqlite-records.ts";
import { manyRecords, writeManyRecords } from "./support/many-records.ts";
import { databasePath } from "./support/records.ts";

/** It takes half of 100 ms on a quiet machine; other tests run beside this one. */
const limitMs = 250;
const end = Date.UTC(2026, 5, 1);

async function open() {
  const log = SqliteLog.open({ path: databasePath(), durability: "process", now: systemClock.now });
  const shared = log.share();
  const records = await SqliteRecords.open({ ...shared, isBesideLog: true, clock: systemClock, limitMs: 60_000 });
  onTestFinished(async () => {
    await records.close();
    await log.close();
  });
  await shared.write(() => writeManyRecords(shared.database, { end }));
  return records;
}

/** The best of some runs: what the machine does beside is not what is measured. */
async function bestOf(work: () => Promise<unknown>): Promise<number> {
  let best = Infinity;
  for (let run = 0; run < 7 && best > limitMs / 2; run++) {
    const began = performance.now();
    await work();
    best = Math.min(best, performance.now() - began);
  }
  return best;
}

describe("with 100,000 finished streams", () => {
  test("lists and sums answer at once, whatever they are asked", async () => {
    const records = await open();
    const lists = {
      newest: {},
      "an owner's": { owner: "owner-3" },
      "a model's": { model: "main/model-7" },
      "a model's that was never used": { model: "nothing" },
      "a route's": { route: "route-3" },
      "of embeddings, of which there are none": { operation: "embeddings" },
      failed: { outcome: "failed", owner: "owner-0" },
      open: { state: "open" as const },
      tagged: { tag: { name: "team", value: "t3" } },
      "with an id that is nowhere": { q: "nowhere" },
      "of a week, an owner's, a model's": { from: end - 7 * 86_400_000, owner: "owner-7", model: "model-7" },
    };
    for (const [name, query] of Object.entries(lists)) {
      expect(await bestOf(() => records.list({ limit: 50, ...query })), `the list of streams, ${name}`).toBeLessThan(
        limitMs,
      );
    }
    const middle = await records.list({ limit: 1, to: end - 15 * 86_400_000 });
    const before = middle.next;
    expect(await bestOf(() => records.list({ limit: 50, before })), "a page in the middle").toBeLessThan(limitMs);
    for (const by of ["model", "operation", "route", "key", "day"] as const) {
      expect(await bestOf(() => records.summary({ by })), `sums by ${by}`).toBeLessThan(limitMs);
    }
    const { totals, series } = await records.summary({ by: "model" });
    expect(totals.requests).toBe(manyRecords);
    expect(totals.errors).toBe(manyRecords / 50);
    expect(series).toHaveLength(31);
  }, 60_000);
});
