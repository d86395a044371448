import { describe, expect, test } from "vitest";

import { foldAnswer } from "../src/core/answer.ts";
import type { StreamEvent, StreamStart } from "../src/core/events.ts";
import { isWhole } from "../src/core/events.ts";
import { MemoryLog } from "../src/log/memory-log.ts";
import { protocols } from "../src/protocols/all.ts";
import { createRendering } from "../src/gateway/rendering.ts";
import { Streams } from "../src/streams/streams.ts";
import { createVirtualClock } from "../src/testing.ts";
import { allFrames, idOf, readFrames } from "./support/gateway.ts";
import { startProcess, temporaryFolder } from "./support/process.ts";
import { served } from "./support/wire.ts";

/** A model that has said everything, its usage too, and whose connection has not been closed yet. */
const config = `
export default {
  models: {
    poet: async function* () {
      for (let index = 0; index < 20; index++) yield "w" + index + " ";
      yield { type: "finish", reason: "stop" };
      yield { type: "usage", usage: { inputTokens: 7, outputTokens: 20 } };
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    },
  },
};`;

describe("a gateway that is killed between the model's last word and the end of the answer", () => {
  test("row 31: has the whole answer after its restart, its usage once, and every cursor", async () => {
    const folder = await temporaryFolder();
    const first = await startProcess(folder, config);
    const response = await fetch(`${first.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        model: "poet",
        stream: true,
        stream_options: { include_usage: true },
        messages: [{ role: "user", content: "go" }],
      }),
    });
    const id = response.headers.get("headrace-stream-id");
    const seen: string[] = [];
    try {
      for await (const frame of readFrames(response)) {
        seen.push(frame);
        if (frame.includes('"finish_reason":"stop"')) void first.kill();
      }
    } catch {
      // The connection broke, which is the point.
    }
    expect(seen.join("")).not.toContain("[DONE]");

    const second = await startProcess(folder, config);
    const whole = await allFrames(await fetch(`${second.url}/v1/streams/${id}`));
    expect(whole.slice(0, seen.length)).toEqual(seen);
    expect(whole.at(-1)).toContain("[DONE]");
    expect(whole.filter((frame) => frame.includes('"error"'))).toEqual([]);
    expect(whole.filter((frame) => frame.includes('"prompt_tokens":7'))).toHaveLength(1);
    const rest = await fetch(`${second.url}/v1/streams/${id}`, {
      headers: { "last-event-id": idOf(seen.at(-1) as string) as string },
    });
    expect([...seen, ...(await allFrames(rest))]).toEqual(whole);
  });
});

const usage: StreamEvent = { type: "usage", usage: { inputTokens: 7, outputTokens: 3 } };

/** What a stream is after its writer has died behind these events. */
async function recovered(events: StreamEvent[], header: Partial<StreamStart> = {}): Promise<MemoryLog> {
  const clock = createVirtualClock();
  const log = new MemoryLog(clock);
  const created = await log.create({ id: "st_1", owner: "", protocol: "events", model: "m", createdAt: 0 });
  const start: StreamStart = {
    type: "stream-start",
    streamId: "st_1",
    format: 1,
    protocol: "events",
    model: "m",
    createdAt: 0,
    includeUsage: true,
    ...header,
  };
  await log.append("st_1", created.status === "created" ? created.epoch : 0, 0, [start, ...events]);
  const limits = {
    openStreams: 1,
    streamsPerKey: 1,
    readers: 1,
    readersPerStream: 1,
    streamBytes: 1,
    streamEntries: 1,
    writeStallMs: 1_000,
    readerQueueBytes: 1_024,
    detachedStreams: 1,
  };
  const createStreamId = (): string => "st_2";
  const streams = new Streams({
    log,
    clock,
    createStreamId,
    observe: () => {},
    heartbeatMs: 1_000,
    lingerMs: 0,
    limits,
  });
  expect(await streams.recover()).toBe(1);
  await streams.close({ drainMs: 0 });
  return log;
}

const begun: StreamEvent[] = [
  { type: "attempt-start", provider: "p", model: "m" },
  { type: "text-delta", text: "All of it" },
];
const finish: StreamEvent = { type: "finish", reason: "stop" };

describe("an answer whose writer died", () => {
  test.each([
    ["after everything", [...begun, finish, usage], {}, "completed"],
    ["before the usage", [...begun, finish], {}, "completed"],
    ["at its limit", [...begun, { type: "finish", reason: "length" }], {}, "length"],
    ["in the middle", begun, {}, "interrupted"],
    ["before the first word", [], {}, "interrupted"],
    ["with the second of two answers still to come", [...begun, finish], { choices: 2 }, "interrupted"],
    [
      "with the second of two answers unfinished",
      [...begun, { type: "text-delta", text: "x", choice: 1 }, finish],
      {},
      "interrupted",
    ],
    ["after both of two answers", [...begun, finish, { ...finish, choice: 1 }], { choices: 2 }, "completed"],
    ["after the provider gave up", [...begun, { type: "finish", reason: "error" }], {}, "interrupted"],
  ] satisfies [string, StreamEvent[], Partial<StreamStart>, string][])(
    "row 31: %s",
    async (_when, events, header, outcome) => {
      const log = await recovered(events, header);
      const entries = await log.read("st_1", { after: -1, limit: 100 });
      expect(entries.filter(({ event }) => event.type === "stream-end")).toHaveLength(1);
      expect(entries.at(-1)).toMatchObject({ epoch: 2, event: { type: "stream-end", outcome } });
      expect((await log.info("st_1"))?.closedAt).toBeDefined();
    },
  );

  test.each(served.map(({ protocol }) => protocol.name))("row 31: reads as what it is in %s", async (name) => {
    const protocol = protocols[name];
    for (const isFinished of [true, false]) {
      const log = await recovered(isFinished ? [...begun, finish, usage] : begun);
      const encoding = { name: "plain", encode: (frame: string | Uint8Array) => Buffer.from(frame as string) };
      const rendering = createRendering(protocol, { streamId: "st_1", includeUsage: true }, encoding);
      const write = rendering.createWriter();
      const reader = protocol.createEventReader({});
      const read: StreamEvent[] = [];
      const entries = await log.read("st_1", { after: -1, limit: 100 });
      for (const entry of entries) for (const bytes of write(entry)) read.push(...reader.push(bytes));
      const tellsByItself = rendering.tellsFailures || isFinished;
      if (tellsByItself) read.push(...reader.end());
      const { outcome } = foldAnswer(read);
      expect(outcome === undefined ? false : isWhole(outcome)).toBe(isFinished);
      expect(entries.filter(({ event }) => event.type === "usage")).toHaveLength(isFinished ? 1 : 0);
    }
  });
});
