import { describe, expect, test } from "vitest";

import { systemClock } from "../src/outside.ts";
import type { TracePage } from "../src/records/trace.ts";
import { readFrames, startGateway } from "./support/gateway.ts";
import { databasePath } from "./support/records.ts";

/** How far the clock is beside where it was, when one stream after the other begins: it stands, and goes back. */
const steps = [0, 0, 0, -5, 5, 5, -10, -10, -10, 20, 0, -30, -30, 1];
const noon = Date.UTC(2026, 5, 1, 12);

/** A gateway whose clock says what it is told to, and a model whose answers end when they are told to. */
async function prepare(store: "memory" | "sqlite") {
  let time = noon;
  const clock = { ...systemClock, now: () => time };
  const model = async function* (_input: unknown, { signal }: { signal: AbortSignal }): AsyncGenerator<string> {
    yield "begun";
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  };
  const log = store === "memory" ? { store } : { store, path: databasePath() };
  const { url } = await startGateway({ log, models: { endless: model } }, { clock });
  const begin = async (at: number): Promise<string> => {
    time = at;
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ model: "endless", stream: true, messages: [{ role: "user", content: "Go" }] });
    const response = await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body });
    for await (const frame of readFrames(response)) if (frame.includes("begun")) break;
    return response.headers.get("headrace-stream-id") ?? "";
  };
  const end = async (id: string): Promise<void> => {
    expect((await fetch(`${url}/v1/streams/${id}`, { method: "DELETE" })).status).toBe(200);
  };
  const all: string[] = [];
  for (const step of steps) all.push(await begin(noon + step));
  return { url, begin, end, all };
}

/** Reads page by page, and does something in between. */
async function readPages(url: string, query: string, between: (page: number) => Promise<void>) {
  const seen: TracePage["data"] = [];
  for (let page = 1, before = ""; ; page++) {
    const response = await fetch(`${url}/admin/streams?limit=3${query}${before}`);
    const { data, next } = (await response.json()) as TracePage;
    seen.push(...data);
    if (next === undefined) return seen;
    expect(page, "pages that never end").toBeLessThan(40);
    before = `&before=${encodeURIComponent(next)}`;
    await between(page);
  }
}

const idsOf = (list: readonly { id: string }[]) => list.map(({ id }) => id);
const twice = (ids: readonly string[]) => ids.filter((id, index) => ids.indexOf(id) !== index);

describe.each(["memory", "sqlite"] as const)(
  "pages of streams, while the clock goes back, with the log in %s",
  (store) => {
    test("hold each stream once, whatever begins and ends in between", async () => {
      const { url, begin, end, all } = await prepare(store);
      const later: string[] = [];
      const seen = await readPages(url, "", async (page) => {
        await end(all[page] as string);
        // Newer than what was read, in the same millisecond, and older than all that is still to come.
        for (const step of [30, 0, -10 * page]) later.push(await begin(noon + step));
      });
      const ids = idsOf(seen);
      expect(twice(ids)).toEqual([]);
      expect(all.filter((id) => !ids.includes(id))).toEqual([]);
      expect(ids.filter((id) => !all.includes(id) && !later.includes(id))).toEqual([]);
      const times = seen.map(({ startedAt }) => startedAt);
      expect(times).toEqual(times.toSorted((one, other) => other - one));
      expect(new Set(times).size).toBeLessThan(times.length);
    });

    test("hold each stream once that stays open, when only open ones are asked for", async () => {
      const { url, begin, end, all } = await prepare(store);
      const ended: string[] = [];
      const seen = idsOf(
        await readPages(url, "&state=open", async (page) => {
          const id = all[(page * 5) % all.length] as string;
          if (!ended.includes(id)) await end(id);
          ended.push(id);
          if (page < 4) await begin(noon - page);
        }),
      );
      expect(ended.length).toBeGreaterThan(2);
      expect(twice(seen)).toEqual([]);
      expect(all.filter((id) => !ended.includes(id) && !seen.includes(id))).toEqual([]);
    });

    test("of one's own streams too, in the order in which they began", async () => {
      const { url, begin, end, all } = await prepare(store);
      const seen: string[] = [];
      for (let before = ""; ;) {
        const response = await fetch(`${url}/v1/streams?limit=3${before}`);
        const { data, has_more } = (await response.json()) as { data: { id: string }[]; has_more: boolean };
        seen.push(...idsOf(data));
        if (!has_more) break;
        before = `&before=${seen.at(-1)}`;
        await end(all[seen.length] as string);
        await begin(noon - 40);
      }
      expect(seen).toEqual(all.toReversed());
    });
  },
);
