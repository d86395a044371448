import { fork, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { LoadMessage, LoadPlan, LoadResult } from "./load-plan.ts";
import { cpuMicroseconds, machineCpuMicroseconds, processTree, residentBytes } from "./processes.ts";
import { startObserver } from "./observer.ts";
import { chatPath } from "./rows.ts";
import type { Row } from "./rows.ts";
import { memoryWarmUp } from "./scenarios.ts";
import type { Scenario } from "./scenarios.ts";
import type { UpstreamWindow } from "./upstream.ts";

/** One row under one scenario, once. */
export interface Measurement {
  load: LoadResult;
  upstream: UpstreamWindow;
  /** CPU of the row's process tree in the window; 0 when there is none. */
  cpuUs: number;
  /** CPU that anything but this bench used on the machine in the window, as a share of all of it. */
  foreignCpu: number;
  /** Resident memory before the streams and at its highest while they were open. */
  idleBytes: number;
  peakBytes: number;
}

export interface Upstream {
  port: number;
  /** What it did since the last call. */
  window(): Promise<UpstreamWindow>;
  stop(): void;
}

export async function startUpstream(): Promise<Upstream> {
  const child = fork(new URL("./upstream.ts", import.meta.url), { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return {
    port,
    async window() {
      child.send("window");
      const [window] = (await once(child, "message")) as [UpstreamWindow];
      return window;
    },
    stop: () => child.disconnect(),
  };
}

/** Starts the row's server, puts the load on it, and stops it again. */
export async function measure(row: Row, scenario: Scenario, upstream: Upstream): Promise<Measurement> {
  const server = await startRow(row, upstream.port);
  try {
    const target = { port: server.port, path: row.path ?? chatPath, model: row.model };
    let idleBytes = 0;
    if (scenario.memory === true) {
      await runLoad({ ...memoryWarmUp, ...target }, {});
      await sleep(1000);
      idleBytes = residentBytes(server.tree());
    }
    return { ...(await measureLoad({ ...scenario.plan, ...target }, server, upstream)), idleBytes };
  } finally {
    await server.stop();
  }
}

async function measureLoad(
  plan: LoadPlan,
  server: Server,
  upstream: Upstream,
): Promise<Omit<Measurement, "idleBytes">> {
  let cpuUs = 0;
  let foreignUs = 0;
  let peakBytes = 0;
  let upstreamWindow: Promise<UpstreamWindow> | undefined;
  const tree = server.tree();
  const sampling = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes(tree));
  }, 100);
  try {
    const load = await runLoad(plan, {
      onWindowStart() {
        cpuUs = -server.cpuUs();
        foreignUs = -foreignMicroseconds();
        void upstream.window();
      },
      onWindowEnd() {
        cpuUs += server.cpuUs();
        foreignUs += foreignMicroseconds();
        upstreamWindow = upstream.window();
      },
    });
    if (upstreamWindow === undefined) throw new Error("the load client ended before its window did");
    const foreignCpu = Math.max(0, foreignUs / (load.windowMs * 1000 * cpus().length));
    return { load, upstream: await upstreamWindow, cpuUs, foreignCpu, peakBytes };
  } finally {
    clearInterval(sampling);
  }
}

/** All processes of a measurement descend from this one. */
function foreignMicroseconds(): number {
  return machineCpuMicroseconds() - cpuMicroseconds(process.pid);
}

interface LoadHooks {
  onWindowStart?: () => void;
  onWindowEnd?: () => void;
}

async function runLoad(plan: LoadPlan, hooks: LoadHooks): Promise<LoadResult> {
  const child = fork(new URL("./load.ts", import.meta.url), [JSON.stringify(plan)], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  let result: LoadResult | undefined;
  child.on("message", (message: LoadMessage) => {
    if (message === "window-start") hooks.onWindowStart?.();
    else if (message === "window-end") hooks.onWindowEnd?.();
    else result = message.result;
  });
  await once(child, "close");
  if (result === undefined) throw new Error(`the load client ended with code ${child.exitCode} and no result`);
  return result;
}

const running = new Set<ChildProcess>();
// Whatever ends the bench, no server stays behind.
process.on("exit", () => {
  for (const child of running) child.kill("SIGTERM");
});

interface Server {
  port: number;
  tree(): number[];
  cpuUs(): number;
  stop(): Promise<void>;
}

async function startRow(row: Row, upstreamPort: number): Promise<Server> {
  if (row.start === undefined) return { port: upstreamPort, tree: () => [], cpuUs: () => 0, stop: async () => {} };
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "headrace-bench-"));
  const observer = row.observed === true ? await startObserver() : undefined;
  const { command, arguments: args } = row.start({ port, upstreamPort, folder, tracesUrl: observer?.tracesUrl });
  const child = spawn(command, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  running.add(child);
  let errors = "";
  child.stderr.on("data", (bytes: Buffer) => {
    errors = (errors + bytes.toString()).slice(-4000);
  });
  child.on("error", (error) => {
    errors += error.message;
  });
  const pid = child.pid ?? -1;
  const server: Server = {
    port,
    tree: () => processTree(pid),
    cpuUs: () => cpuMicroseconds(pid),
    async stop() {
      await stopChild(child);
      running.delete(child);
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
      observer?.stop();
    },
  };
  const failure = await waitUntilServing(child, { port, path: row.path ?? chatPath, model: row.model });
  if (failure === undefined) {
    observer?.watch(port);
    return server;
  }
  await server.stop();
  throw new Error(`${row.name} does not serve: ${failure}\n${errors.trim()}`);
}

/** A row is ready when one short stream comes through it whole. Returns what went wrong after 15 s of trying. */
async function waitUntilServing(child: ChildProcess, target: Pick<LoadPlan, "port" | "path" | "model">) {
  const probe = { ...target, streams: 1, rate: 100, events: 3, renew: false, rampMs: 0, warmUpMs: 0, measureMs: 30 };
  const deadlineMs = Date.now() + 15_000;
  let last = "no answer";
  while (Date.now() < deadlineMs) {
    if (child.exitCode !== null || child.pid === undefined) return `it ended with code ${child.exitCode}`;
    const { failures, flaws } = await runLoad(probe, {});
    if (failures === 0) return undefined;
    last = Object.keys(flaws)[0] ?? last;
    await sleep(100);
  }
  return last;
}

/** SIGTERM, and SIGKILL for what is still there after 3 s. */
async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, "close");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 3000);
  await ended;
  clearTimeout(timer);
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no free port on 127.0.0.1");
  return address.port;
}
