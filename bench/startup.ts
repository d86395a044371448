/**
 * How long a person waits from `npm start` in a warm checkout to the first token of an answer, over HTTP.
 *
 * Alone: `node bench/startup.ts`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createConnection } from "node:net";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./measure.ts";
import { median } from "./samples.ts";

export interface StartupSummary {
  medianMs: number;
  runsMs: number[];
}

const root = fileURLToPath(new URL("..", import.meta.url));
const limitMs = 60_000;

/** The first start is not counted: it may still have to install or build something. */
export async function measureStartup(runs = 3): Promise<StartupSummary> {
  await startOnce();
  const runsMs: number[] = [];
  for (let run = 0; run < runs; run++) runsMs.push(await startOnce());
  return { medianMs: median(runsMs) ?? 0, runsMs };
}

async function startOnce(): Promise<number> {
  const port = await freePort();
  const startedMs = performance.now();
  // A group of its own, because npm starts a shell that starts the server, and all of them have to go.
  const child = spawn("npm", ["start", "--silent", "--", "--port", String(port)], {
    cwd: root,
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (bytes: Buffer) => {
    errors = (errors + bytes.toString()).slice(-2000);
  });
  const stop = (signal: NodeJS.Signals) => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, signal);
  };
  const ended = once(child, "exit");
  try {
    while (performance.now() - startedMs < limitMs) {
      if (child.exitCode !== null) throw new Error(`npm start ended with code ${child.exitCode}\n${errors.trim()}`);
      if (await firstToken(port)) return performance.now() - startedMs;
      await sleep(5);
    }
    throw new Error(`npm start gave no token within ${limitMs / 1000} s\n${errors.trim()}`);
  } finally {
    stop("SIGTERM");
    const timer = setTimeout(() => stop("SIGKILL"), 5000);
    await ended;
    clearTimeout(timer);
  }
}

/** Asks the simulator that answers without delay; false when nobody listens yet. */
async function firstToken(port: number): Promise<boolean> {
  const socket = createConnection({ port, host: "127.0.0.1" });
  socket.setTimeout(5000, () => socket.destroy(new Error("no token for 5 s after the request")));
  const connected = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  });
  if (!connected) return false;
  socket.write(
    `GET /stream?prompt=hello&model=sim/instant HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\n\r\n`,
  );
  let text = "";
  for await (const bytes of socket) {
    text += String(bytes);
    if (/\ndata: ?\S/.test(text)) return true;
  }
  throw new Error(`the answer held no token: ${text.slice(0, 400)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(await measureStartup()));
