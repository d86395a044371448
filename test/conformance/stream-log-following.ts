import { beforeEach, describe, expect, test } from "vitest";
import type { LogEntry, StreamLog } from "../../src/log/stream-log.ts";
import type { OpenedLog } from "./stream-log-fixtures.ts";
import { end, newStream, pause, readAll, text } from "./stream-log-fixtures.ts";

const never = new AbortController().signal;

/** What those who follow a growing stream are promised. */
export function describeFollowing(opened: () => OpenedLog): void {
  let log: StreamLog;

  beforeEach(() => {
    log = opened().log;
  });

  describe("waiting", () => {
    test("is over at once when the entry is there, or the stream is not", async () => {
      await log.create(newStream("a"));
      await log.append("a", 1, 0, [text("x")]);

      await expect(log.waitForEntryAfter("a", -1, never)).resolves.toBeUndefined();
      await expect(log.waitForEntryAfter("unknown", -1, never)).resolves.toBeUndefined();
    });

    test("ends with the commit of the entry, not of an earlier one", async () => {
      await log.create(newStream("a"));
      let woken = false;
      const waiting = log.waitForEntryAfter("a", 0, never).then(() => (woken = true));

      await log.append("a", 1, 0, [text("x")]);
      await pause();
      expect(woken).toBe(false);
      await log.append("a", 1, 1, [text("y")]);

      await waiting;
      expect(await log.read("a", { after: 0, limit: 9 })).toHaveLength(1);
    });

    test("ends when the stream is deleted", async () => {
      await log.create(newStream("a"));
      const waiting = log.waitForEntryAfter("a", -1, never);

      await log.delete("a");

      await expect(waiting).resolves.toBeUndefined();
    });

    test("rejects with the signal's reason, before and while waiting, and leaves no listener behind", async () => {
      await log.create(newStream("a"));
      const reason = new Error("gone");
      await expect(log.waitForEntryAfter("a", -1, AbortSignal.abort(reason))).rejects.toBe(reason);
      const { signal, abort, listeners } = countingSignal();

      const waiting = log.waitForEntryAfter("a", -1, signal);
      await pause();
      const during = listeners();
      abort(reason);

      await expect(waiting).rejects.toBe(reason);
      expect([during, listeners()]).toEqual([1, 0]);
    });

    test("leaves no listener behind when it succeeds, for thousands at once", async () => {
      await log.create(newStream("a"));
      const signals = Array.from({ length: 5_000 }, countingSignal);
      const waiting = signals.map(({ signal }) => log.waitForEntryAfter("a", -1, signal));

      await log.append("a", 1, 0, [text("x")]);
      await Promise.all(waiting);

      expect(signals.every(({ listeners }) => listeners() === 0)).toBe(true);
    });
  });

  describe("subscribing", () => {
    test("delivers each entry once, in order, from the given position on", async () => {
      await log.create(newStream("a"));
      await log.append("a", 1, 0, [text("0")]);
      const seen: LogEntry[] = [];
      const off = log.subscribe("a", 0, (entries) => seen.push(...entries));
      expect(off).toBeDefined();

      for (let seq = 1; seq < 20; seq += 2) {
        const first = log.append("a", 1, seq, [text(`${seq}`)]);
        await Promise.all([first, log.append("a", 1, seq + 1, [text(`${seq + 1}`)])]);
      }
      await pause();

      expect(seen).toEqual((await readAll(log, "a")).slice(1));
      off?.();
      await log.append("a", 1, 21, [end]);
      await pause();
      expect(seen).toHaveLength(20);
    });

    test("is not possible while there is something to read", async () => {
      await log.create(newStream("a"));
      await log.append("a", 1, 0, [text("x")]);

      expect(log.subscribe("a", -1, () => {})).toBeUndefined();
    });

    test("never calls back from within an append, and a callback may append", async () => {
      await log.create(newStream("a"));
      let depth = 0;
      const seen: number[] = [];
      const appends: Promise<unknown>[] = [];
      const append = (seq: number): void => {
        depth++;
        appends.push(log.append("a", 1, seq, [text("x")]));
        depth--;
      };
      log.subscribe("a", -1, (entries) => {
        expect(depth).toBe(0);
        for (const { seq } of entries) {
          seen.push(seq);
          if (seq < 5) append(seq + 1);
        }
      });

      append(0);
      while (seen.length < 6) await pause();

      await Promise.all(appends);
      expect(seen).toEqual([0, 1, 2, 3, 4, 5]);
    });

    test("sees nothing before it is committed, and everything when it is", async () => {
      await log.create(newStream("a"));
      const behind: number[] = [];
      const off = log.subscribe("a", -1, (entries) => {
        const last = entries.at(-1)?.seq ?? -1;
        behind.push(log.subscribe("a", last - 1, () => {}) === undefined ? 0 : 1);
      });

      await log.append("a", 1, 0, [text("x")]);
      await log.append("a", 1, 1, [text("x")]);
      await pause();

      off?.();

      expect(behind).toEqual([0, 0]);
    });

    test("ends with an empty delivery when the stream is deleted", async () => {
      await log.create(newStream("a"));
      const deliveries: number[] = [];
      log.subscribe("a", -1, (entries) => deliveries.push(entries.length));

      await log.append("a", 1, 0, [text("x")]);
      await log.delete("a");
      await pause();

      expect(deliveries).toEqual([1, 0]);
    });

    test("ends with an empty delivery when the log is closed", async () => {
      await log.create(newStream("a"));
      const deliveries: number[] = [];
      log.subscribe("a", -1, (entries) => deliveries.push(entries.length));

      await log.close();

      expect(deliveries).toEqual([0]);
      await expect(log.read("a", { after: -1, limit: 1 })).rejects.toMatchObject({ code: "log-unavailable" });
    });
  });
}

/** A signal that knows how many listen to it. */
function countingSignal(): { signal: AbortSignal; abort: (reason: unknown) => void; listeners: () => number } {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  const add = signal.addEventListener.bind(signal) as (...all: unknown[]) => void;
  const remove = signal.removeEventListener.bind(signal) as (...all: unknown[]) => void;
  const counted = new Set<unknown>();
  signal.addEventListener = (...all: unknown[]) => {
    count++;
    counted.add(all[1]);
    add(...all);
  };
  signal.removeEventListener = (...all: unknown[]) => {
    if (counted.delete(all[1])) count--;
    remove(...all);
  };
  const abort = (reason: unknown): void => {
    // Listeners that fire once are gone when they have fired.
    controller.abort(reason);
    count -= counted.size;
    counted.clear();
  };
  return { signal, abort, listeners: () => count };
}
