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

/** The lines that a terminal would show: knows how to move left and to erase the rest of a line. */
function screen(output: string): string[] {
  const lines = [""];
  let column = 0;
  for (const [token, , count, action] of output.matchAll(
    new RegExp(`${escape}(\\[(\\d*)([DK])|\\[[\\d;]*m)|[^]`, "gu"),
  )) {
    const line = lines.at(-1) ?? "";
    if (action === "D") column -= Number(count);
    else if (action === "K") lines[lines.length - 1] = line.slice(0, column);
    else if (token === "\n") {
      lines.push("");
      column = 0;
    } else if (!token.startsWith(escape)) {
      lines[lines.length - 1] = line.slice(0, column) + token;
      column += 1;
    }
  }
  return lines;
}

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

  test("is wrapped between words, whatever the tokens are", () => {
    const prose =
      "The **quick brown** fox jumps over `the lazy dog`, and nobody minds at all, not even here in between.";
    const columns = 24;
    for (const size of [1, 2, 3, 5, 1_000]) {
      const renderer = createMarkdownRenderer(columns);
      let output = "";
      for (let at = 0; at < prose.length; at += size) output += renderer.push(prose.slice(at, at + size));
      const lines = screen(output + renderer.end());
      assert.equal(lines.map((line) => line.trim()).join(" "), prose.replaceAll(/[*`]/g, ""), `tokens of ${size}`);
      assert.ok(lines.length > 4 && lines.every((line) => line.length < columns), `tokens of ${size}`);
    }
  });

  test("keeps the lines of code whole", () => {
    const code = `const text = "${"word ".repeat(20)}";`;
    const renderer = createMarkdownRenderer(24);
    assert.ok(screen(renderer.push(`\`\`\`\n${code}\n\`\`\`\n`)).includes(code));
  });

  test("survives long runs of marks without slowing down", () => {
    const startedAt = performance.now();
    for (const mark of ["*", "_", "`", "#", " ", "\\", "-", ">", "~"]) {
      render([mark.repeat(100_000)]);
      render(mark.repeat(20_000));
    }
    // Work that grows with the square of the length would take minutes.
    assert.ok(performance.now() - startedAt < 10_000);
  });
});
