import type { DatabaseSync } from "node:sqlite";

import { expect, test } from "vitest";

import { keepBooks, wrongAfterRestart, wrongAtTheEnd } from "./simulation/ledger.ts";

const worlds = 120;
const batches = 4;
const seen = { open: 0, hedged: 0, discarded: 0, unknown: 0, estimated: 0, cancelled: 0, purged: 0 };

test.each(Array.from({ length: batches }, (_value, index) => 1 + (index * worlds) / batches))(
  "in thirty worlds from seed %d on, whatever happens and whenever the process dies, each attempt is paid for once",
  async (from) => {
    const wrong: string[] = [];
    for (let seed = from; seed < from + worlds / batches; seed++) {
      const books = await keepBooks(seed);
      wrong.push(...wrongAtTheEnd(books).map((what) => `seed ${seed}: ${what}`));
      for (const [index, remains] of books.remains.entries()) {
        seen.open += openIn(remains.database);
        const purged = index === 1 ? books.world.streams[0]?.id : undefined;
        if (purged !== undefined) seen.purged++;
        wrong.push(...(await wrongAfterRestart(remains, purged)).map((what) => `seed ${seed}, kill ${index}: ${what}`));
      }
      count(books.database);
    }
    expect(wrong.slice(0, 20)).toEqual([]);
  },
  60_000,
);

test("and there is much to be counted in them", () => {
  for (const [what, number] of Object.entries(seen)) expect(number, what).toBeGreaterThan(4);
});

/** Attempts that were stored as open when the process died. */
function openIn(database: DatabaseSync): number {
  const row = database.prepare("SELECT count(*) AS n FROM records_attempts WHERE outcome = 'open'").get();
  return Number(row?.["n"]);
}

function count(database: DatabaseSync): void {
  const conditions = {
    hedged: "share = 'hedged'",
    discarded: "share = 'discarded' AND is_billed = 1",
    unknown: "cost IS NULL",
    estimated: "is_estimated = 1",
  };
  for (const [what, condition] of Object.entries(conditions)) {
    const row = database.prepare(`SELECT count(*) AS n FROM records_usage WHERE ${condition}`).get();
    seen[what as keyof typeof conditions] += Number(row?.["n"]);
  }
  seen.cancelled += Number(
    database.prepare("SELECT count(*) AS n FROM records_streams WHERE outcome = 'cancelled'").get()?.["n"],
  );
}
