import { beforeEach, describe, expect, test } from "vitest";
import type { StreamLog } from "../../src/log/stream-log.ts";
import type { OpenedLog } from "./stream-log-fixtures.ts";
import { closingTime, end, newStream, pause, readAll, readTexts, text } from "./stream-log-fixtures.ts";

/** What writers are promised. */
export function describeWriting(opened: () => OpenedLog): void {
  let log: StreamLog;

  beforeEach(() => {
    log = opened().log;
  });

  describe("appending", () => {
    test("a new stream is empty and has epoch 1", async () => {
      expect(await log.create(newStream("a"))).toEqual({ status: "created", epoch: 1 });

      expect(await readAll(log, "a")).toEqual([]);
      expect(await log.info("a")).toEqual({ ...newStream("a"), epoch: 1, entries: 0 });
    });

    test("entries get the seqs 0, 1, 2, ... and come back in order", async () => {
      await log.create(newStream("a"));

      expect(await log.append("a", 1, 0, [text("x")])).toEqual({ status: "ok", next: 1 });
      expect(await log.append("a", 1, 1, [text("y"), text("z")])).toEqual({ status: "ok", next: 3 });

      expect(await readAll(log, "a")).toEqual([
        { epoch: 1, seq: 0, event: text("x") },
        { epoch: 1, seq: 1, event: text("y") },
        { epoch: 1, seq: 2, event: text("z") },
      ]);
    });

    test("appends that do not wait for each other keep their order", async () => {
      await log.create(newStream("a"));

      const results = await Promise.all([0, 1, 2].map((seq) => log.append("a", 1, seq, [text(`${seq}`)])));

      expect(results).toEqual([1, 2, 3].map((next) => ({ status: "ok", next })));
      expect(await readTexts(log, "a")).toEqual(["0", "1", "2"]);
    });

    test("the retry of an append whose outcome was unknown changes nothing", async () => {
      await log.create(newStream("a"));
      const first = log.append("a", 1, 0, [text("x"), text("y")]);
      const unsure = log.append("a", 1, 0, [text("x"), text("y")]);

      expect(await first).toEqual({ status: "ok", next: 2 });
      expect(await unsure).toEqual({ status: "dup", next: 2 });
      expect(await log.append("a", 1, 0, [text("x")])).toEqual({ status: "dup", next: 2 });
      expect(await readTexts(log, "a")).toEqual(["x", "y"]);
    });

    test("an append of which a first part is there adds only the rest", async () => {
      await log.create(newStream("a"));
      await log.append("a", 1, 0, [text("x"), text("y")]);

      expect(await log.append("a", 1, 1, [text("y"), text("z"), end])).toEqual({ status: "ok", next: 4 });

      expect(await readTexts(log, "a")).toEqual(["x", "y", "z", "stream-end"]);
    });

    test("an append that would leave a gap is told where to go on", async () => {
      await log.create(newStream("a"));
      await log.append("a", 1, 0, [text("x")]);

      expect(await log.append("a", 1, 2, [text("z")])).toEqual({ status: "gap", next: 1 });

      expect(await readTexts(log, "a")).toEqual(["x"]);
    });

    test("nothing follows the terminal entry, but its append may be retried", async () => {
      await log.create(newStream("a"));
      await log.append("a", 1, 0, [text("x"), end]);

      expect(await log.append("a", 1, 2, [text("y")])).toEqual({ status: "closed" });
      expect(await log.append("a", 1, 9, [text("y")])).toEqual({ status: "closed" });
      expect(await log.append("a", 1, 1, [end, end])).toEqual({ status: "closed" });
      expect(await log.append("a", 1, 0, [text("x"), end])).toEqual({ status: "dup", next: 2 });
      expect((await log.info("a"))?.closedAt).toBe(closingTime);
      expect(await readTexts(log, "a")).toEqual(["x", "stream-end"]);
    });

    test("an append with something behind its terminal event is refused as a whole", async () => {
      await log.create(newStream("a"));

      await expect(log.append("a", 1, 0, [end, text("x")])).rejects.toMatchObject({ code: "internal" });

      expect(await readAll(log, "a")).toEqual([]);
    });

    test("an unknown stream takes nothing and gives nothing", async () => {
      const missing = { code: "stream-not-found" };

      await expect(log.append("a", 1, 0, [text("x")])).rejects.toMatchObject(missing);
      await expect(log.read("a", { after: -1, limit: 1 })).rejects.toMatchObject(missing);
      await expect(log.takeOver("a")).rejects.toMatchObject(missing);
      expect(() => log.subscribe("a", -1, () => {})).toThrow(expect.objectContaining(missing));
      expect(await log.info("a")).toBeUndefined();
    });

    test("streams written at the same time do not mix", async () => {
      const ids = Array.from({ length: 20 }, (_, index) => `s${index}`);
      await Promise.all(ids.map((id) => log.create(newStream(id))));

      for (let seq = 0; seq < 50; seq++) {
        await Promise.all(ids.map((id) => log.append(id, 1, seq, [text(`${id}:${seq}`)])));
      }

      for (const id of ids) {
        expect(await readTexts(log, id)).toEqual(Array.from({ length: 50 }, (_, seq) => `${id}:${seq}`));
      }
    });
  });

  describe("taking over", () => {
    test("the new writer goes on at the next seq; older ones are fenced", async () => {
      await log.create(newStream("a"));
      await log.append("a", 1, 0, [text("x")]);

      expect(await log.takeOver("a")).toEqual({ epoch: 2, next: 1 });

      expect(await log.append("a", 1, 1, [text("old")])).toEqual({ status: "fenced", epoch: 2 });
      expect(await log.append("a", 1, 0, [text("x")])).toEqual({ status: "fenced", epoch: 2 });
      expect(await log.append("a", 3, 1, [text("no one")])).toEqual({ status: "fenced", epoch: 2 });
      expect(await log.append("a", 2, 1, [text("new")])).toEqual({ status: "ok", next: 2 });
      expect((await readAll(log, "a")).map(({ epoch }) => epoch)).toEqual([1, 2]);
      expect((await log.info("a"))?.epoch).toBe(2);
    });

    test("what was appended before it, in whatever hurry, is counted", async () => {
      await log.create(newStream("a"));

      const results = await Promise.all([
        log.append("a", 1, 0, [text("x")]),
        log.takeOver("a"),
        log.append("a", 1, 1, [text("old")]),
        log.append("a", 2, 1, [text("new")]),
        log.takeOver("a"),
      ]);

      expect(results).toEqual([
        { status: "ok", next: 1 },
        { epoch: 2, next: 1 },
        { status: "fenced", epoch: 2 },
        { status: "ok", next: 2 },
        { epoch: 3, next: 2 },
      ]);
      expect(await readTexts(log, "a")).toEqual(["x", "new"]);
    });

    test("a closed stream stays closed", async () => {
      await log.create(newStream("a"));
      await log.append("a", 1, 0, [end]);
      await pause();

      expect(await log.takeOver("a")).toEqual({ epoch: 2, next: 1 });
      expect(await log.takeOver("a")).toEqual({ epoch: 3, next: 1 });

      expect(await log.append("a", 3, 1, [text("x")])).toEqual({ status: "closed" });
      expect(await log.append("a", 2, 1, [text("x")])).toEqual({ status: "fenced", epoch: 3 });
      expect(await readTexts(log, "a")).toEqual(["stream-end"]);
    });
  });
}
