import { readFileSync } from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";

import { allFrames, eventually, scriptedModel, startGateway } from "./support/gateway.ts";
import { startProcess, temporaryFolder } from "./support/process.ts";

/** A reader that takes nothing until it is told to; then it counts what it gets. */
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

describe("a reader that takes almost nothing", () => {
  test("changes nothing for the others, and still gets every byte in the end", async () => {
    const long = Array.from({ length: 4_000 }, (_, index) => `${index} ${"x".repeat(900)}`);
    const script = scriptedModel(long);
    const release = script.hold(1);
    const { url } = await startGateway({ models: { poet: script.model } });
    const first = await fetch(`${url}/v1/streams`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "poet", prompt: "go" }),
    });
    const id = first.headers.get("headrace-stream-id");
    const slow = await openReader(url, `/v1/streams/${id}`);
    let taken = "";
    slow.setEncoding("utf8");
    await new Promise<void>((resolve) => slow.once("data", (text: string) => ((taken += text), resolve())));
    slow.pause();
    release();
    const whole = await allFrames(first);
    expect(whole.length).toBeGreaterThan(4_000);

    slow.on("data", (text: string) => (taken += text));
    slow.resume();
    await eventually(() => taken.endsWith("\r\n0\r\n\r\n"), "the slow reader's end");
    slow.destroy();
    const body = unchunk(taken.slice(taken.indexOf("\r\n\r\n") + 4));
    expect(body).toBe(whole.join(""));
  });

  test("is disconnected when it takes nothing for the stall time, and can resume", async () => {
    const long = Array.from({ length: 9_000 }, () => "x".repeat(1_000));
    const { url, headrace } = await startGateway({
      models: { poet: scriptedModel(long).model },
      limits: { writeStallMs: 200, streamBytes: 64 * 1024 * 1024 },
      server: { heartbeatMs: 100 },
    });
    const slow = await openReader(url, `/stream?prompt=go&model=poet`);
    slow.pause();
    await eventually(() => headrace.streams.readerCount === 1, "the reader");
    await eventually(() => headrace.streams.readerCount === 0, "its end");
    expect(headrace.streams.readerCount).toBe(0);
    slow.destroy();
  });
});

describe("five thousand idle readers of one stream", () => {
  test("stay under 300 MB, and all get the rest", { timeout: 60_000 }, async () => {
    const folder = await temporaryFolder();
    const gateway = await startProcess(
      folder,
      `let go; const gate = new Promise((resolve) => (go = resolve));
       export default {
         server: { heartbeatMs: 60000 },
         limits: { readersPerStream: 6000 },
         log: { store: "memory" },
         models: {
           held: async function* () { yield "first "; await gate; yield "second "; },
           opener: async function* () { go(); yield "opened"; },
         },
       };`,
    );
    const start = (model: string): Promise<Response> =>
      fetch(`${gateway.url}/v1/streams`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model, prompt: "go" }),
      });
    const first = await start("held");
    const id = first.headers.get("headrace-stream-id");
    const sockets: Socket[] = [];
    let opened = 0;
    let complete = 0;
    for (let batch = 0; batch < 50; batch++) {
      const some = await Promise.all(
        Array.from({ length: 100 }, () => openReader(gateway.url, `/v1/streams/${id}?as=text`)),
      );
      for (const socket of some) {
        socket.on("data", (bytes: Buffer) => {
          if (bytes.includes("first")) opened++;
          if (bytes.includes("second ")) complete++;
        });
        sockets.push(socket);
      }
      await eventually(() => opened === sockets.length, "a batch of readers");
    }
    const rssMb = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${gateway.pid}/status`, "utf8"))?.[1]) / 1024;
    console.log(`5,000 idle readers: ${rssMb.toFixed(0)} MB resident in all`);
    expect(rssMb).toBeLessThan(300);
    await (await start("opener")).text();
    await eventually(() => complete === sockets.length, "the rest");
    for (const socket of sockets) socket.destroy();
  });
});

/** The body of a chunked response. */
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
