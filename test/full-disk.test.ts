import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { allFrames, startGateway } from "./support/gateway.ts";
import { temporaryFolder } from "./support/process.ts";

const megabyte = 1024 * 1024;

describe("a gateway whose disk is full", () => {
  test("answers 507 to new streams, ends running ones with an error, and recovers by itself", async () => {
    const folder = await temporaryFolder();
    const talker = async function* () {
      for (let index = 0; index < 200; index++) {
        yield `${index} `.repeat(2_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const log = { store: "sqlite" as const, path: join(folder, "h.db"), maxBytes: megabyte };
    const quiet = async function* () {
      yield "fine again";
    };
    const { url } = await startGateway({ log, models: { talker, quiet } });
    const ask = (model = "talker"): Promise<Response> =>
      fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "go" }] }),
      });

    const running = await ask();
    const id = running.headers.get("headrace-stream-id");
    const seen = await allFrames(running);
    expect(running.status).toBe(200);
    expect(seen.at(-1)).toContain('"storage_full"');
    expect(seen.join("")).not.toContain("[DONE]");

    // What the journal had twice makes room once more.
    let refused = await ask();
    for (let more = 0; refused.status === 200 && more < 3; more++) {
      expect((await allFrames(refused)).at(-1)).toContain('"storage_full"');
      refused = await ask();
    }
    expect(refused.status).toBe(507);
    const { error } = (await refused.json()) as { error: { message: string; code: string } };
    expect([error.code, error.message]).toEqual(["storage_full", expect.stringContaining("free some")]);

    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    await fetch(`${url}/v1/streams/${id}?purge=true`, { method: "DELETE" });
    await expect.poll(async () => fetchText(ask("quiet")), { timeout: 15_000 }).toContain("fine again");
  });
});

async function fetchText(asked: Promise<Response>): Promise<string> {
  const response = await asked;
  return response.ok ? response.text() : "";
}

describe("a gateway that may not write where its data belongs", () => {
  test("refuses to start, and says which folder and what to do", async () => {
    const folder = await temporaryFolder();
    // Whoever may do anything may not write here either.
    const data = process.getuid?.() === 0 ? "/proc" : join(folder, "data");
    if (data !== "/proc") await mkdir(data, { mode: 0o555 });
    await writeFile(join(folder, "headrace.config.json"), JSON.stringify({ log: { path: join(data, "h.db") } }));
    const { code, errors } = await serve(folder);
    expect(code).toBe(1);
    expect(errors).toContain(data);
    expect(errors).toMatch(/log\.path|writable|permission|cannot be used/i);
  });
});

/** Runs `headrace serve` until it ends by itself. */
async function serve(folder: string): Promise<{ code: number | null; errors: string }> {
  const main = new URL("../src/cli/main.ts", import.meta.url).pathname;
  const child = spawn(
    process.execPath,
    [main, "serve", "--port", "0", "--config", join(folder, "headrace.config.json")],
    {
      cwd: folder,
      env: { PATH: process.env["PATH"] ?? "", HOME: folder },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { code, errors };
}
