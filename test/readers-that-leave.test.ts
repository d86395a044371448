import { connect } from "node:net";
import type { Socket } from "node:net";

import { describe, expect, onTestFinished, test } from "vitest";

import { answerText } from "../src/core/answer.ts";
import type { ConfigInput } from "../src/index.ts";
import { systemClock } from "../src/outside.ts";
import { createSimulator } from "../src/providers/simulator/simulator.ts";
import { eventually, scriptedModel, startGateway } from "./support/gateway.ts";
import type { NamedRow } from "./support/protocol-rows.ts";
import { askIn, readIn } from "./support/protocol-rows.ts";
import { asked, served, startWire } from "./support/wire.ts";

const names = served.map((row) => ({ name: row.protocol.name, row }));
const sixtySlowWords = "openai-chat/instant?words=60&interval=15";

/** A request on a socket of its own, which is destroyed to leave. */
async function askOnSocket(row: NamedRow, url: string, model: string, wantsStream = true): Promise<Socket> {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  await askIn(row, url, asked(model, { wantsStream }), async (to, init) => {
    const { pathname, search, port } = new URL(to);
    const body = (init.body ?? "") as string;
    const socket = connect(Number(port), "127.0.0.1", () => {
      socket.write(
        `${init.method ?? "GET"} ${pathname}${search} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
          `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
      resolve(socket);
    });
    onTestFinished(() => void socket.destroy());
    return new Response();
  });
  return promise;
}

/** A gateway with a provider on a real connection, of which is known when it was closed. */
async function startWatched(config: ConfigInput) {
  const simulate = createSimulator({ clock: systemClock });
  const { promise: aborted, resolve } = Promise.withResolvers<number>();
  const calls = { count: 0 };
  const gateway = await startWire(config, (url, init) => {
    calls.count++;
    init.signal?.addEventListener("abort", () => resolve(performance.now()), { once: true });
    return simulate(url, init);
  });
  return { ...gateway, aborted, calls };
}

describe.each(names)("the last reader of $name leaves", ({ name, row }) => {
  const cancel = { reliability: { onDisconnect: "cancel" as const, lingerMs: 0 } };

  test("row 33: in mid-answer, with `cancel`, the provider's connection is closed within 250 ms, and counted once", async () => {
    const { url, headrace, aborted, attempts, observations } = await startWatched(cancel);
    const socket = await askOnSocket(row, url, sixtySlowWords);
    await new Promise((resolve) => socket.once("data", resolve));
    await eventually(
      async () => ((await headrace.streams.list({ owner: "", limit: 1 }))[0]?.entries ?? 0) > 8,
      "some words",
    );
    const leftAt = performance.now();
    socket.destroy();
    expect((await aborted) - leftAt).toBeLessThan(250);
    await eventually(() => headrace.streams.openCount === 0, "its end");
    expect(observations.filter(({ type }) => type === "stream-ended")).toMatchObject([{ outcome: "cancelled" }]);
    expect(attempts()).toMatchObject([{ outcome: "cancelled", usage: { estimated: true } }]);
    expect(attempts()[0]?.usage?.outputTokens).toBeGreaterThan(0);
    expect(attempts()[0]?.usage?.outputTokens).toBeLessThan(80);
  });

  test.each(["slow-first-token:20s", "black-hole"])("row 33: the same before the first token (%s)", async (fault) => {
    const { url, headrace, aborted, attempts, calls } = await startWatched(cancel);
    const socket = await askOnSocket(row, url, `${sixtySlowWords}&fault=${fault}`);
    await eventually(() => calls.count === 1, "the call");
    const leftAt = performance.now();
    socket.destroy();
    expect((await aborted) - leftAt).toBeLessThan(250);
    await eventually(() => headrace.streams.openCount === 0, "its end");
    expect(attempts().map(({ outcome }) => outcome)).toEqual(["cancelled"]);
  });

  test("row 33: the same when it waits for the answer in one piece", async () => {
    const { url, headrace, aborted, attempts, calls } = await startWatched(cancel);
    const socket = await askOnSocket(row, url, sixtySlowWords, false);
    await eventually(() => calls.count === 1, "the call");
    const leftAt = performance.now();
    socket.destroy();
    expect((await aborted) - leftAt).toBeLessThan(250);
    await eventually(() => headrace.streams.openCount === 0, "its end");
    expect(attempts().map(({ outcome }) => outcome)).toEqual(["cancelled"]);
  });

  test("row 34: with `continue` the answer is finished for whoever comes back", async () => {
    const { url, headrace, attempts } = await startWire();
    const socket = await askOnSocket(row, url, "openai-chat/instant?words=60&interval=2");
    await new Promise((resolve) => socket.once("data", resolve));
    socket.destroy();
    await eventually(() => headrace.streams.readerCount === 0, "its leaving");
    await eventually(() => headrace.streams.openCount === 0, "the answer's end");
    const [stream] = await headrace.streams.list({ owner: "", limit: 1 });
    const answer = await readIn(row, await fetch(`${url}/v1/streams/${stream?.id}?as=${name}`));
    expect(answer.outcome).toBe("completed");
    expect(answerText(answer).split(" ")).toHaveLength(60);
    expect(attempts().map(({ outcome }) => outcome)).toEqual(["completed"]);
  });
});

describe("answers that go on without readers", () => {
  test("row 34: are limited in number; one more is cancelled after its linger time", async () => {
    const script = scriptedModel(["a ", "b ", "c "]);
    const release = script.hold(1);
    const { url, headrace } = await startGateway({
      models: { poet: script.model },
      limits: { detachedStreams: 2 },
      reliability: { lingerMs: 20 },
    });
    const { streams } = headrace;
    const ask = (): Promise<Response> =>
      fetch(`${url}/v1/streams`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "poet", prompt: "go" }),
      });
    const leave = async (response: Response): Promise<string> => {
      const { readerCount } = streams;
      await response.body?.cancel();
      await eventually(() => streams.readerCount === readerCount - 1, "the reader's leaving");
      return response.headers.get("headrace-stream-id") ?? "";
    };
    const stays = await ask();
    const first = await leave(await ask());
    const second = await leave(await ask());
    expect(streams.detachedCount).toBe(2);
    const third = await leave(await ask());
    await eventually(() => streams.openCount === 3, "the end of the one that is too much");
    const last = await (await fetch(`${url}/v1/streams/${third}`)).text();
    expect(last).toContain("cancelled");

    // Whoever comes back makes room for another.
    const back = await fetch(`${url}/v1/streams/${first}`);
    expect(streams.detachedCount).toBe(1);
    await leave(await ask());
    expect(streams.detachedCount).toBe(2);
    release();
    for (const response of [stays, back, await fetch(`${url}/v1/streams/${second}`)]) {
      expect(await response.text()).toContain('"completed"');
    }
    await eventually(() => streams.openCount === 0, "every end");
    expect(streams.detachedCount).toBe(0);
  });

  test("row 34: do not count when they were asked for without readers", async () => {
    const script = scriptedModel(["a ", "b "]);
    const release = script.hold(1);
    const { url, headrace } = await startGateway({
      models: { poet: script.model },
      limits: { detachedStreams: 1 },
      reliability: { lingerMs: 0 },
    });
    const started = await Promise.all(
      [1, 2, 3].map(async () => {
        const response = await fetch(`${url}/v1/responses`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ model: "poet", input: "go", background: true }),
        });
        return ((await response.json()) as { id: string }).id;
      }),
    );
    const status = async (id: string): Promise<string> =>
      ((await (await fetch(`${url}/v1/responses/${id}`)).json()) as { status: string }).status;
    for (const id of started) expect(await status(id)).toBe("in_progress");
    expect(headrace.streams.openCount).toBe(3);
    release();
    await eventually(() => headrace.streams.openCount === 0, "their ends");
    for (const id of started) expect(await status(id)).toBe("completed");
  });
});

describe("one of many readers", () => {
  test("row 35: leaves, in whatever protocol, and nothing changes for the others", async () => {
    const words = Array.from({ length: 60 }, (_, index) => `w${index} `);
    const script = scriptedModel(words);
    const release = script.hold(20);
    const { url, headrace } = await startGateway({
      models: { poet: script.model },
      reliability: { onDisconnect: "cancel", lingerMs: 0 },
    });
    const [first] = served as [NamedRow];
    const started = await askIn(first, url, asked("poet", { wantsStream: true }));
    const id = started.headers.get("headrace-stream-id");
    const follow = (row: NamedRow): Promise<Response> => fetch(`${url}/v1/streams/${id}?as=${row.protocol.name}`);
    const staying = await Promise.all(served.map(async (row) => ({ row, response: await follow(row) })));
    const leaving = await Promise.all(served.map(follow));
    // Whoever started it leaves, too.
    for (const response of [...leaving, started]) await response.body?.cancel();
    // Where nothing may be sent in silence, the next words show that a reader is gone.
    const silent = served.filter(({ protocol }) => protocol.framing !== "sse" && protocol.framing !== "ndjson").length;
    await eventually(() => headrace.streams.readerCount <= staying.length + silent, "their leaving");
    expect(script.aborted).toBe(false);
    release();
    for (const { row, response } of staying) {
      const answer = await readIn(row, response);
      expect([row.protocol.name, answer.outcome, answerText(answer)]).toEqual([
        row.protocol.name,
        "completed",
        words.join(""),
      ]);
    }
  });
});
