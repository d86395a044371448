import { describe, expect, test } from "vitest";

import type { StreamEvent } from "../src/core/events.ts";
import { MemoryLog } from "../src/log/memory-log.ts";
import type { LogEntry } from "../src/log/stream-log.ts";
import type { Reader, Rendering, Sink } from "../src/streams/broadcast.ts";
import { Broadcast } from "../src/streams/broadcast.ts";
import { seeded } from "./support/random.ts";

/** Frames of an entry: none, one or several, now and then a large one. */
function framesOf({ seq }: LogEntry): string[] {
  return Array.from({ length: [1, 1, 0, 3, 1, 2][seq % 6] ?? 1 }, (_, index) => {
    return `<${seq}.${index}${"x".repeat(seq % 37 === 0 ? 20_000 : 0)}>`;
  });
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const rendering: Rendering = {
  key: "test",
  tellsFailures: true,
  heartbeat: encode("~"),
  createWriter: () => (entry) => framesOf(entry).map(encode),
};

async function openLog(): Promise<MemoryLog> {
  const log = new MemoryLog({ now: () => 0 });
  await log.create({ id: "st_1", owner: "", protocol: "events", model: "m", createdAt: 0 });
  return log;
}

/** A sink that is full at random, and knows what must never happen to one. */
class RandomSink implements Sink {
  text = "";
  ends: boolean[] = [];
  isFull = false;
  isGone = false;
  readonly wrong: string[] = [];
  readonly #isFullNow: () => boolean;

  constructor(isFullNow: () => boolean) {
    this.#isFullNow = isFullNow;
  }

  write(bytes: Uint8Array): boolean {
    if (this.isFull) this.wrong.push("written to while full");
    if (this.ends.length > 0) this.wrong.push("written to after its end");
    if (this.isGone) this.wrong.push("written to after it left");
    this.text += new TextDecoder().decode(bytes).replaceAll("~", "");
    this.isFull = this.#isFullNow();
    return !this.isFull;
  }

  end(whole: boolean): void {
    this.ends.push(whole);
  }
}

interface Attached {
  sink: RandomSink;
  reader: Reader;
  expected: string;
}

/** One life of a stream with readers that come, block, go on and leave as the seed says. */
async function live(seed: number): Promise<Attached[]> {
  const next = seeded(seed);
  const log = await openLog();
  const total = 40 + next(400);
  const all = Array.from({ length: total }, (_, seq) => framesOf({ seq } as LogEntry));
  const readers: Attached[] = [];
  let broadcast: Broadcast | undefined;
  let seq = 0;

  const attach = (): void => {
    const from = next(3) === 0 ? next(seq + 1) : 0;
    const skipFrames = next(4) === 0 ? Math.min(1, all[from]?.length ?? 0) : 0;
    const often = [4, 30, 1_000_000][next(3)] as number;
    const sink = new RandomSink(() => next(often) === 0);
    broadcast ??= new Broadcast(log, "st_1", rendering, () => (broadcast = undefined));
    const reader = broadcast.attach(sink, { seq: from, skipFrames }, () => {});
    const expected = [(all[from] ?? []).slice(skipFrames), ...all.slice(from + 1)].flat().join("");
    readers.push({ sink, reader, expected });
  };
  const drain = ({ sink, reader }: Attached): void => {
    if (!sink.isFull || sink.isGone) return;
    sink.isFull = false;
    reader.drained();
  };
  const append = async (): Promise<void> => {
    const events: StreamEvent[] = [];
    for (let count = 1 + next(next(5) === 0 ? 60 : 3); count > 0 && seq + events.length < total; count--) {
      const isLast = seq + events.length === total - 1;
      events.push(isLast ? { type: "stream-end", outcome: "completed" } : { type: "text-delta", text: "x" });
    }
    const appended = log.append("st_1", 1, seq, events);
    seq += events.length;
    if (next(2) === 0) await appended;
  };
  while (seq < total) {
    const one = readers[next(readers.length + 1)];
    const action = next(10);
    if (action < 4) await append();
    else if (action === 4 && readers.length < 12) attach();
    else if (action === 5 && one !== undefined && next(4) === 0) {
      one.sink.isGone = true;
      one.reader.leave();
    } else if (action === 6) one?.reader.beat();
    else if (action === 7) one?.reader.probe();
    else if (one !== undefined) drain(one);
    for (let turns = next(4); turns > 0; turns--) await Promise.resolve();
    if (next(8) === 0) await new Promise(setImmediate);
  }
  for (let round = 0; round < 2_000 && readers.some(isOpen); round++) {
    for (const one of readers) drain(one);
    await new Promise(setImmediate);
  }
  return readers;
}

function isOpen({ sink }: Attached): boolean {
  return !sink.isGone && sink.ends.length === 0;
}

function flawsOf({ sink, expected }: Attached): string[] {
  if (sink.isGone) return expected.startsWith(sink.text) ? sink.wrong : [...sink.wrong, "not the beginning"];
  if (sink.text !== expected) return [...sink.wrong, "not the bytes of the log"];
  return sink.ends.length === 1 && sink.ends[0] === true ? sink.wrong : [...sink.wrong, `ended ${sink.ends.join()}`];
}

describe("readers that come, stall, go on and leave at random", () => {
  test("get exactly the bytes of the log from where they began, once, and one end", { timeout: 60_000 }, async () => {
    for (let seed = 1; seed <= 150; seed++) {
      const flaws = (await live(seed)).flatMap(flawsOf);
      expect(flaws, `seed ${seed}`).toEqual([]);
    }
  });
});

test("a form that cannot be written ends its own readers, visibly cut, and nobody else's", async () => {
  const log = await openLog();
  const broken: Rendering = {
    ...rendering,
    createWriter: () => (entry) => {
      if (entry.seq === 2) throw new RangeError("cannot be said");
      return framesOf(entry).map(encode);
    },
  };
  const sinks = [broken, rendering].map((form) => {
    const sink = new RandomSink(() => false);
    new Broadcast(log, "st_1", form, () => {}).attach(sink, { seq: 0, skipFrames: 0 }, () => {});
    return sink;
  });
  for (let seq = 0; seq < 4; seq++) {
    await log.append("st_1", 1, seq, [
      seq === 3 ? { type: "stream-end", outcome: "completed" } : { type: "text-delta", text: "x" },
    ]);
    await new Promise(setImmediate);
  }
  expect(sinks.map(({ ends }) => ends)).toEqual([[false], [true]]);
});
