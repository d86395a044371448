import { describe, expect, test } from "vitest";

import type { TracePage, TraceSummary } from "../src/records/trace.ts";
import { type Filters, fits, noFilters } from "../web/src/streams/filters.ts";
import { type Place, StreamRows } from "../web/src/streams/rows.ts";
import { seeded } from "./support/random.ts";

const pageSize = 10;

/** A gateway whose streams begin and end as they like, and which tells of it. */
class Streams {
  readonly #streams: TraceSummary[] = [];
  readonly #random: (below: number) => number;
  /** Told of and not read yet. */
  readonly news: TraceSummary[] = [];
  #now = 1_000;

  constructor(random: (below: number) => number) {
    this.#random = random;
  }

  begin(): void {
    // Often several in the same millisecond.
    this.#now += this.#random(2);
    const id = `st_${String(this.#random(1e9)).padStart(9, "0")}`;
    this.#streams.push({ id, model: `model-${this.#random(3)}`, startedAt: this.#now, state: "open" } as TraceSummary);
    this.news.push(this.#streams.at(-1) as TraceSummary);
  }

  end(): void {
    const index = this.#random(this.#streams.length);
    const stream = this.#streams[index];
    if (stream?.state !== "open") return;
    const outcome = this.#random(5) === 0 ? "failed" : "completed";
    this.#streams[index] = { ...stream, state: "closed", outcome };
    this.news.push(this.#streams[index]);
  }

  list(filters: Filters): TraceSummary[] {
    const newestFirst = (one: TraceSummary, other: TraceSummary) =>
      other.startedAt - one.startedAt || (one.id < other.id ? 1 : -1);
    return this.#streams.filter((stream) => fits(stream, filters)).toSorted(newestFirst);
  }

  page(filters: Filters, place: Place | undefined): TracePage {
    const all = this.list(filters);
    const older = all.filter(({ id, startedAt }) => {
      if (place === undefined) return true;
      if ("to" in place) return startedAt < place.to;
      const [at = 0, last = ""] = place.before.split(".");
      return startedAt < Number(at) || (startedAt === Number(at) && id < last);
    });
    const data = older.slice(0, pageSize);
    const last = data.at(-1);
    return { data, ...(older.length > pageSize && last && { next: `${last.startedAt}.${last.id}` }) };
  }
}

interface World {
  streams: Streams;
  rows: StreamRows;
  filters: Filters;
}

/** Somebody looks, scrolls, waits and looks again, while streams come and go. */
async function live({ streams, rows, filters }: World, random: (below: number) => number): Promise<void> {
  let arriving: (() => Promise<void>) | undefined;
  const ask = () => {
    if (arriving !== undefined || (rows.length > 0 && rows.next === undefined)) return;
    const { promise, resolve } = Promise.withResolvers<TracePage>();
    // What a page says is decided when it is asked for; news overtake it.
    const page = streams.page(filters, rows.next);
    const added = rows.addPage(promise);
    arriving = async () => {
      arriving = undefined;
      resolve(page);
      await added;
    };
  };
  ask();
  for (let step = 0; step < 400; step++) {
    const what = random(20);
    if (what < 8) streams.begin();
    else if (what < 14) streams.end();
    else if (what < 16) ask();
    else if (what < 18) await arriving?.();
    else if (what === 18) rows.letIn();
    if (random(3) > 0) for (const stream of streams.news.splice(0)) rows.take(stream);
  }
  await arriving?.();
}

function shown(rows: StreamRows): (TraceSummary | undefined)[] {
  return Array.from({ length: rows.length }, (_, index) => rows.at(index));
}

const filters: Record<string, Filters> = {
  "all of them": noFilters,
  "those that are open": { ...noFilters, state: "open" },
  "those that failed": { ...noFilters, outcome: "failed" },
  "a model's": { ...noFilters, model: "model-1" },
};

describe("a list of streams that is read while they come and go", () => {
  test.each(Object.entries(filters))("shows %s in their order, each once, as they are", async (_name, chosen) => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = seeded(seed);
      const streams = new Streams(random);
      for (let count = random(60); count > 0; count--) streams.begin();
      const rows = new StreamRows(chosen, { mostPushed: 3 + random(12) });
      await live({ streams, rows, filters: chosen }, random);
      for (const stream of streams.news.splice(0)) rows.take(stream);
      rows.letIn();
      while (rows.next !== undefined) await rows.addPage(Promise.resolve(streams.page(chosen, rows.next)));
      expect(shown(rows), `seed ${seed}`).toEqual(streams.list(chosen));
    }
  });

  test("holds what is new until it is let in, and little of what has scrolled away", async () => {
    const streams = new Streams(seeded(7));
    for (let count = 0; count < 100; count++) streams.begin();
    streams.news.length = 0;
    const mostPushed = 40;
    const rows = new StreamRows(noFilters, { mostPushed });
    await rows.addPage(Promise.resolve(streams.page(noFilters, undefined)));
    const before = shown(rows);
    for (let count = 0; count < 1_000; count++) streams.begin();
    for (const stream of streams.news.splice(0)) rows.take(stream);
    expect(shown(rows)).toEqual(before);
    expect(rows.waiting).toBe(mostPushed);
    rows.letIn();
    expect(rows.length).toBe(mostPushed);
    expect(shown(rows)).toEqual(streams.list(noFilters).slice(0, mostPushed));
  });
});
