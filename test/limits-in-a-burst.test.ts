import { describe, expect, test } from "vitest";

import { configSchema } from "../src/config.ts";
import { HeadraceError } from "../src/core/errors.ts";
import { promptRequest } from "../src/core/request.ts";
import type { ConfigInput } from "../src/index.ts";
import { MemoryLog } from "../src/log/memory-log.ts";
import type { CreateResult, NewStream } from "../src/log/stream-log.ts";
import { Streams } from "../src/streams/streams.ts";
import { createVirtualClock } from "../src/testing.ts";
import { eventually, scriptedModel, startGateway } from "./support/gateway.ts";

const keys = ["ann", "bob"].map((name) => ({ name, key: `${name}-key-0123456789` }));

interface Asked {
  name?: string;
  headers?: Record<string, string>;
  body?: object;
}

async function startHeld(config: ConfigInput) {
  const script = scriptedModel(["one ", "two "]);
  const release = script.hold(0);
  const { url, headrace } = await startGateway({ models: { poet: script.model }, ...config }, { report: () => {} });
  const ask = ({ name = "ann", headers = {}, body = {} }: Asked = {}) =>
    fetch(`${url}/v1/streams`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${name}-key-0123456789`, ...headers },
      body: JSON.stringify({ model: "poet", prompt: "go", headrace: { onDisconnect: "continue" }, ...body }),
    });
  return { script, release, headrace, ask };
}

/** As many as fit are under way, and all others were refused with this status. */
async function burst(asks: Promise<Response>[], release: () => void, open: () => number, limit: number) {
  let refused = 0;
  const statuses = asks.map(async (asked) => {
    const { status, body } = await asked;
    if (status !== 200) refused++;
    await body?.cancel();
    return status;
  });
  await eventually(() => refused === asks.length - limit, "the refusals");
  expect(open()).toBe(limit);
  release();
  return (await Promise.all(statuses)).filter((status) => status !== 200);
}

describe("a burst of requests gets past no limit", () => {
  test("on the answers of one key, also when all come at once", async () => {
    const { script, release, headrace, ask } = await startHeld({ access: { keys }, limits: { streamsPerKey: 5 } });
    const asks = Array.from({ length: 40 }, () => ask());
    const refusals = await burst(asks, release, () => headrace.streams.openCount, 5);
    expect(new Set(refusals)).toEqual(new Set([429]));
    expect(script.started).toBe(5);
    expect((await ask({ name: "bob" })).status).toBe(200);
  });

  test("on the answers of the whole gateway", async () => {
    const { script, release, headrace, ask } = await startHeld({
      access: { keys },
      limits: { openStreams: 5, streamsPerKey: 5 },
    });
    const asks = Array.from({ length: 40 }, (_, index) => ask({ name: index % 2 === 0 ? "ann" : "bob" }));
    const refusals = await burst(asks, release, () => headrace.streams.openCount, 5);
    expect(new Set(refusals)).toEqual(new Set([503]));
    expect(script.started).toBe(5);
  });

  test("and whatever does not become an answer leaves its place to others", async () => {
    const { release, headrace, ask } = await startHeld({ access: { keys }, limits: { streamsPerKey: 2 } });
    release();
    const once = { headers: { "idempotency-key": "once" } };
    await (await ask(once)).text();
    for (let round = 0; round < 5; round++) {
      // The same again, another request under the same key, and one that nobody can answer.
      expect((await ask(once)).status).toBe(200);
      expect((await ask({ ...once, body: { prompt: "other" } })).status).toBe(409);
      expect((await ask({ body: { model: "nobody/x" } })).status).toBe(404);
    }
    await eventually(() => headrace.streams.openCount === 0, "the end");
    const both = await Promise.all([ask(), ask()]);
    expect(both.map(({ status }) => status)).toEqual([200, 200]);
    await Promise.all(both.map((response) => response.text()));
  });

  test("on the answers that are asked for in one and the same moment", async () => {
    const { start } = openStreams();
    const started = await Promise.allSettled([start(), start(), start(), start()]);
    expect(started.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "rejected"]);
  });

  test("and a log that takes nothing new takes no places away", async () => {
    const { start, log } = openStreams();
    log.isFull = true;
    for (let round = 0; round < 5; round++) await expect(start()).rejects.toMatchObject({ code: "storage-full" });
    log.isFull = false;
    expect((await Promise.allSettled([start(), start()])).map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
    ]);
  });
});

describe("readers beyond a limit", () => {
  const limits = { readersPerStream: 2, readers: 3 };

  test("are refused with a whole answer that says so, and the others read on", async () => {
    const script = scriptedModel(["one ", "two "]);
    const release = script.hold(1);
    const { url, headrace } = await startGateway({ models: { poet: script.model }, limits }, { report: () => {} });
    const started = await fetch(`${url}/v1/streams`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "poet", prompt: "go" }),
    });
    const path = `${url}/v1/streams/${started.headers.get("headrace-stream-id")}`;
    const all = await Promise.all(Array.from({ length: 10 }, () => fetch(path)));
    const [second, ...others] = all.toSorted((one, other) => one.status - other.status);
    expect(second?.status).toBe(200);
    for (const refused of others) {
      expect([refused.status, await refused.text()]).toEqual([503, expect.stringContaining("too many readers")]);
    }
    expect(headrace.streams.readerCount).toBe(2);
    release();
    expect(await second?.text()).toBe(await started.text());
    expect((await fetch(path)).status).toBe(200);
    await eventually(() => headrace.streams.readerCount === 0, "the end");
  });
});

test("one key cannot take all live views", async () => {
  const { url } = await startGateway({ access: { keys } }, { report: () => {} });
  const open = (name: string) =>
    fetch(`${url}/admin/live`, { headers: { authorization: `Bearer ${name}-key-0123456789` } });
  const opened = await Promise.all(Array.from({ length: 20 }, () => open("ann")));
  expect(opened.filter(({ status }) => status === 200)).toHaveLength(16);
  expect(opened.filter(({ status }) => status === 429)).toHaveLength(4);
  const other = await open("bob");
  expect(other.status).toBe(200);
  for (const { body } of [...opened, other]) await body?.cancel();
  // What was closed can be opened again.
  await eventually(async () => {
    const again = await open("ann");
    await again.body?.cancel();
    return again.status === 200;
  }, "room for another view");
});

class FillingLog extends MemoryLog {
  isFull = false;

  override async create(stream: NewStream): Promise<CreateResult> {
    if (this.isFull) throw new HeadraceError("storage-full", "there is no room");
    return super.create(stream);
  }
}

/** Room for two answers. */
function openStreams() {
  const clock = createVirtualClock();
  const log = new FillingLog(clock);
  let count = 0;
  const streams = new Streams({
    log,
    clock,
    createStreamId: () => `st_${count++}`,
    observe: () => {},
    heartbeatMs: 15_000,
    lingerMs: 0,
    limits: { ...configSchema.parse({}).limits, openStreams: 2, streamsPerKey: 2 },
  });
  const start = () =>
    streams.start({
      // It thinks for ever.
      source: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }),
      request: promptRequest("poet", "go"),
      protocol: "events",
      owner: "ann",
      onDisconnect: "continue",
    });
  return { start, log };
}
