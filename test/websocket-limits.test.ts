import { once } from "node:events";
import { describe, expect, test } from "vitest";

import { createVirtualClock } from "../src/testing.ts";
import { eventually, scriptedModel, startGateway } from "./support/gateway.ts";
import { ask, connect, type Message, refusalOf, textOf } from "./support/websocket.ts";

describe("limits of a socket", () => {
  test("more streams at once than allowed are refused, until one has ended", async () => {
    const script = scriptedModel(["a"]);
    const goOn = script.hold(0);
    const { url } = await startGateway({ models: { poet: script.model }, limits: { streamsPerSocket: 2 } });
    const client = await connect(url);
    for (const id of ["a", "b", "c"]) client.send(ask("poet", id));
    const { id, error } = await client.find(({ type }) => type === "error");
    expect([id, error?.code]).toEqual(["c", "rate-limited"]);
    goOn();
    await client.whole("a");
    client.send(ask("poet", "d"));
    expect(textOf(await client.whole("d"))).toBe("a");
  });

  test("more sockets than readers are allowed are refused before they open", async () => {
    const { url } = await startGateway({ limits: { readers: 1, readersPerStream: 1 } });
    await connect(url);
    expect((await refusalOf(url)).status).toBe(503);
  });

  test("a client that gives no sign of life is closed, one that answers pings is not", async () => {
    const clock = createVirtualClock();
    const { url } = await startGateway({ server: { heartbeatMs: 1_000 } }, { clock });
    const alive = await connect(url);
    const dead = await connect(url, { autoPong: false });
    for (let round = 0; round < 4; round++) {
      const pinged = once(alive.socket, "ping");
      await clock.advance(1_000);
      await pinged;
      // The pong is read before this, which is sent after it.
      alive.send({ type: "ping", id: `${round}` });
      await alive.find(({ id }) => id === `${round}`);
    }
    expect(await dead.closed).toMatchObject({ code: 1008 });
  });

  test("a client that does not read costs no memory, and is closed when it takes too long", async () => {
    const clock = createVirtualClock();
    let made = 0;
    const flood = async function* () {
      for (let word = 0; word < 2_000; word++) {
        made += 8_000;
        yield "x".repeat(8_000);
      }
    };
    const { url, headrace } = await startGateway(
      { models: { flood }, limits: { writeStallMs: 5_000, streamBytes: 64_000_000 }, server: { heartbeatMs: 1_000 } },
      { clock },
    );
    const slow = await connect(url);
    const quick = await connect(url);
    slow.send(ask("flood"));
    const { stream } = await slow.find(({ type }) => type === "started");
    slow.socket.pause();
    quick.send({ type: "follow", id: "q", stream });
    expect(textOf(await quick.whole("q"))).toHaveLength(made);
    expect(headrace.streams.readerCount).toBe(1);
    for (let round = 0; round < 12 && headrace.streams.readerCount > 0; round++) await clock.advance(1_000);
    expect(headrace.streams.readerCount).toBe(0);
    slow.socket.resume();
    expect(await slow.closed).toMatchObject({ code: 1008 });
    // What it got until then is a beginning: the rest is where its last cursor says.
    const got = slow.messages.filter(({ type }) => type === "event");
    expect(textOf(got).length).toBeLessThan(made);
    const again = await connect(url);
    again.send({ type: "follow", id: "a", stream, after: got.at(-1)?.cursor });
    expect(textOf(got).length + textOf(await again.whole("a")).length).toBe(made);
  });

  test("nothing more is written to a connection that is full, until it drains", async () => {
    const words = Array.from({ length: 1_000 }, () => "z".repeat(1_000));
    const { headrace } = await startGateway({ models: { flood: scriptedModel(words).model } });
    const admitted = headrace.webSockets.admit(new Request("http://localhost/ws"));
    if ("refusal" in admitted) throw new Error("it was refused");
    const sent: string[] = [];
    let isFull = false;
    const listeners: { message?: (text: string) => void; drain?: () => void } = {};
    admitted.open({
      send(text) {
        sent.push(typeof text === "string" ? text : new TextDecoder().decode(text));
        isFull ||= sent.length === 10;
        return !isFull;
      },
      isFull: () => isFull,
      bufferedBytes: () => 0,
      ping: () => {},
      close: () => {},
      onMessage: (listener) => (listeners.message = listener),
      onPong: () => {},
      onDrain: (listener) => (listeners.drain = listener),
      onClose: () => {},
    });
    listeners.message?.(JSON.stringify(ask("flood")));
    await eventually(() => headrace.streams.openCount === 0 && sent.length > 2, "the model's end");
    // What had been put together by then goes out, and that is at most 16 KiB of it.
    expect(sent.length).toBeLessThan(10 + 20);
    isFull = false;
    listeners.drain?.();
    await eventually(() => sent.at(-1)?.includes('"done"') === true, "the rest");
    expect(textOf(sent.map((text) => JSON.parse(text) as Message))).toBe(words.join(""));
  });

  test("a slow client that reads again gets everything, in order", async () => {
    const words = Array.from({ length: 2_000 }, (_, index) => `${index} ${"y".repeat(500)}\n`);
    const { url } = await startGateway({ models: { flood: scriptedModel(words).model } });
    const client = await connect(url);
    client.send(ask("flood"));
    const { stream } = await client.find(({ type }) => type === "started");
    client.socket.pause();
    const other = await connect(url);
    other.send({ type: "follow", id: "o", stream });
    await other.whole("o");
    client.socket.resume();
    expect(textOf(await client.whole("r1"))).toBe(words.join(""));
  });

  test("a client that floods us with messages and reads none of our answers is closed", async () => {
    const { url } = await startGateway();
    const client = await connect(url);
    client.socket.pause();
    const wrong = JSON.stringify({ type: "follow", id: "x".repeat(128), stream: "s", as: "morse" });
    let isClosed = false;
    void client.closed.then(() => (isClosed = true));
    for (let sent = 0; sent < 100_000 && !isClosed; sent++) {
      client.socket.send(wrong);
      if (sent % 5_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    client.socket.resume();
    expect((await client.closed).code).toBe(1008);
  });
});

describe("a gateway on its way down", () => {
  test("tells what is open to the end, and closes with 1012", async () => {
    const script = scriptedModel(["Roses ", "are ", "red"]);
    const goOn = script.hold(1);
    const { url, headrace } = await startGateway({ models: { poet: script.model } });
    const busy = await connect(url);
    const idle = await connect(url);
    busy.send(ask("poet"));
    await busy.find(({ event }) => event?.type === "text-delta");
    const closing = headrace.close({ drainMs: 5_000 });
    expect((await idle.closed).code).toBe(1012);
    busy.send(ask("poet", "late"));
    expect((await busy.find(({ id }) => id === "late")).error?.code).toBe("overloaded");
    expect((await refusalOf(url)).status).toBe(503);
    goOn();
    expect(textOf(await busy.whole("r1"))).toBe("Roses are red");
    expect((await busy.closed).code).toBe(1012);
    await closing;
  });

  test("ends what takes too long as interrupted, before it closes", async () => {
    const script = scriptedModel(["a", "b"]);
    script.hold(1);
    const { url, close } = await startGateway({ models: { poet: script.model } });
    const client = await connect(url);
    client.send(ask("poet"));
    await client.find(({ event }) => event?.type === "text-delta");
    await close();
    expect((await client.closed).code).toBe(1012);
    expect(client.messages.at(-1)).toMatchObject({ type: "done", outcome: "interrupted" });
  });

  test("does not wait for clients that have gone silent", async () => {
    const { url, close } = await startGateway();
    const client = await connect(url);
    client.socket.pause();
    const before = performance.now();
    await close();
    expect(performance.now() - before).toBeLessThan(4_000);
  });
});
