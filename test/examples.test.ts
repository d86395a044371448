import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { promisify } from "node:util";

import { describe, expect, test } from "vitest";

const root = new URL("../", import.meta.url);
const examples = readdirSync(new URL("examples/", root)).filter((name) => name.endsWith(".ts"));

/** What an example prints; rejects when it fails, or does not end by itself. */
async function run(name: string): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [`examples/${name}`], {
    cwd: root,
    timeout: 30_000,
  });
  expect(stderr).toBe("");
  return stdout;
}

/** What each example promises in `examples/README.md`. */
const promises: Record<string, (printed: string) => void> = {
  "basic-stream.ts": (printed) => {
    const [text, length] = printed.trimEnd().split(/\n\n(?=\d+ characters$)/);
    expect(text?.length).toBeGreaterThan(50);
    expect(length).toBe(`${text?.length} characters`);
  },
  "collect-while-streaming.ts": (printed) => {
    const [, text, figures] = /^(.*)\n\n(\{.*\})\n$/s.exec(printed) ?? [];
    expect(figures).toContain(`characters: ${text?.length},`);
    expect(figures).toMatch(/outputTokens: [1-9]/);
    expect(figures).toContain("finishReason: 'stop'");
    expect(figures).toMatch(/timeToFirstTokenMs: \d+/);
    expect(figures).toMatch(/tokensPerSecond: \d+/);
  },
  "many-streams.ts": (printed) => {
    const lines = printed.trimEnd().split("\n");
    expect(lines).toHaveLength(20);
    expect(lines[12]).toMatch(/^13 {2}failed {6}.*no-such/);
    for (const line of lines.toSpliced(12, 1)) {
      expect(line).toMatch(/^ ?\d+ {2}(completed|length) +[1-9]\d* tokens in \d+ ms$/);
    }
  },
  "generator-model.ts": (printed) => expect(printed).toBe("THE WATER COMES BACK LOUDER \n"),
  "ai-sdk-chat.ts": (printed) => {
    const [before = "", whole = ""] = printed.trimEnd().split(/\n\n--- .* ---\n\n/);
    expect(before.length).toBeGreaterThan(20);
    expect(whole.length).toBeGreaterThan(before.length);
    expect(whole.startsWith(before)).toBe(true);
  },
  "openai-client.ts": (printed) => expect(printed).toMatch(/headrace.{50,}\n$/s),
  "resume.ts": (printed) => {
    const [before, after, whole] = printed.split(/\n\n--- .* ---\n\n/);
    expect(before?.length).toBeGreaterThan(5);
    expect(after?.length).toBeGreaterThan(5);
    expect(`${before}${after}\n`).toBe(whole);
  },
};

describe("the examples", () => {
  test("are all checked here", () => {
    expect(Object.keys(promises).toSorted()).toEqual(examples.toSorted());
  });

  test.concurrent.for(Object.entries(promises))(
    "%s prints what its description says",
    { timeout: 40_000 },
    async ([name, keepsPromise]) => {
      const printed = await run(name);
      expect(printed).toMatch(/\n$/);
      keepsPromise(printed);
    },
  );
});
