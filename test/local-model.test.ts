import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { expect, test } from "vitest";

const supported = process.platform === "linux" && process.arch === "x64";
if (!supported)
  console.warn(
    "local-model.test.ts is skipped: it is run on Linux x64 only; npm run example:local-model shows the same",
  );

test.runIf(supported)(
  "a real engine streams through the gateway, stops sampling within 250 ms, and its answer can be resumed",
  async () => {
    // Installs llama.cpp on the first run; that is most of the time it may take.
    const { stdout } = await promisify(execFile)(process.execPath, ["examples/local-model/run.ts"], {
      cwd: new URL("../", import.meta.url),
      timeout: 110_000,
    });
    expect(stdout).toMatch(/[1-9]\d* tokens, the first after [\d.]+ ms, [1-9]\d* tokens\/s, finish_reason stop/);
    const [, stoppedAfterMs] = /sampled its last token ([\d.]+) ms later/.exec(stdout) ?? [];
    expect(stdout).toContain("ok: llama.cpp is at rest");
    expect(Number(stoppedAfterMs)).toBeLessThanOrEqual(250);
    expect(stdout).toContain("ok: both halves are what an uninterrupted reader read");
    expect(stdout.trimEnd()).toMatch(/All three promises were kept\.$/);
  },
  120_000,
);
