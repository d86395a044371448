import { connect } from "node:net";
import type { Socket } from "node:net";

import { expect, test } from "vitest";

import { startProcess, temporaryFolder } from "../support/process.ts";

/** Measures in the gateway itself: how late its loop is, and how long it computes without a pause. */
const config = `
import { monitorEventLoopDelay } from "node:perf_hooks";
const delay = monitorEventLoopDelay({ resolution: 2 });
const cpu = () => { const { user, system } = process.threadCpuUsage(); return (user + system) / 1000; };
let longest = 0;
let last = cpu();
setInterval(() => { const now = cpu(); longest = Math.max(longest, now - last); last = now; }, 1);
export default {
  limits: { readersPerStream: 11000 },
  log: { store: "memory" },
  models: {
    held: async function* () { yield "first "; await new Promise((resolve) => setTimeout(resolve, 300_000)); },
    begin: async function* () { delay.enable(); delay.reset(); longest = 0; yield "begun"; },
    measured: async function* () { yield JSON.stringify({ p99Ms: delay.percentile(99) / 1e6, longestMs: longest }); },
  },
};`;

test("row 39: ten thousand idle readers leave the loop free, and no round of heartbeats blocks it", async () => {
  const folder = await temporaryFolder();
  const gateway = await startProcess(folder, config);
  const ask = async (model: string): Promise<Response> =>
    fetch(`${gateway.url}/generate`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, prompt: "go" }),
    });
  const first = await ask("held");
  const id = first.headers.get("headrace-stream-id");
  const { port } = new URL(gateway.url);
  const sockets: Socket[] = [];
  let heartbeats = 0;
  for (let count = 0; count < 10_000; count++) {
    const socket = connect(Number(port), "127.0.0.1");
    sockets.push(socket);
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.on("data", (bytes: Buffer) => {
      if (bytes.includes(": heartbeat")) heartbeats++;
      else resolve();
    });
    socket.write(`GET /v1/streams/${id}?as=events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    if (count % 100 === 99) await promise;
  }
  // Ten seconds for what connecting them has left behind, then two whole rounds.
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  await (await ask("begin")).text();
  heartbeats = 0;
  await new Promise((resolve) => setTimeout(resolve, 31_000));
  const { p99Ms, longestMs } = (await (await ask("measured")).json()) as { p99Ms: number; longestMs: number };
  console.log({ p99Ms, longestMs, heartbeats });
  for (const socket of sockets) socket.destroy();
  expect(heartbeats).toBeGreaterThanOrEqual(2 * 10_000);
  expect(p99Ms).toBeLessThan(20);
  expect(longestMs).toBeLessThan(10);
});
