import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { createMarkdownRenderer } from "../src/cli/markdown.ts";

const escape = String.fromCharCode(27);
const styles = new RegExp(`${escape}\\[[\\d;]*m`, "g");

function render(pieces: Iterable<string>): string {
  const renderer = createMarkdownRenderer();
  let output = "";
  for (const piece of pieces) output += renderer.push(piece);
  return output + renderer.end();
}

const plain = (text: string) => render([text]).replace(styles, "");

const document = [
  "# A title",
  "Some **bold**, *italic*, ***both*** and `code *x*`.",
  "- one",
  "* two",
  "  - nested",
  "1. first",
  "> quoted",
  "```ts",
  "const x = 2 ** 3; // - not a list",
  "```",
  "---",
  "2 * 3 * 4 and snake_case_name and \\*stars\\*",
  "-5 degrees, #hashtag",
  "",
].join("\n");

describe("an answer in Markdown on a terminal", () => {
  test("loses its marks and keeps its words", () => {
    assert.equal(
      plain(document).replaceAll(/─+/g, "─"),
      [
        "A title",
        "Some bold, italic, both and code *x*.",
        "• one",
        "• two",
        "  • nested",
        "1. first",
        "│ quoted",
        "─ ts",
        "const x = 2 ** 3; // - not a list",
        "─",
        "─",
        "2 * 3 * 4 and snake_case_name and *stars*",
        "-5 degrees, #hashtag",
        "",
      ].join("\n"),
    );
  });

  test("looks the same however it was cut into tokens", () => {
    const whole = plain(document);
    for (let cut = 1; cut < document.length; cut++) {
      assert.equal(render([document.slice(0, cut), document.slice(cut)]).replace(styles, ""), whole, `cut at ${cut}`);
    }
    assert.equal(render(document).replace(styles, ""), whole, "one character at a time");
  });

  test("shows a word as soon as it is there", () => {
    const renderer = createMarkdownRenderer();
    assert.equal(renderer.push("Hel"), "Hel");
    assert.equal(renderer.push("lo **wor"), `lo ${escape}[0;1mwor`);
  });

  test("keeps what was never closed to its own line", () => {
    const [first = "", second = ""] = render(["an *open word\nthe next line"]).split("\n");
    assert.ok(first.endsWith(`${escape}[0m`));
    assert.equal(second.replace(styles, ""), "the next line");
    assert.ok(second.startsWith("the next line"));
  });

  test("survives long runs of marks without slowing down", () => {
    const startedAt = performance.now();
    for (const mark of ["*", "_", "`", "#", " ", "\\", "-", ">", "~"]) {
      render([mark.repeat(100_000)]);
      render(mark.repeat(20_000));
    }
    assert.ok(performance.now() - startedAt < 2_000);
  });
});
