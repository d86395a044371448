import { expect, test } from "vitest";

import { filesIn, readText } from "./support/source-files.ts";

/** Those of several machines come with them. */
const expected = [...numbers(1, 44), 61, 62];

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** Numbers in the titles of a file's tests: `row 3: ...`, `rows 3, 4: ...`, and `row %i` with a table of them. */
function rowsIn(text: string): Set<number> {
  const written = [...text.matchAll(/["'`]rows? ([\d, ]+):/g)].flatMap(([, list = ""]) => list.split(",").map(Number));
  const fromTable = /["'`]row (%i|\$row)/.test(text)
    ? [...text.matchAll(/(?:^\s*\[(?=\d+, ")|\brow: )(\d+),/gm)].map(([, row]) => Number(row))
    : [];
  return new Set([...written, ...fromTable]);
}

test("every line of the table of failures is proven where it says", () => {
  const lines = [...readText("docs/reliability.md").matchAll(/^\| (\d+) \|.*\| `([\w-]+)` \|$/gm)];
  expect(lines.map(([, row]) => Number(row))).toEqual(expected);
  const unproven = lines.filter(([, row, file]) => !rowsIn(readText(`test/${file}.test.ts`)).has(Number(row)));
  expect(unproven.map(([line]) => line)).toEqual([]);
});

test("no test proves a line that the table does not have", () => {
  const files = filesIn("test").filter((path) => /\.(test|chaos)\.ts$/.test(path));
  const proven = new Set(files.flatMap((path) => [...rowsIn(readText(path))]));
  const single = [...proven].filter((row) => !expected.includes(row));
  expect(single).toEqual([]);
});
