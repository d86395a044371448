import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { describe, test } from "vitest";
import { createProgram } from "../src/cli/program.ts";

const page = readFileSync(new URL("../docs/cli.md", import.meta.url), "utf8");
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const { commands } = createProgram();
const names = commands.map((command) => command.name());

/** Every call of `headrace` in a page's shell examples, as words. */
function examplesIn(text: string): string[][] {
  const blocks = [...text.matchAll(/```sh\n(.*?)```/gs)].map(([, block = ""]) => block);
  const lines = blocks.flatMap((block) => block.replaceAll(/ #.*$/gm, "").split(/[\n|]/));
  return lines.flatMap((line) => {
    const [, rest] = /(?:^|\s)headrace(?:\s(.*))?$/.exec(line.trim()) ?? [];
    if (!/(?:^|\s)headrace(?:\s|$)/.test(line)) return [];
    return [
      (rest ?? "")
        .replaceAll(/"[^"]*"/g, "text")
        .split(/\s+/)
        .filter((word) => word !== ""),
    ];
  });
}

function knows(command: Command | undefined, flag: string): boolean {
  return command?.options.some(({ long, short }) => long === flag || short === flag) ?? false;
}

describe("the pages about the command line", () => {
  const examples = [...examplesIn(page), ...examplesIn(readme)];

  test("have an example of every command", () => {
    const shown = new Set(examplesIn(page).map(([name = "serve"]) => name));
    assert.deepEqual(
      names.filter((name) => !shown.has(name)),
      [],
    );
    for (const name of names) assert.match(page, new RegExp(`^## ${name}$`, "m"));
  });

  test("name only commands and options that exist", () => {
    assert.ok(examples.length > 15);
    for (const [name = "serve", ...words] of examples) {
      const command = commands.find((candidate) => candidate.name() === name);
      assert.ok(command !== undefined, `there is no headrace ${name}`);
      const inner = command.commands.find((candidate) => candidate.name() === words[0]) ?? command;
      for (const flag of words.filter((word) => word.startsWith("-"))) {
        assert.ok(knows(inner, flag), `headrace ${name} has no ${flag}`);
      }
    }
  });
});
