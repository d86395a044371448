import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { startGateway } from "./support/gateway.ts";

test("the example in the documentation prints an answer, its outcome and where it ended", async () => {
  const page = readFileSync(new URL("../docs/websocket.md", import.meta.url), "utf8");
  const [, example = ""] = /```js\n(.*?)```/s.exec(page) ?? [];
  const { url } = await startGateway();
  const code = example.replace("ws://127.0.0.1:8484", url.replace("http", "ws"));
  expect(code).not.toBe(example);
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code], {
    timeout: 20_000,
  });
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^.{100,}\ncompleted, st_\w+ up to \d+-\d+\.1\.events\n$/s);
});
