import { beforeEach, describe, expect, test } from "vitest";
import type { NewStream, StreamLog } from "../../src/log/stream-log.ts";
import type { OpenedLog } from "./stream-log-fixtures.ts";
import { closingTime, end, newStream, pause, readAll, text } from "./stream-log-fixtures.ts";

/** What holds for streams as a whole. */
export function describeStreams(opened: () => OpenedLog): void {
  let log: StreamLog;

  beforeEach(() => {
    log = opened().log;
  });

  describe("creating, listing, removing", () => {
    const withKey = (id: string, requestHash = "hash", owner = "ann"): NewStream =>
      newStream(id, { owner, idempotency: { key: "key", requestHash } });

    test("one of several claims of the same idempotency key wins", async () => {
      const results = await Promise.all(["a", "b", "c"].map((id) => log.create(withKey(id))));

      expect(results).toEqual([
        { status: "created", epoch: 1 },
        { status: "exists", streamId: "a", requestHash: "hash" },
        { status: "exists", streamId: "a", requestHash: "hash" },
      ]);
      expect(await log.create(withKey("d", "other"))).toEqual(results[1]);
      expect(await log.info("b")).toBeUndefined();
    });

    test("the same key of another owner is another key", async () => {
      await log.create(withKey("a"));

      expect(await log.create(withKey("b", "hash", "bob"))).toEqual({ status: "created", epoch: 1 });
    });

    test("an id is never given away twice", async () => {
      await log.create(newStream("a"));

      await expect(log.create(newStream("a"))).rejects.toMatchObject({ code: "internal" });
    });

    test("an owner sees their own streams only, newest first, page by page", async () => {
      for (let index = 0; index < 7; index++) await log.create(newStream(`a${index}`, { createdAt: 1_000 + index }));
      await log.create(newStream("b", { owner: "bob", createdAt: 2_000 }));
      await log.append("a5", 1, 0, [text("x"), end]);
      await pause();

      const first = await log.list({ owner: "ann", limit: 4 });
      const second = await log.list({ owner: "ann", limit: 4, before: "a3" });

      expect([...first, ...second].map(({ id }) => id)).toEqual(["a6", "a5", "a4", "a3", "a2", "a1", "a0"]);
      expect(first[1]).toEqual({
        ...newStream("a5", { createdAt: 1_005 }),
        epoch: 1,
        entries: 2,
        closedAt: closingTime,
      });
      expect((await log.list({ owner: "bob", limit: 4 })).map(({ id }) => id)).toEqual(["b"]);
      expect(await log.list({ owner: "eve", limit: 4 })).toEqual([]);
      await expect(log.list({ owner: "bob", limit: 4, before: "a3" })).rejects.toMatchObject({
        code: "stream-not-found",
      });
    });

    test("an owner finds the streams of one chat, newest first, and nobody else's", async () => {
      await log.create(newStream("a", { chat: "trip" }));
      await log.create(newStream("b", { chat: "work" }));
      await log.create(newStream("c", { chat: "trip" }));
      await log.create(newStream("d", { chat: "trip", owner: "bob" }));
      await log.create(newStream("e"));
      await log.append("a", 1, 0, [end]);
      await pause();

      const found = await log.list({ owner: "ann", chat: "trip", limit: 9 });

      expect(found.map(({ id, chat }) => [id, chat])).toEqual([
        ["c", "trip"],
        ["a", "trip"],
      ]);
      expect((await log.list({ owner: "ann", chat: "trip", limit: 1 })).map(({ id }) => id)).toEqual(["c"]);
      expect((await log.list({ owner: "ann", chat: "trip", limit: 9, before: "c" })).map(({ id }) => id)).toEqual([
        "a",
      ]);
      await log.delete("c");
      expect((await log.list({ owner: "ann", chat: "trip", limit: 9 })).map(({ id }) => id)).toEqual(["a"]);
      expect(await log.list({ owner: "ann", chat: "", limit: 9 })).toEqual([]);
    });

    test("open streams of every owner can be found", async () => {
      await log.create(newStream("a"));
      await log.create(newStream("b", { owner: "bob" }));
      await log.create(newStream("c"));
      await log.append("a", 1, 0, [text("x")]);
      await log.append("c", 1, 0, [end]);

      const found = await log.listOpen();

      expect(new Map(found.map(({ id, entries }) => [id, entries]))).toEqual(
        new Map([
          ["a", 1],
          ["b", 0],
        ]),
      );
    });

    test("a deleted stream is gone, and its idempotency key free", async () => {
      await log.create(withKey("a"));
      await log.append("a", 1, 0, [text("x")]);

      await log.delete("a");
      await log.delete("a");

      expect(await log.info("a")).toBeUndefined();
      expect(await log.list({ owner: "ann", limit: 9 })).toEqual([]);
      await expect(log.append("a", 1, 1, [text("y")])).rejects.toMatchObject({ code: "stream-not-found" });
      expect(await log.create(withKey("b"))).toEqual({ status: "created", epoch: 1 });
      expect(await readAll(log, "b")).toEqual([]);
    });

    test("a sweep removes what closed long ago, and old keys, and nothing else", async () => {
      await log.create(withKey("old"));
      await log.append("old", 1, 0, [end]);
      await log.create(newStream("open", { idempotency: { key: "open", requestHash: "h" } }));
      await pause();

      expect(await log.sweep({ closedBefore: closingTime, claimedBefore: 1_000 })).toBe(0);
      expect(await log.create(withKey("again"))).toMatchObject({ status: "exists", streamId: "old" });
      expect(await log.sweep({ closedBefore: closingTime + 1, claimedBefore: 1_001 })).toBe(1);

      expect(await log.info("old")).toBeUndefined();
      expect(await log.info("open")).toBeDefined();
      expect(await log.create(withKey("again"))).toMatchObject({ status: "created" });
      expect(await log.create(newStream("new", { idempotency: { key: "open", requestHash: "h" } }))).toMatchObject({
        status: "created",
      });
    });

    test("a sweep of hundreds of streams removes all of them", async () => {
      const ids = Array.from({ length: 250 }, (_, index) => `s${index}`);
      await Promise.all(ids.map((id) => log.create(newStream(id))));
      await Promise.all(ids.map((id) => log.append(id, 1, 0, [text(id), end])));

      expect(await log.sweep({ closedBefore: closingTime + 1, claimedBefore: 0 })).toBe(250);

      expect(await log.list({ owner: "ann", limit: 9 })).toEqual([]);
    });
  });
}
