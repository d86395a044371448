import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { onTestFinished } from "vitest";

export interface GatewayProcess {
  url: string;
  pid: number;
  /** Ends it as a crash does, and resolves when it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** A folder that is removed with the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "headrace-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** `headrace serve` as a process of its own, with this configuration file (TypeScript source), on a free port. */
export async function startProcess(folder: string, config: string): Promise<GatewayProcess> {
  const file = join(folder, "headrace.config.ts");
  await writeFile(file, config);
  const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [main, "serve", "--port", "0", "--json", "--config", file], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: folder },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const kill = async (signal: NodeJS.Signals = "SIGKILL"): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await gone;
  };
  onTestFinished(() => kill());
  const firstLine = new Promise<string>((resolve) => createInterface(child.stdout).once("line", resolve));
  const line = await Promise.race([firstLine, gone.then(() => undefined)]);
  if (line === undefined) throw new Error(`headrace ended before it listened: ${errors}`);
  const { url } = JSON.parse(line) as { url: string };
  return { url, pid: child.pid as number, kill };
}
