import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

const version = "3.22.1";
const home = fileURLToPath(new URL(".engine/", import.meta.url));
/** llama.cpp ready to run, by operating system and processor. */
const binaries: Record<string, string> = {
  "linux-x64": "linux-x64",
  "linux-arm64": "linux-arm64",
  "linux-arm": "linux-armv7l",
  "darwin-arm64": "mac-arm64-metal",
  "darwin-x64": "mac-x64",
  "win32-x64": "win-x64",
  "win32-arm64": "win-arm64",
};

/** The part of node-llama-cpp that this example uses; the package itself is not installed while types are checked. */
export interface LlamaModule {
  getLlama(options: { gpu: false; build: "never"; skipDownload: true; logLevel: "error" }): Promise<Llama>;
}
export interface Llama {
  loadModel(options: { modelPath: string }): Promise<LlamaModel>;
}
export interface LlamaModel {
  createContext(options: { contextSize: number; sequences: number; threads: number }): Promise<LlamaContext>;
  tokenize(text: string): Token[];
  detokenize(tokens: Token[], specialTokens: false, before: Token[]): string;
}
export interface LlamaContext {
  getSequence(): LlamaSequence;
}
export interface LlamaSequence {
  evaluate(tokens: Token[], options: { temperature: number; seed?: number }): AsyncGenerator<Token, void>;
  dispose(): void;
}
export type Token = number & { readonly __token: never };

/** Where files of the engine may be kept. */
export const engineFile = (name: string): string => home + name;

export const isEngineInstalled = (): boolean => existsSync(home);

/**
 * Loads node-llama-cpp, after installing it beside this file when it is missing: 85 MB that nobody else needs, so it is
 * in no lockfile.
 *
 * @throws Error - there is no llama.cpp for this machine, or npm failed; the message says what to do.
 */
export async function loadEngine(): Promise<LlamaModule> {
  if (!isEngineInstalled()) install();
  const entry = createRequire(engineFile("package.json")).resolve("node-llama-cpp");
  return (await import(pathToFileURL(entry).href)) as LlamaModule;
}

function install(): void {
  const machine = `${process.platform}-${process.arch}`;
  const binary = binaries[machine];
  if (binary === undefined) {
    throw new Error(
      `node-llama-cpp has no ready-made llama.cpp for ${machine}; run this example on one of ${Object.keys(binaries).join(", ")}`,
    );
  }
  // In a folder of its own, moved into place when it is whole: two runs at once, or one that is cut, leave nothing half.
  const staging = mkdtempSync(fileURLToPath(new URL(".engine-", import.meta.url)));
  try {
    writeFileSync(`${staging}/package.json`, '{ "private": true }\n');
    const packages = [`node-llama-cpp@${version}`, `@node-llama-cpp/${binary}@${version}`];
    const flags = ["--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    const npm = spawnSync("npm", ["install", ...flags, ...packages], {
      cwd: staging,
      encoding: "utf8",
      shell: process.platform === "win32",
      timeout: 300_000,
    });
    if (npm.status !== 0) {
      throw new Error(
        `npm could not install ${packages.join(" and ")}; this needs the npm registry once.\n${npm.stderr ?? npm.error}`,
      );
    }
    if (!isEngineInstalled()) renameSync(staging, home);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}
