import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach } from "vitest";

/** The file that `headrace` runs. */
export const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

export interface CommandOptions {
  stdin?: string;
  /** Outlives the test. */
  shared?: boolean;
  env?: Record<string, string>;
}

export interface CommandResult {
  stdout: string;
  stderr: string;
  code: number | null;
}

export interface RunningCommand {
  child: ChildProcessWithoutNullStreams;
  /** What it has printed so far. */
  result: CommandResult;
  ended: Promise<CommandResult>;
}

export interface CommandLine {
  /** An empty folder, another one for each test. */
  readonly directory: string;
  /** Starts a command there, with nothing of this machine's own settings. */
  start(args: string[], options?: CommandOptions): RunningCommand;
  run(args: string[], options?: CommandOptions): Promise<CommandResult>;
  /** The first thing that a command prints, or its error when it ends without a word. */
  firstOutput(command: RunningCommand): Promise<string>;
  /** Starts a server and returns what it says about itself. */
  serve(
    args: string[],
    options?: CommandOptions,
  ): Promise<RunningCommand & { url: string; baseUrl: string; port: number; pid: number }>;
}

/** Runs the real command line in processes of its own, which end with the test. Called once per file. */
export function useCommandLine(): CommandLine {
  const running = new Set<ChildProcess>();
  let directory = "";
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "headrace-cli-"));
  });
  afterEach(async () => {
    for (const child of running) child.kill("SIGKILL");
    await rm(directory, { recursive: true });
  });

  const start: CommandLine["start"] = (args, { stdin, env = {}, shared = false } = {}) => {
    const { PATH = "", HOME = "" } = process.env;
    const cwd = shared ? tmpdir() : directory;
    const child = spawn(process.execPath, [main, ...args], { cwd, env: { PATH, HOME, ...env } });
    if (!shared) running.add(child);
    const result: CommandResult = { stdout: "", stderr: "", code: null };
    child.stdout.setEncoding("utf8").on("data", (text: string) => void (result.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => void (result.stderr += text));
    child.stdin.end(stdin ?? "");
    const ended = once(child, "close").then(([code]) => {
      running.delete(child);
      return { ...result, code: code as number | null };
    });
    return { child, ended, result };
  };

  const firstOutput: CommandLine["firstOutput"] = async ({ child, ended }) => {
    const failed = ended.then(({ stderr }) => Promise.reject(new Error(`it ended without output: ${stderr}`)));
    const [text] = (await Promise.race([once(child.stdout, "data"), failed])) as [string];
    failed.catch(() => {});
    return text;
  };

  return {
    get directory() {
      return directory;
    },
    start,
    run: (args, options) => start(args, options).ended,
    firstOutput,
    async serve(args, options) {
      const server = start([...args, "--port", "0", "--json"], options);
      const told = JSON.parse(await firstOutput(server)) as { url: string; baseUrl: string; port: number; pid: number };
      return { ...server, ...told };
    },
  };
}
