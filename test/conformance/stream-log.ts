import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { OpenedLog } from "./stream-log-fixtures.ts";
import { end, newStream, readAll, text } from "./stream-log-fixtures.ts";
import { describeFollowing } from "./stream-log-following.ts";
import { runAgainstModel } from "./stream-log-model.ts";
import { describeReading } from "./stream-log-reading.ts";
import { describeStreams } from "./stream-log-streams.ts";
import { describeWriting } from "./stream-log-writing.ts";

/** The promises of every `StreamLog`. `openEmpty` gives an empty one whose clock says `closingTime`. */
export function describeStreamLog(name: string, openEmpty: () => Promise<OpenedLog>): void {
  describe(name, () => {
    let opened: OpenedLog;

    beforeEach(async () => {
      opened = await openEmpty();
    });
    afterEach(() => opened.dispose());

    describeWriting(() => opened);
    describeReading(() => opened);
    describeFollowing(() => opened);
    describeStreams(() => opened);

    // A log with a disk waits for it, and for a thread of its own, each time it is opened and closed.
    test(
      "thousands of random operations have the results that a simple model predicts",
      { timeout: 60_000 },
      async () => {
        await fc.assert(
          fc.asyncProperty(fc.nat(), async (seed) => {
            const fresh = await openEmpty();
            try {
              await runAgainstModel(fresh, 1_000, randomNumbers(seed));
            } finally {
              await fresh.dispose();
            }
          }),
          { numRuns: 10, endOnFailure: true },
        );
      },
    );

    test("what was stored is there after the log was opened again", async ({ skip }) => {
      if (opened.reopen === undefined) return skip("this log stores nothing");
      let { log } = opened;
      await log.create(newStream("open", { idempotency: { key: "key", requestHash: "hash" } }));
      await log.create(newStream("closed", { chat: "trip" }));
      await log.create(newStream("deleted"));
      await log.append("open", 1, 0, [text("x\ud83d")]);
      await log.append("closed", 1, 0, [text("y"), end]);
      await log.append("deleted", 1, 0, [text("z")]);
      await log.takeOver("open");
      await log.append("open", 2, 1, [text("y")]);
      await log.delete("deleted");
      const before = [
        await readAll(log, "open"),
        await readAll(log, "closed"),
        await log.list({ owner: "ann", limit: 9 }),
      ];

      log = await opened.reopen();

      expect([
        await readAll(log, "open"),
        await readAll(log, "closed"),
        await log.list({ owner: "ann", limit: 9 }),
      ]).toEqual(before);
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
