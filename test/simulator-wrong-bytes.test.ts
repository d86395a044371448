import { gunzipSync } from "node:zlib";

import { describe, expect, test } from "vitest";

import { callOnce, deltasIn, sixtyWords, spokenIn, wordsIn } from "./support/faults.ts";

const whole = await callOnce(sixtyWords());
const text = spokenIn(whole.text);
const words = text.split(" ");

describe("a wrong answer", () => {
  test("stopped by a filter", async () => {
    const outcome = await callOnce(sixtyWords("content-filter@20"));
    expect(wordsIn(outcome.text)).toBe(20);
    expect(outcome.text).toContain('"finish_reason":"content_filter"');
    expect(outcome.text).toContain('"completion_tokens":20');
    expect(outcome.text).toMatch(/\[DONE\]\n\n$/);
  });

  test("without an end marker: the body ends, or stays open", async () => {
    const outcome = await callOnce(sixtyWords("missing-end-marker"));
    expect(outcome.text).toBe(whole.text.replace("data: [DONE]\n\n", ""));
    expect(outcome.ended).toBe(true);
    expect((await callOnce(sixtyWords("missing-end-marker:open"))).ended).toBe(false);
  });

  test("without a finish reason, without usage, with usage too late", async () => {
    expect((await callOnce(sixtyWords("missing-finish-reason"))).text).toBe(
      whole.text.replace('"finish_reason":"stop"', '"finish_reason":null'),
    );
    expect((await callOnce(sixtyWords("missing-usage"))).text).not.toContain("completion_tokens");
    expect((await callOnce(sixtyWords("late-usage"))).text).toMatch(
      /data: \[DONE\]\n\ndata: .*completion_tokens.*\n\n$/,
    );
  });
});

describe("wrong events", () => {
  test("one cut in its middle takes its word along; an extra one takes nothing", async () => {
    const outcome = await callOnce(sixtyWords("malformed@20"));
    expect(spokenIn(outcome.text)).toBe([...words.slice(0, 20), ...words.slice(21)].join(" "));
    const extra = await callOnce(sixtyWords("malformed@20:extra"));
    expect(spokenIn(extra.text)).toBe(text);
    for (const { text: body } of [outcome, extra]) {
      const broken = body.split("\n\n").filter((frame) => frame.startsWith("data: {") && !isJson(frame.slice(6)));
      expect(broken).toHaveLength(1);
    }
  });

  test("one that comes twice, and two in the wrong order", async () => {
    const twice = deltasIn((await callOnce(sixtyWords("duplicate@20"))).text);
    expect([twice.length, twice[19]]).toEqual([61, twice[20]]);
    const swapped = deltasIn((await callOnce(sixtyWords("reorder@20"))).text);
    const right = deltasIn(whole.text);
    expect(swapped).toEqual([...right.slice(0, 20), right[21], right[20], ...right.slice(22)]);
  });

  test("a giant one", async () => {
    const outcome = await callOnce(sixtyWords("giant@20:2mb"));
    expect(Math.max(...outcome.text.split("\n").map((line) => line.length))).toBeGreaterThan(2 * 1024 ** 2);
    expect(spokenIn(outcome.text).replace(/x{1000,}/, "")).toBe(text);
  });
});

describe("unusual bytes of the same answer", () => {
  test("in reads of any size, and cut within every character", async () => {
    const split = await callOnce(sixtyWords("split:7"));
    expect(split.reads.every(({ bytes }) => bytes.length <= 7)).toBe(true);
    expect(split.text).toBe(whole.text);
    const single = await callOnce(sixtyWords("split"));
    expect(single.reads).toHaveLength(Buffer.byteLength(whole.text));
    const utf8 = await callOnce(sixtyWords("utf8-split"));
    expect(utf8.text).toBe(whole.text);
    const continuations = [...Buffer.from(whole.text)].filter((byte) => (byte & 0xc0) === 0x80).length;
    expect(continuations).toBeGreaterThan(10);
    expect(utf8.reads.filter(({ bytes }) => ((bytes[0] ?? 0) & 0xc0) === 0x80)).toHaveLength(continuations);
  });

  test.each(["escapes", "multi-line", "line-ends:crlf", "line-ends:cr", "line-ends:mixed"])(
    "written otherwise: %s",
    async (fault) => {
      const outcome = await callOnce(sixtyWords(fault));
      expect(outcome.text).not.toBe(whole.text);
      expect(sseTexts(outcome.text)).toEqual(sseTexts(whole.text));
    },
  );

  test("escapes and line ends are what they say", async () => {
    expect((await callOnce(sixtyWords("escapes"))).text).toMatch(/^[\x20-\x7e\n]*\\u6771\\u4eac[\x20-\x7e\n]*$/);
    expect((await callOnce(sixtyWords("line-ends:cr"))).text).not.toContain("\n");
    expect((await callOnce(sixtyWords("line-ends:crlf"))).text.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
    expect((await callOnce(sixtyWords("line-ends:mixed"))).text).toMatch(/[^\r]\n[^]*\r\n[^]*\r[^\n]/);
  });

  test("with a byte order mark, and without the last blank line", async () => {
    expect((await callOnce(sixtyWords("bom"))).text).toBe(`\ufeff${whole.text}`);
    expect((await callOnce(sixtyWords("no-final-blank-line"))).text).toBe(whole.text.slice(0, -1));
  });

  test("compressed once or more often, or into a bomb", async () => {
    const bytesOf = ({ reads }: typeof whole) => Buffer.concat(reads.map(({ bytes }) => bytes));
    const once = await callOnce(sixtyWords("gzip"));
    expect(once.response?.headers.get("content-encoding")).toBe("gzip");
    expect(gunzipSync(bytesOf(once)).toString()).toBe(whole.text);
    const thrice = await callOnce(sixtyWords("gzip:3"));
    expect(thrice.response?.headers.get("content-encoding")).toBe("gzip, gzip, gzip");
    expect(gunzipSync(gunzipSync(gunzipSync(bytesOf(thrice)))).toString()).toBe(whole.text);
    const bomb = bytesOf(await callOnce(sixtyWords("bomb:4mb")));
    expect(bomb.length).toBeLessThan(20_000);
    expect(gunzipSync(bomb).length).toBe(4 * 1024 ** 2);
  });

  test("under a wrong type or length", async () => {
    const typed = await callOnce(sixtyWords("content-type:application/octet-stream"));
    expect([typed.response?.headers.get("content-type"), typed.text]).toEqual(["application/octet-stream", whole.text]);
    const short = await callOnce(sixtyWords("content-length:100"));
    expect([short.response?.headers.get("content-length"), short.text, short.ended]).toEqual([
      "100",
      whole.text.slice(0, 100),
      true,
    ]);
    const long = await callOnce(sixtyWords("content-length:99999"));
    expect([long.text, long.error?.message]).toEqual([whole.text, "terminated"]);
  });
});

function isJson(value: string): boolean {
  try {
    return JSON.parse(value) !== undefined;
  } catch {
    return false;
  }
}

/** The data of each event, as the standard has it. */
function sseTexts(body: string): unknown[] {
  return body
    .split(/(?:\r\n|\n|\r)(?:\r\n|\n|\r)/)
    .map((block) =>
      block
        .split(/\r\n|\n|\r/)
        .map((line) => line.replace(/^data: /, ""))
        .join("\n"),
    )
    .filter((data) => data !== "")
    .map((data) => (isJson(data) ? JSON.parse(data) : data));
}
