import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { repository } from "./support/source-files.ts";

/** Runs these test files, by name, with the reporters of `npm test`. */
function runTests(files: Record<string, string>): { status: number | null; lastLine: string | undefined } {
  const folder = mkdtempSync(join(tmpdir(), "headrace-reporter-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, body] of Object.entries(files)) writeFileSync(join(folder, `${name}.test.ts`), body);
  const reporters = ["--reporter=default", `--reporter=${repository}test/support/count-reporter.ts`];
  const command = [`${repository}node_modules/vitest/vitest.mjs`, "run", "--root", folder, "--globals", ...reporters];
  const { status, stdout } = spawnSync(process.execPath, command, { encoding: "utf8" });
  return { status, lastLine: stdout.trimEnd().split("\n").at(-1) };
}

describe("the last line of a test run", () => {
  test("counts what passed and what was skipped", () => {
    const good = 'test("a", () => {}); test("b", () => {}); test.skip("c", () => {});';
    expect(runTests({ good })).toEqual({ status: 0, lastLine: "2 passed, 0 failed, 1 skipped" });
  });

  test("counts what failed in tests, in hooks, while loading a file, and outside of everything", () => {
    const files = {
      mixed: 'test("a", () => {}); test("b", () => { throw new Error("no"); });',
      broken: 'import "./missing.ts";',
      hook: 'describe("c", () => { beforeAll(() => { throw new Error("no"); }); test("d", () => {}); });',
      lost: 'test("e", () => { void Promise.reject(new Error("lost")); });',
    };
    expect(runTests(files)).toEqual({ status: 1, lastLine: "2 passed, 4 failed, 1 skipped" });
  });

  test("a run without tests is a failure", () => {
    expect(runTests({})).toEqual({ status: 1, lastLine: "0 passed, 1 failed" });
  });
});
