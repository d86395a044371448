import { expect, test } from "vitest";

import { invariants, violationsOf } from "./simulation/invariants.ts";
import regressions from "./simulation/regressions.json" with { type: "json" };
import type { WorldRecord } from "./simulation/world.ts";
import { runWorld } from "./simulation/world.ts";

const seeds = 1_000;
const batches = 10;

/** What is wrong in the world of a seed, with how to see it happen. */
function wrongIn(record: WorldRecord): string[] {
  const { seed } = record.plan;
  const replay = `npm run simulate:many -- --seed ${seed} --trace`;
  return violationsOf(record).map(({ invariant, what }) => `seed ${seed}: ${invariant}: ${what} (${replay})`);
}

test.each(regressions)("seed $seed: $what; it no longer does", async ({ seed }) => {
  expect(wrongIn(await runWorld(seed))).toEqual([]);
});

test("the same seed gives the same trace", async () => {
  for (const seed of [3, 17, 42, 986]) {
    const { trace } = await runWorld(seed);
    expect(trace.length).toBeGreaterThan(10);
    expect((await runWorld(seed)).trace).toEqual(trace);
  }
});

const seen = { streams: 0, seams: 0, resumed: 0, races: 0, broken: 0, outcomes: new Set<string>() };

test.each(Array.from({ length: batches }, (_value, index) => ({ from: 1 + (index * seeds) / batches })))(
  `every invariant holds in a hundred worlds from seed $from on`,
  async ({ from }) => {
    const wrong: string[] = [];
    for (let seed = from; seed < from + seeds / batches; seed++) {
      const record = await runWorld(seed);
      wrong.push(...wrongIn(record));
      count(record);
    }
    expect(wrong).toEqual([]);
  },
  60_000,
);

test("and these worlds are full of trouble", () => {
  expect(Object.keys(invariants)).toHaveLength(12);
  expect([...seen.outcomes].toSorted()).toEqual(["cancelled", "completed", "content_filter", "failed", "interrupted"]);
  expect(seen.streams).toBeGreaterThan(1_500);
  expect(seen.seams).toBeGreaterThan(200);
  expect(seen.resumed).toBeGreaterThan(1_000);
  expect(seen.races).toBeGreaterThan(50);
  expect(seen.broken).toBeGreaterThan(100);
});

function count({ streams, observations }: WorldRecord): void {
  seen.streams += streams.length;
  for (const { entries, readers } of streams) {
    seen.seams += entries.filter(({ event }) => event.type === "seam").length;
    seen.resumed += readers.flatMap(({ visits }) => visits).filter(({ after }) => after !== undefined).length;
  }
  for (const { what } of observations) {
    if (what.type === "stream-ended") seen.outcomes.add(what.outcome);
    if (what.type === "attempt-started" && what.reason === "hedge") seen.races++;
    if (what.type === "attempt-ended" && what.error?.code === "broken-on-request") seen.broken++;
  }
}
