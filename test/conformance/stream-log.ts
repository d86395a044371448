import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { StreamEvent } from "../../src/core/events.ts";
import type { LogEntry, NewStream, StreamLog } from "../../src/log/stream-log.ts";
import { runAgainstModel } from "./stream-log-model.ts";

export interface OpenedLog {
  log: StreamLog;
  /** Closes the log and opens what it stored again; left out by logs that store nothing. */
  reopen?: () => Promise<StreamLog>;
  dispose(): Promise<void>;
}

/** What the clock of the logs under test says. */
export const closingTime = 5_000;

export function text(content: string): StreamEvent {
  return { type: "text-delta", text: content };
}

export const end: StreamEvent = { type: "stream-end", outcome: "completed" };

export function newStream(id: string, more: Partial<NewStream> = {}): NewStream {
  return { id, owner: "ann", protocol: "openai-chat", model: "sim/gpt-4o", createdAt: 1_000, ...more };
}

const never = new AbortController().signal;

/** The promises of every `StreamLog`. `open` gives an empty one whose clock says `closingTime`. */
export function describeStreamLog(name: string, open: () => Promise<OpenedLog>): void {
  describe(name, () => {
    let opened: OpenedLog;
    let log: StreamLog;

    beforeEach(async () => {
      opened = await open();
      log = opened.log;
    });
    afterEach(() => opened.dispose());

    const all = (id: string, from = log): Promise<LogEntry[]> => from.read(id, { after: -1, limit: 100_000 });
    const texts = async (id: string, from = log): Promise<string[]> =>
      (await all(id, from)).map(({ event }) => (event.type === "text-delta" ? event.text : event.type));

    describe("appending", () => {
      test("a new stream is empty and has epoch 1", async () => {
        expect(await log.create(newStream("a"))).toEqual({ status: "created", epoch: 1 });

        expect(await all("a")).toEqual([]);
        expect(await log.info("a")).toEqual({ ...newStream("a"), epoch: 1, entries: 0 });
      });

      test("entries get the seqs 0, 1, 2, ... and come back in order", async () => {
        await log.create(newStream("a"));

        expect(await log.append("a", 1, 0, [text("x")])).toEqual({ status: "ok", next: 1 });
        expect(await log.append("a", 1, 1, [text("y"), text("z")])).toEqual({ status: "ok", next: 3 });

        expect(await all("a")).toEqual([
          { epoch: 1, seq: 0, event: text("x") },
          { epoch: 1, seq: 1, event: text("y") },
          { epoch: 1, seq: 2, event: text("z") },
        ]);
      });

      test("appends that do not wait for each other keep their order", async () => {
        await log.create(newStream("a"));

        const results = await Promise.all([0, 1, 2].map((seq) => log.append("a", 1, seq, [text(`${seq}`)])));

        expect(results).toEqual([1, 2, 3].map((next) => ({ status: "ok", next })));
        expect(await texts("a")).toEqual(["0", "1", "2"]);
      });

      test("the retry of an append whose outcome was unknown changes nothing", async () => {
        await log.create(newStream("a"));
        const first = log.append("a", 1, 0, [text("x"), text("y")]);
        const unsure = log.append("a", 1, 0, [text("x"), text("y")]);

        expect(await first).toEqual({ status: "ok", next: 2 });
        expect(await unsure).toEqual({ status: "dup", next: 2 });
        expect(await log.append("a", 1, 0, [text("x")])).toEqual({ status: "dup", next: 2 });
        expect(await texts("a")).toEqual(["x", "y"]);
      });

      test("an append of which a first part is there adds only the rest", async () => {
        await log.create(newStream("a"));
        await log.append("a", 1, 0, [text("x"), text("y")]);

        expect(await log.append("a", 1, 1, [text("y"), text("z"), end])).toEqual({ status: "ok", next: 4 });

        expect(await texts("a")).toEqual(["x", "y", "z", "stream-end"]);
      });

      test("an append that would leave a gap is told where to go on", async () => {
        await log.create(newStream("a"));
        await log.append("a", 1, 0, [text("x")]);

        expect(await log.append("a", 1, 2, [text("z")])).toEqual({ status: "gap", next: 1 });

        expect(await texts("a")).toEqual(["x"]);
      });

      test("nothing follows the terminal entry, but its append may be retried", async () => {
        await log.create(newStream("a"));
        await log.append("a", 1, 0, [text("x"), end]);

        expect(await log.append("a", 1, 2, [text("y")])).toEqual({ status: "closed" });
        expect(await log.append("a", 1, 9, [text("y")])).toEqual({ status: "closed" });
        expect(await log.append("a", 1, 1, [end, end])).toEqual({ status: "closed" });
        expect(await log.append("a", 1, 0, [text("x"), end])).toEqual({ status: "dup", next: 2 });
        expect((await log.info("a"))?.closedAt).toBe(closingTime);
        expect(await texts("a")).toEqual(["x", "stream-end"]);
      });

      test("an append with something behind its terminal event is refused as a whole", async () => {
        await log.create(newStream("a"));

        await expect(log.append("a", 1, 0, [end, text("x")])).rejects.toMatchObject({ code: "internal" });

        expect(await all("a")).toEqual([]);
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
          expect(await texts(id)).toEqual(Array.from({ length: 50 }, (_, seq) => `${id}:${seq}`));
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
        expect((await all("a")).map(({ epoch }) => epoch)).toEqual([1, 2]);
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
        expect(await texts("a")).toEqual(["x", "new"]);
      });

      test("a closed stream stays closed", async () => {
        await log.create(newStream("a"));
        await log.append("a", 1, 0, [end]);
        await pause();

        expect(await log.takeOver("a")).toEqual({ epoch: 2, next: 1 });
        expect(await log.takeOver("a")).toEqual({ epoch: 3, next: 1 });

        expect(await log.append("a", 3, 1, [text("x")])).toEqual({ status: "closed" });
        expect(await log.append("a", 2, 1, [text("x")])).toEqual({ status: "fenced", epoch: 3 });
        expect(await texts("a")).toEqual(["stream-end"]);
      });
    });

    describe("reading", () => {
      test("any position of a long stream can be read, open or closed", async () => {
        await log.create(newStream("a"));
        const expected: string[] = [];
        const check = async (): Promise<void> => {
          expect(await texts("a")).toEqual(expected);
          for (const after of [-1, 0, 777, 1_498, 1_499, 2_998, 5_000]) {
            const entries = await log.read("a", { after, limit: 7 });
            expect(entries.map(({ seq }) => seq)).toEqual(expected.map((_, seq) => seq).slice(after + 1, after + 8));
          }
        };
        for (let seq = 0; seq < 3_000; seq++) {
          expected.push(`token ${seq} ${"x".repeat(seq % 97)}`);
          const appended = log.append("a", 1, seq, [text(expected[seq] as string)]);
          if (seq % 100 === 0) await appended;
          if (seq === 1_500) {
            await appended;
            await check();
          }
        }
        await log.append("a", 1, 3_000, [end]);
        expected.push("stream-end");

        await check();
        await pause();
        await check();
      });

      test("unusual text comes back as it was", async () => {
        const odd = [
          "\0",
          "a\0b",
          "\ud83d\ude00",
          "\ud83d",
          "\udc00x",
          "\u2028\u2029\r\n\t",
          "é漢字",
          '"\\',
          "",
          " 1 2 3 ",
        ];
        await log.create(newStream("a"));
        await log.append("a", 1, 0, [...odd.map(text), end]);
        await pause();

        expect((await texts("a")).slice(0, -1)).toEqual(odd);
      });

      test("an event of 1 MiB comes back whole, and its neighbours too", async () => {
        const big = "0123456789abcdef".repeat(65_536);
        await log.create(newStream("a"));
        await log.append("a", 1, 0, [text("before")]);
        await log.append("a", 1, 1, [text(big)]);
        await log.append("a", 1, 2, [text("after"), end]);
        await pause();

        expect(await texts("a")).toEqual(["before", big, "after", "stream-end"]);
      });

      test("whatever an event carries beyond its text is kept", async () => {
        const event: StreamEvent = {
          type: "text-delta",
          text: "x",
          choice: 2,
          more: true,
          logprobs: [{ token: "x", logprob: -0.5 }],
          extra: { system_fingerprint: "fp", nested: { list: [1, null, { deep: true }] } },
        };
        await log.create(newStream("a"));
        await log.append("a", 1, 0, [event, end]);
        await pause();

        expect((await all("a"))[0]?.event).toEqual(event);
      });
    });

    describe("waiting", () => {
      test("is over at once when the entry is there, or the stream is not", async () => {
        await log.create(newStream("a"));
        await log.append("a", 1, 0, [text("x")]);

        await log.waitForEntryAfter("a", -1, never);
        await log.waitForEntryAfter("unknown", -1, never);
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

        await waiting;
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

        expect(seen).toEqual((await all("a")).slice(1));
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

      test("open streams of every owner can be found", async () => {
        await log.create(newStream("a"));
        await log.create(newStream("b", { owner: "bob" }));
        await log.create(newStream("c"));
        await log.append("a", 1, 0, [text("x")]);
        await log.append("c", 1, 0, [end]);

        const open = await log.listOpen();

        expect(open.map(({ id, entries }) => [id, entries]).sort()).toEqual([
          ["a", 1],
          ["b", 0],
        ]);
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
        expect(await all("b")).toEqual([]);
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

    test("thousands of random operations have the results that a simple model predicts", async () => {
      await fc.assert(
        fc.asyncProperty(fc.nat(), async (seed) => {
          const fresh = await open();
          try {
            await runAgainstModel(fresh, 1_000, randomNumbers(seed));
          } finally {
            await fresh.dispose();
          }
        }),
        { numRuns: 10, endOnFailure: true },
      );
    });

    test("what was stored is there after the log was opened again", async ({ skip }) => {
      if (opened.reopen === undefined) return skip("this log stores nothing");
      await log.create(newStream("open", { idempotency: { key: "key", requestHash: "hash" } }));
      await log.create(newStream("closed"));
      await log.create(newStream("deleted"));
      await log.append("open", 1, 0, [text("x\ud83d")]);
      await log.append("closed", 1, 0, [text("y"), end]);
      await log.append("deleted", 1, 0, [text("z")]);
      await log.takeOver("open");
      await log.append("open", 2, 1, [text("y")]);
      await log.delete("deleted");
      const before = [await all("open"), await all("closed"), await log.list({ owner: "ann", limit: 9 })];

      log = await opened.reopen();

      expect([await all("open"), await all("closed"), await log.list({ owner: "ann", limit: 9 })]).toEqual(before);
      expect((await log.listOpen()).map(({ id }) => id)).toEqual(["open"]);
      expect(await log.append("open", 1, 2, [text("x")])).toEqual({ status: "fenced", epoch: 2 });
      expect(await log.append("open", 2, 2, [text("z")])).toEqual({ status: "ok", next: 3 });
      expect(await log.create(newStream("b", { idempotency: { key: "key", requestHash: "other" } }))).toEqual({
        status: "exists",
        streamId: "open",
        requestHash: "hash",
      });
    });
  });
}

/** Lets everything happen that a log does by itself in the next turns of the event loop. */
async function pause(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve));
  }
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

/** The same whole numbers below a limit for the same seed (the mulberry32 generator). */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
