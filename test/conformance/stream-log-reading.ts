import { beforeEach, describe, expect, test } from "vitest";
import type { StreamEvent } from "../../src/core/events.ts";
import type { StreamLog } from "../../src/log/stream-log.ts";
import type { OpenedLog } from "./stream-log-fixtures.ts";
import { end, newStream, pause, readAll, readTexts, text } from "./stream-log-fixtures.ts";

/** What readers are promised. */
export function describeReading(opened: () => OpenedLog): void {
  let log: StreamLog;

  beforeEach(() => {
    log = opened().log;
  });

  describe("reading", () => {
    test("any position of a long stream can be read, open or closed", async () => {
      await log.create(newStream("a"));
      const expected: string[] = [];
      const check = async (): Promise<void> => {
        expect(await readTexts(log, "a")).toEqual(expected);
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

      expect((await readTexts(log, "a")).slice(0, -1)).toEqual(odd);
    });

    test("an event of 1 MiB comes back whole, and its neighbours too", async () => {
      const big = "0123456789abcdef".repeat(65_536);
      await log.create(newStream("a"));
      await log.append("a", 1, 0, [text("before")]);
      await log.append("a", 1, 1, [text(big)]);
      await log.append("a", 1, 2, [text("after"), end]);
      await pause();

      expect(await readTexts(log, "a")).toEqual(["before", big, "after", "stream-end"]);
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

      expect((await readAll(log, "a"))[0]?.event).toEqual(event);
    });
  });
}
