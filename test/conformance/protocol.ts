import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isWhole } from "../../src/core/events.ts";
import type { StreamEvent } from "../../src/core/events.ts";
import type { Protocol } from "../../src/protocols/protocol.ts";

/** A body as a provider sent it. */
export interface Fixture {
  name: string;
  bytes: Uint8Array;
  /** Its frames as text, where the bytes are none. */
  text?: string;
}

/** The fixtures of a folder: `.sse` and `.ndjson` are bodies as they are, `.jsonl` hold the frames of a binary protocol, one a line. */
export function readFixtures(folder: string, { encodeFrame }: Pick<Protocol, "encodeFrame"> = {}): Fixture[] {
  const path = join(import.meta.dirname, "../fixtures", folder);
  return readdirSync(path)
    .filter((file) => /\.(sse|ndjson|jsonl)$/.test(file))
    .map((file) => {
      const name = file.replace(/\.\w+$/, "");
      const bytes = new Uint8Array(readFileSync(join(path, file)));
      if (!file.endsWith(".jsonl")) return { name, bytes };
      const text = new TextDecoder().decode(bytes);
      return { name, bytes: encodeLines(text, encodeFrame), text };
    });
}

/** The bytes of frames that are given one a line. */
export function encodeLines(text: string, encodeFrame: Protocol["encodeFrame"]): Uint8Array {
  if (encodeFrame === undefined) throw new Error("only protocols with binary frames have their fixtures in lines");
  const lines = text.split("\n").filter((line) => line !== "");
  return new Uint8Array(Buffer.concat(lines.map((line) => encodeFrame(line))));
}

/** What every protocol promises about whole answers. */
export function describeProtocol(protocol: Protocol, fixtures: readonly Fixture[]): void {
  describe(`${protocol.name}: a whole answer`, () => {
    test.each(fixtures)("$name comes out as it went in", ({ bytes, text }) => {
      expect(dataOf(writeBody(protocol, readBody(protocol, [bytes])))).toEqual(
        dataOf(text ?? new TextDecoder().decode(bytes)),
      );
    });

    test.each(fixtures)("$name keeps the names of its events", ({ bytes, text }) => {
      const sent = text ?? new TextDecoder().decode(bytes);
      expect(namesOf(writeBody(protocol, readBody(protocol, [bytes])))).toEqual(namesOf(sent));
    });

    test.each(fixtures)("$name survives being stored as JSON", ({ bytes, text }) => {
      const stored = JSON.parse(JSON.stringify(readBody(protocol, [bytes]))) as StreamEvent[];
      expect(dataOf(writeBody(protocol, stored))).toEqual(dataOf(text ?? new TextDecoder().decode(bytes)));
    });

    test.each(fixtures)("$name reads the same however its bytes are cut", ({ bytes }) => {
      const expected = JSON.stringify(readBody(protocol, [bytes]));
      expect(
        JSON.stringify(
          readBody(
            protocol,
            slices(bytes, () => 1),
          ),
        ),
      ).toBe(expected);
      for (let seed = 1; seed <= 20; seed++) {
        const random = randomSizes(seed);
        expect(JSON.stringify(readBody(protocol, slices(bytes, random)))).toBe(expected);
      }
      const wrongCuts: number[] = [];
      for (let cut = 0; cut <= bytes.length; cut++) {
        const events = readBody(protocol, [bytes.subarray(0, cut), bytes.subarray(cut)]);
        if (JSON.stringify(events) !== expected) wrongCuts.push(cut);
      }
      expect(wrongCuts).toEqual([]);
    });

    test.each(fixtures)("$name, broken off at any byte, is a beginning of itself and never complete", ({ bytes }) => {
      const whole = readBody(protocol, [bytes]);
      const steps = whole.slice(0, -1).map((event) => JSON.stringify(event));
      const reasons = countReasons(whole);
      const wrongLengths: number[] = [];
      for (let length = 0; length < bytes.length; length++) {
        const events = readBody(protocol, [bytes.subarray(0, length)]);
        const end = events.pop();
        const isBeginning = events.every((event, index) => JSON.stringify(event) === steps[index]);
        const isRightEnd =
          end?.type === "stream-end" &&
          (isWhole(end.outcome) ? countReasons(events) === reasons : end.error?.code === "stream-truncated");
        if (!isBeginning || !isRightEnd) wrongLengths.push(length);
      }
      expect(wrongLengths).toEqual([]);
    });
  });
}

function countReasons(events: readonly StreamEvent[]): number {
  return events.filter(({ type }) => type === "finish").length;
}

/** All events of a body that arrives in these pieces. */
export function readBody(protocol: Protocol, pieces: Iterable<Uint8Array>): StreamEvent[] {
  const reader = protocol.createEventReader({});
  const events: StreamEvent[] = [];
  for (const piece of pieces) events.push(...reader.push(piece));
  events.push(...reader.end());
  return events;
}

export function writeBody(protocol: Protocol, events: Iterable<StreamEvent>, includeUsage = true): string {
  const writer = protocol.createEventWriter({ streamId: "st_test", includeUsage });
  // Binary frames tell their own length; as text they stand in lines.
  const end = protocol.framing === "binary" ? "\n" : "";
  let body = "";
  for (const event of events) for (const frame of writer.write(event)) body += frame + end;
  return body;
}

/** The JSON of each event of a body, or of each of its lines; comments and blank lines say nothing. */
export function dataOf(body: string): unknown[] {
  return body
    .split("\n")
    .filter((line) => line.startsWith("data: ") || line.startsWith("{"))
    .map((line) => line.replace(/^data: /, ""))
    .map((json) => (json === "[DONE]" ? json : JSON.parse(json, withoutPrototype)));
}

/** The name of each event of a body that has data; undefined for the default one. */
function namesOf(body: string): (string | undefined)[] {
  const blocks = body.split(/(?:\r\n|\n){2}/).filter((block) => /^data:/m.test(block));
  return blocks.map((block) => /^event: ?(.*)$/m.exec(block)?.[1]);
}

/** A member of this name says nothing to anyone, and is dangerous to copy. */
function withoutPrototype(key: string, value: unknown): unknown {
  return key === "__proto__" ? undefined : value;
}

function* slices(bytes: Uint8Array, size: () => number): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length;) {
    const end = Math.min(bytes.length, start + size());
    yield bytes.subarray(start, end);
    start = end;
  }
}

/** Sizes from 1 to 96, the same for the same seed. */
function randomSizes(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return 1 + ((state >> 8) % 96);
  };
}
