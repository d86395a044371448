import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";

import { purge as purgeStream } from "../src/gateway/stream-routes.ts";
import type { LogEntry, StreamInfo, StreamLog } from "../src/log/stream-log.ts";
import { ArchivedLog } from "../src/records/archived-log.ts";
import type { Records } from "../src/records/records.ts";
import { createVirtualClock } from "../src/testing.ts";
import { databasePath, openRecords } from "./support/records.ts";

const all = (log: StreamLog, id: string): Promise<LogEntry[]> => log.read(id, { after: -1, limit: 1_000 });

const purge = (log: StreamLog, records: Records): Promise<void> => purgeStream({ streams: log, records }, "st_1");

async function openWithStream() {
  const clock = createVirtualClock();
  const opened = await openRecords(databasePath(), clock);
  const { log, records } = opened;
  const facts = { owner: "alice", model: "poet", protocol: "openai-chat" as const };
  await log.create({ id: "st_1", ...facts, createdAt: clock.now() });
  const start = { type: "stream-start" as const, streamId: "st_1", format: 1 as const, createdAt: clock.now() };
  await log.append("st_1", 1, 0, [{ ...start, model: "poet", protocol: "openai-chat" }]);
  for (let seq = 1; seq < 300; seq++) await log.append("st_1", 1, seq, [{ type: "text-delta", text: `word${seq} ` }]);
  await log.append("st_1", 1, 300, [{ type: "stream-end", outcome: "completed" }]);
  const whole = new ArchivedLog(log, (streamId) => records.content(streamId));
  const sweep = (): Promise<number> =>
    whole.sweep({
      closedBefore: clock.now() + 1,
      claimedBefore: 0,
      beforeRemoval: (info) => records.archive(whole, info),
    });
  return { ...opened, clock, whole, sweep };
}

describe("an answer that left the log", () => {
  test("can be read as before, from any place", async () => {
    const { log, whole, sweep, close } = await openWithStream();
    const [before, info] = [await all(log, "st_1"), await log.info("st_1")];
    expect(await sweep()).toBe(1);
    expect(await log.info("st_1")).toBeUndefined();
    expect(await whole.info("st_1")).toEqual(info);
    expect(await all(whole, "st_1")).toEqual(before);
    expect(await whole.read("st_1", { after: 41, limit: 3 })).toEqual(before.slice(42, 45));
    await close();
  });

  test("is a fraction of what it was, and gone with a purge or after its time", async () => {
    const { sql, records, store, whole, sweep, clock, close } = await openWithStream();
    const size = JSON.stringify(await all(whole, "st_1")).length;
    await sweep();
    expect(Number(sql("SELECT length(entries) AS n FROM records_contents")[0]?.["n"])).toBeLessThan(size / 5);
    await store.sweep({ startedBefore: 0, archivedBefore: clock.now() });
    expect((await records.content("st_1"))?.entries).toHaveLength(301);
    await store.sweep({ startedBefore: 0, archivedBefore: clock.now() + 1 });
    expect(await records.content("st_1")).toBeUndefined();
    await close();
  });

  test("is nowhere after a purge", async () => {
    const { sql, records, whole, sweep, close } = await openWithStream();
    await sweep();
    await purge(whole, records);
    expect(await whole.info("st_1")).toBeUndefined();
    await expect(all(whole, "st_1")).rejects.toMatchObject({ code: "stream-not-found" });
    expect(sql("SELECT * FROM records_contents")).toEqual([]);
    await close();
  });

  test("is nowhere after a purge that came while it was read", async () => {
    const { log, records, sweep, close } = await openWithStream();
    await sweep();
    const found = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const whole = new ArchivedLog(log, async (streamId) => {
      const content = await records.content(streamId);
      found.resolve();
      await goOn.promise;
      return content;
    });
    const reading = whole.info("st_1");
    await found.promise;
    await purge(whole, records);
    goOn.resolve();
    expect(await reading).toMatchObject({ id: "st_1" });
    expect(await whole.info("st_1")).toBeUndefined();
    await close();
  });

  test("is nowhere after a purge that came while it was archived", async () => {
    const { log, records, sql, close } = await openWithStream();
    const info = (await log.info("st_1")) as StreamInfo;
    const read = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const slow: Pick<StreamLog, "info" | "read"> = {
      info: (streamId) => log.info(streamId),
      async read(streamId, options) {
        if (options.after >= 0) return [];
        const entries = await log.read(streamId, options);
        read.resolve();
        await goOn.promise;
        return entries;
      },
    };
    const archiving = records.archive(slow, info);
    await read.promise;
    const purging = purge(log, records);
    await nextTurn();
    goOn.resolve();
    await Promise.all([archiving, purging]);
    expect(sql("SELECT stream_id FROM records_contents")).toEqual([]);
    await records.archive(log, info);
    expect(sql("SELECT stream_id FROM records_contents")).toEqual([]);
    await close();
  });

  test("stays in the log when it cannot be kept elsewhere", async () => {
    const { log, close, clock } = await openWithStream();
    const beforeRemoval = () => Promise.reject(new Error("no space"));
    const swept = log.sweep({ closedBefore: clock.now() + 1, claimedBefore: 0, beforeRemoval });
    await expect(swept).rejects.toThrow("no space");
    expect(await all(log, "st_1")).toHaveLength(301);
    await close();
  });
});
