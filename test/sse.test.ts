import fc from "fast-check";
import { createParser } from "eventsource-parser";
import { describe, expect, test } from "vitest";
import { HeadraceError } from "../src/core/errors.ts";
import type { SseFrame } from "../src/protocols/sse.ts";
import { createSseReader, frameWithId, sseFrame } from "../src/protocols/sse.ts";

const utf8 = new TextEncoder();

function readAll(body: string | Uint8Array, sizes: number[] = []): SseFrame[] {
  const bytes = typeof body === "string" ? utf8.encode(body) : body;
  const reader = createSseReader();
  const frames: SseFrame[] = [];
  let start = 0;
  for (let turn = 0; start < bytes.length; turn++) {
    const size = sizes[turn % Math.max(sizes.length, 1)] ?? bytes.length;
    frames.push(...reader.push(bytes.subarray(start, start + size)));
    start += size;
  }
  return frames;
}

const message = (data: string) => ({ data, event: undefined, id: undefined });

describe("server-sent events are read by the standard", () => {
  test.each([
    ["one event", "data: x\n\n", [message("x")]],
    ["CRLF, CR and LF alike", "data: 1\r\n\r\ndata: 2\r\rdata: 3\n\n", [message("1"), message("2"), message("3")]],
    ["several data lines are one text", "data: a\ndata\ndata: b\n\n", [message("a\n\nb")]],
    ["only one space is removed", "data:  x \n\n", [message(" x ")]],
    ["no space is needed", "data:x\n\n", [message("x")]],
    ["comments say nothing", ": hi\n\n:\ndata: x\n: inside\n\n", [message("x")]],
    ["one byte order mark at the beginning is no data", "\uFEFFdata: x\n\n", [message("x")]],
    ["a second one is", "\uFEFF\uFEFFdata: x\n\ndata: y\n\n", [message("y")]],
    ["a later one is data", "data: a\n\ndata: \uFEFFb\n\n", [message("a"), message("\uFEFFb")]],
    ["names are told apart by case, unknown ones ignored", "Data: x\nfoo: y\ndata: z\n\n", [message("z")]],
    [
      "event names",
      "event: a\nevent: b\ndata: x\n\nevent: c\n\ndata: y\n\n",
      [{ ...message("x"), event: "b" }, message("y")],
    ],
    ["an empty event name is the default", "event: a\nevent:\ndata: x\n\n", [message("x")]],
    [
      "ids, but none with NUL in it",
      "id: 1\ndata: x\n\nid: 2\0\ndata: y\n\n",
      [{ ...message("x"), id: "1" }, message("y")],
    ],
    ["an empty data line is an event", "data:\n\n", [message("")]],
    ["what no blank line closes was never an event", "data: x\n\ndata: lost\n", [message("x")]],
  ])("%s", (_, body, expected) => {
    expect(readAll(body)).toEqual(expected);
    expect(readAll(body, [1])).toEqual(expected);
    for (let cut = 1; cut < utf8.encode(body).length; cut++) expect(readAll(body, [cut, 1000])).toEqual(expected);
  });

  test("an id without data moves the place to resume from, an unfinished block does not", () => {
    const reader = createSseReader();
    expect(reader.push(utf8.encode("id: 7\n\n"))).toEqual([]);
    reader.push(utf8.encode("id: 8\ndata: never closed\n"));
    expect(reader.lastEventId).toBe("7");
  });

  test("the reconnection time is taken from digits only", () => {
    const reader = createSseReader();
    reader.push(utf8.encode("retry: 1500\nretry: 2s\n\n"));
    expect(reader.retryMs).toBe(1500);
  });

  test("text is the same when characters are cut apart", () => {
    const body = `data: ${"aé€😀".repeat(5)}\n\n`;
    expect(readAll(body, [1])).toEqual([message("aé€😀".repeat(5))]);
    expect(readAll(body, [3, 2])).toEqual([message("aé€😀".repeat(5))]);
  });

  test.each([
    ["a line without end", (size: number) => `data: ${"x".repeat(size)}`],
    ["a line in one piece", (size: number) => `data: ${"x".repeat(size)}\n\n`],
    ["an event of many lines", (size: number) => "data: 1234567890\n".repeat(size / 10)],
  ])("%s over the limit is refused, and is not kept", (_, make) => {
    const reader = createSseReader(1000);
    const push = () => {
      for (const byte of make(2000).match(/[^]{1,997}/g) ?? []) reader.push(utf8.encode(byte));
    };
    expect(push).toThrow(HeadraceError);
  });

  test("agrees with another parser on anything, in any pieces", () => {
    const line = fc.oneof(
      fc.constantFrom(
        "data: a",
        "data:b",
        "data",
        "",
        "event: e",
        "event:",
        "id: 1",
        "id",
        ": c",
        "retry: 5",
        "x: y",
        "data:  é😀",
      ),
      fc.string(),
    );
    const body = fc.array(fc.tuple(line, fc.constantFrom("\n", "\r", "\r\n"))).map((lines) => lines.flat().join(""));
    fc.assert(
      fc.property(body, fc.array(fc.integer({ min: 1, max: 9 })), (text, sizes) => {
        fc.pre(!text.startsWith("ï»¿") && !text.startsWith("\uFEFF"));
        const expected: SseFrame[] = [];
        const parser = createParser({ onEvent: ({ data, event, id }) => expected.push({ data, event, id }) });
        parser.feed(text);
        expect(readAll(text, sizes)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });
});

describe("server-sent events that we write", () => {
  test("no text can forge an event, a field or an end", () => {
    const anyText = fc.oneof(
      fc.string(),
      fc.constantFrom("\n\ndata: [DONE]\n\n", "a\r\rid: 9\r\n", "\nevent: error\n", "\r", "\n\n"),
    );
    fc.assert(
      fc.property(anyText, fc.option(anyText, { nil: undefined }), anyText, (data, event, id) => {
        const frame = frameWithId(sseFrame({ data, ...(event !== undefined && { event }) }), "st_1:1-5");
        const [read, ...more] = readAll(frame + sseFrame({ data: "next", id }));
        expect(read?.data).toBe(data.replace(/\r\n|\r/g, "\n"));
        expect(read?.id).toBe("st_1:1-5");
        expect(more.map((next) => next.data)).toEqual(["next"]);
      }),
    );
  });

  test("an ordinary frame is as plain as the simplest readers want it", () => {
    expect(sseFrame({ data: "x" })).toBe("data: x\n\n");
    expect(sseFrame({ event: "done", data: "a\nb", id: "1" })).toBe("id: 1\nevent: done\ndata: a\ndata: b\n\n");
  });
});
