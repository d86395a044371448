import { once } from "node:events";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";

import { describe, expect, onTestFinished, test } from "vitest";

import type { Reader } from "../src/streams/broadcast.ts";
import { Heartbeats } from "../src/streams/heartbeats.ts";
import { createVirtualClock } from "../src/testing.ts";
import { allFrames, eventually, idOf, scriptedModel, startGateway } from "./support/gateway.ts";
import { startProcess, temporaryFolder } from "./support/process.ts";

/** A reader that takes nothing until it is told to. */
function openReader(url: string, path: string): Promise<Socket> {
  const { port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), "127.0.0.1", () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}

/** The gateway's end of each connection whose request has `mark` in its path. */
function watchServerSockets(mark: string): Set<Socket> {
  const sockets = new Set<Socket>();
  const onRequest = (message: unknown): void => {
    const { request } = message as { request: IncomingMessage };
    if (request.url?.includes(mark) === true) sockets.add(request.socket);
  };
  subscribe("http.server.request.start", onRequest);
  onTestFinished(() => void unsubscribe("http.server.request.start", onRequest));
  return sockets;
}

function start(url: string): Promise<Response> {
  return fetch(`${url}/v1/streams`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "poet", prompt: "go" }),
  });
}

const long = Array.from({ length: 9_000 }, (_, index) => `${index} ${"x".repeat(900)}`);

describe("a reader that takes almost nothing", () => {
  test.each([65_536, 8_192])(
    "row 38: has %i bytes waiting in memory, changes nothing for the others, and gets every byte in the end",
    async (readerQueueBytes) => {
      const script = scriptedModel(long);
      const release = script.hold(1);
      const limits = { readerQueueBytes, streamBytes: 64 * 1024 * 1024 };
      const { url } = await startGateway({ models: { poet: script.model }, limits });
      const first = await start(url);
      const id = first.headers.get("headrace-stream-id");
      const [fast, slowOnes] = [fetch(`${url}/v1/streams/${id}`), watchServerSockets("slow=1")];
      const slow = await openReader(url, `/v1/streams/${id}?slow=1`);
      let taken = "";
      slow.setEncoding("utf8");
      const [text] = (await once(slow, "data")) as [string];
      taken += text;
      slow.pause();
      const [server] = slowOnes;
      let mostQueued = 0;
      const sampling = setInterval(() => {
        mostQueued = Math.max(mostQueued, server?.writableLength ?? Infinity);
        // One byte now and then is all it takes.
        const byte = slow.read(1) as string | null;
        if (byte !== null) taken += byte;
      }, 1);
      release();
      const whole = await allFrames(first);
      expect(await allFrames(await fast)).toEqual(whole);
      clearInterval(sampling);
      expect(whole.length).toBeGreaterThan(9_000);
      expect(server?.writableNeedDrain).toBe(true);
      // The write that fills the queue may be up to 16 KiB: several events that were joined.
      expect(mostQueued).toBeLessThan(readerQueueBytes + 20 * 1024);

      slow.on("data", (more: string) => (taken += more));
      slow.resume();
      await eventually(() => taken.endsWith("\r\n0\r\n\r\n"), "the slow reader's end");
      slow.destroy();
      const body = unchunk(taken.slice(taken.indexOf("\r\n\r\n") + 4));
      expect(body.replaceAll(": heartbeat\n\n", "")).toBe(whole.join(""));
    },
  );

  test.each(["openai-chat", "openai-responses", "anthropic-messages", "gemini", "text", "events"])(
    "row 38: in %s is disconnected when it takes nothing for 60 s, and can resume",
    async (as) => {
      const clock = createVirtualClock();
      const script = scriptedModel(long);
      const release = script.hold(1);
      const config = { models: { poet: script.model }, limits: { streamBytes: 64 * 1024 * 1024 } };
      const { url, headrace } = await startGateway(config, { clock });
      const { streams } = headrace;
      const first = await start(url);
      const id = first.headers.get("headrace-stream-id") ?? "";
      const servers = watchServerSockets("slow=1");
      const slow = await openReader(url, `/v1/streams/${id}?slow=1&as=${as}`);
      let taken = "";
      slow.setEncoding("utf8");
      taken += String((await once(slow, "data"))[0]);
      slow.pause();
      release();
      await allFrames(first);
      await eventually(() => streams.readerCount === 1, "the others' end");
      const [server] = servers;
      await eventually(() => server?.writableNeedDrain === true, "a full queue");
      await clock.advance(50_000);
      expect(streams.readerCount).toBe(1);
      await clock.advance(20_000);
      expect(streams.readerCount).toBe(0);

      slow.on("data", (more: string) => (taken += more));
      const closed = once(slow, "close");
      slow.on("error", () => {});
      slow.resume();
      await closed;
      // No last chunk: it can tell that this was not all.
      expect(taken.endsWith("\r\n0\r\n\r\n")).toBe(false);
      if (as !== "openai-chat" && as !== "anthropic-messages" && as !== "events") return;
      const body = unchunk(taken.slice(taken.indexOf("\r\n\r\n") + 4));
      const seen = body.slice(0, body.lastIndexOf("\n\n") + 2).split(/(?<=\n\n)/);
      const lastId = idOf(seen.at(-1) as string) as string;
      const rest = await fetch(`${url}/v1/streams/${id}?as=${as}`, { headers: { "last-event-id": lastId } });
      const whole = await (await fetch(`${url}/v1/streams/${id}?as=${as}`)).text();
      expect(seen.join("") + (await rest.text())).toBe(whole);
    },
  );
});

describe("idle readers", () => {
  test("row 39: never get their heartbeats all at once, and each gets it in time", async () => {
    const clock = createVirtualClock();
    const heartbeats = new Heartbeats({ clock, heartbeatMs: 15_000, writeStallMs: 60_000 });
    let atOnce = 0;
    let mostAtOnce = 0;
    const beats = Array.from({ length: 10_000 }, () => 0);
    for (const index of beats.keys()) {
      const beat = (): void => {
        beats[index] = (beats[index] ?? 0) + 1;
        mostAtOnce = Math.max(mostAtOnce, ++atOnce);
      };
      heartbeats.add({ beat, stalledBeats: 0 } as Reader);
    }
    for (let passed = 0; passed < 15_000; passed += 10) {
      atOnce = 0;
      await clock.advance(10);
    }
    // A beat costs about a microsecond and a small write, so that is a millisecond or two.
    expect(mostAtOnce).toBeLessThanOrEqual(Math.ceil(10_000 / 32));
    expect(Math.min(...beats)).toBeGreaterThanOrEqual(1);
    heartbeats.close();
  });

  test("row 39: ten thousand of one stream stay under 300 MB, and all get the rest", { timeout: 90_000 }, async () => {
    const folder = await temporaryFolder();
    const gateway = await startProcess(
      folder,
      `let go; const gate = new Promise((resolve) => (go = resolve));
       export default {
         server: { heartbeatMs: 60000 },
         limits: { readersPerStream: 11000 },
         log: { store: "memory" },
         models: {
           held: async function* () { yield "first "; await gate; yield "second "; },
           opener: async function* () { go(); yield "opened"; },
         },
       };`,
    );
    const ask = (model: string): Promise<Response> =>
      fetch(`${gateway.url}/v1/streams`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model, prompt: "go" }),
      });
    const first = await ask("held");
    const id = first.headers.get("headrace-stream-id");
    const sockets: Socket[] = [];
    let opened = 0;
    let complete = 0;
    for (let batch = 0; batch < 50; batch++) {
      const some = await Promise.all(
        Array.from({ length: 200 }, () => openReader(gateway.url, `/v1/streams/${id}?as=text`)),
      );
      for (const socket of some) {
        socket.on("data", (bytes: Buffer) => {
          if (bytes.includes("first")) opened++;
          if (bytes.includes("second ")) complete++;
        });
        sockets.push(socket);
      }
      await expect.poll(() => opened, { timeout: 20_000 }).toBe(sockets.length);
    }
    // What connecting them has cost is given back once they are idle, which takes some seconds.
    const residentMb = (): number =>
      Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${gateway.pid}/status`, "utf8"))?.[1]) / 1024;
    await expect.poll(residentMb, { timeout: 40_000, interval: 500 }).toBeLessThan(300);
    await (await ask("opener")).text();
    await expect.poll(() => complete, { timeout: 20_000 }).toBe(sockets.length);
    for (const socket of sockets) socket.destroy();
  });
});

/** The body of a chunked response, as far as it came. */
function unchunk(text: string): string {
  let body = "";
  for (let at = 0; at < text.length;) {
    const lineEnd = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
  return body;
}
