import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Rung } from "../src/core/events.ts";
import type { SeamVerdict } from "../src/reliability/seam-finder.ts";
import { SeamFinder } from "../src/reliability/seam-finder.ts";

const said = "Rivers meander because water runs faster along the outer bank, which it wears away, while";
const rest = " it drops what it carries along the inner one.";

/** What a reader gets to see behind the seam; undefined when there is none. */
function joined(before: string, rung: Rung, pieces: readonly string[]): { text: string; verdict: SeamVerdict } {
  const seam = new SeamFinder(before, rung);
  let verdict: SeamVerdict = { is: "undecided" };
  let text = "";
  for (const piece of pieces) {
    if (verdict.is === "undecided") verdict = seam.push(piece);
    else text += piece;
    if (verdict.is === "joined" && text === "") text = verdict.text;
    if (verdict.is === "rejected") break;
  }
  if (verdict.is === "undecided") verdict = seam.end();
  if (verdict.is === "joined" && text === "") text = verdict.text;
  return { text, verdict };
}

/** Joins a text that comes in one piece, after seeing that it makes no difference when it comes in single characters. */
function join(before: string, rung: Rung, text: string) {
  const whole = joined(before, rung, [text]);
  // Code units, so that pairs are cut, too.
  const slices = joined(before, rung, text.split(""));
  expect(slices.verdict.is).toBe(whole.verdict.is);
  if (whole.verdict.is !== "joined" || slices.verdict.is !== "joined") return undefined;
  expect(slices.text).toBe(whole.text);
  const { overlap, rung: found, confidence } = whole.verdict;
  expect(slices.verdict).toMatchObject({ overlap, rung: found, confidence });
  return { text: whole.text, overlap, rung: found, confidence };
}

describe("a model that was given the beginning as its own", () => {
  test("goes on directly", () => {
    expect(join(said, "prefill", rest)).toEqual({ text: rest, overlap: 0, rung: "prefill", confidence: 0.9 });
  });

  test("or repeats its last words first: 24 characters are taken out", () => {
    expect(join(said, "prefill", said.slice(-24) + rest)).toEqual({
      text: rest,
      overlap: 24,
      rung: "prefill",
      confidence: 1,
    });
  });

  test.each([8, 12, 23])("what repeats the last %i characters may be chance or not, and is not taken", (length) => {
    expect(join(said, "prefill", said.slice(-length) + rest)).toBeUndefined();
  });

  test("what repeats fewer is chance", () => {
    expect(join("one two, he said: ha ha ha", "prefill", " ha ha!")?.text).toBe(" ha ha!");
  });

  test("or begins anew: what was said already is taken out when it is the same to the end", () => {
    expect(join(said, "prefill", said + rest)).toEqual({
      text: rest,
      overlap: said.length,
      rung: "prefix-match",
      confidence: 1,
    });
    expect(join(said, "prefill", `${said.slice(0, 40)} of something else entirely${rest}`)).toBeUndefined();
    expect(join(said, "prefill", said.slice(0, 40))).toBeUndefined();
  });

  test("or has nothing to add", () => {
    expect(join(said, "prefill", "")).toMatchObject({ text: "", overlap: 0 });
  });

  test("a phrase from the middle of what was said is no repetition of its end", () => {
    const text = " water runs faster along the inner bank in winter.";
    expect(join(said, "prefill", text)?.text).toBe(text);
  });

  test("a beginning too short for a proof is not taken for one", () => {
    expect(join("The", "prefill", " sky is blue.")?.text).toBe(" sky is blue.");
    expect(join("The", "prefill", "The sky is blue.")).toBeUndefined();
    expect(join("The", "prefill", "Then he left")).toBeUndefined();
    expect(join("a", "prefill", "nd so on")?.text).toBe("nd so on");
  });
});

describe("a model that was asked to repeat the last words", () => {
  const tail = said.slice(-60);
  const marks: [string, string][] = [
    ["", ""],
    ['"', '"'],
    ["“", "”"],
    ["«", "»"],
    ["**", "**"],
    ["```\n", "```"],
    ["...", ""],
    ["… ", ""],
    ["> ", ""],
    ["\n\n", ""],
    ["<tail>", "</tail>"],
    ["<tail>\n", "</tail>"],
    ["", "</tail>"],
    ['"<tail>', "</tail>"],
  ];

  test.each(marks)("is understood when it puts %j before them and %j behind", (before, after) => {
    expect(join(said, "anchor-echo", before + tail + after + rest)).toEqual({
      text: rest,
      overlap: 60,
      rung: "anchor-echo",
      confidence: 1,
    });
  });

  test.each(marks)("and nothing more comes, with %j before them and %j behind", (before, after) => {
    expect(join(said, "anchor-echo", before + tail + after)).toMatchObject({ text: "" });
  });

  test("has to repeat at least 24 characters", () => {
    expect(join(said, "anchor-echo", said.slice(-24) + rest)?.text).toBe(rest);
    expect(join(said, "anchor-echo", said.slice(-23) + rest)).toBeUndefined();
    expect(join(said, "anchor-echo", rest)).toBeUndefined();
  });

  test("may say everything again", () => {
    expect(join(said, "anchor-echo", said + rest)).toMatchObject({ text: rest, rung: "prefix-match" });
  });

  test.each([
    ["a paraphrase", "Streams wind since the flow is quicker along the outside, which is eroded,"],
    ["an introduction", `Sure, here is how it goes on: ${tail}`],
    ["an apology", "I apologise for the interruption."],
    ["other words from the middle on", `${tail.slice(0, 40)} other words than before`],
    ["too many marks", `${'"'.repeat(25)}${tail}`],
    ["nothing", ""],
    ["only marks", '"..."'],
    ["only a tag", "<tail>"],
    ["half a tag", "<ta"],
  ])("is not believed when it says %s", (_what, text) => {
    expect(join(said, "anchor-echo", text)).toBeUndefined();
  });

  test("repeats all of what was very short", () => {
    expect(join("The sky", "anchor-echo", "The sky is blue.")).toMatchObject({ text: " is blue.", overlap: 7 });
    expect(join("The sky", "anchor-echo", "is blue.")).toBeUndefined();
  });
});

describe("a model that is asked the same again", () => {
  test("has to say the same to the end", () => {
    expect(join(said, "prefix-match", said + rest)).toMatchObject({ text: rest, overlap: said.length, confidence: 1 });
    expect(join(said, "prefix-match", said)).toMatchObject({ text: "" });
    expect(join(said, "prefix-match", said.slice(0, -1))).toBeUndefined();
    expect(join(said, "prefix-match", said.slice(10) + rest)).toBeUndefined();
    expect(join(said, "prefix-match", `${said.slice(0, -1)}X${rest}`)).toBeUndefined();
  });
});

describe("white space at the joint", () => {
  test.each([
    // said, what comes, what a reader sees in the end
    [`${said} `, rest, said + rest],
    [`${said}\n\n`, "\n\nNext.", `${said}\n\nNext.`],
    [`${said}\n\n`, "\nNext.", `${said}\n\nNext.`],
    [`${said}\n\n`, "Next.", `${said}\n\nNext.`],
    [`${said}\n`, "\n\nNext.", `${said}\n\nNext.`],
    [said, "\n\nNext.", `${said}\n\nNext.`],
    [said.slice(0, -2), `${said.slice(-2)}${rest}`, said + rest],
  ])("%# is neither lost nor doubled", (before, text, whole) => {
    expect(before + join(before, "prefill", text)?.text).toBe(whole);
    const tail = before.trimEnd().slice(-50);
    expect(before + join(before, "anchor-echo", tail + text)?.text).toBe(whole);
    expect(before + join(before, "anchor-echo", `<tail>${tail}</tail>${text}`)?.text).toBe(whole);
    expect(before + join(before, "prefix-match", before.trimEnd() + text)?.text).toBe(whole);
  });

  test.each(["prefill", "anchor-echo", "prefix-match"] as const)(
    "and nothing but white space is no beginning (%s)",
    (rung) => {
      expect(join("\n\n", rung, "\n\nThe sky")).toMatchObject({ text: "The sky", overlap: 2 });
      expect(join("\n\n", rung, "The sky")).toMatchObject({ text: "The sky", overlap: 0, confidence: 1 });
    },
  );
});

describe("a surrogate pair", () => {
  const waves = `${said} \ud83c`;

  test("that was cut in its middle is completed", () => {
    for (const [rung, text] of [
      ["prefill", " 🌊 and"],
      ["anchor-echo", `${said.slice(-40)} 🌊 and`],
      ["prefix-match", `${said} 🌊 and`],
    ] as const) {
      expect(waves + join(waves, rung, text)?.text).toBe(`${said} 🌊 and`);
    }
  });

  test("of which nothing comes leaves no half behind", () => {
    expect(join(waves, "prefill", " rivers and")).toBeUndefined();
    expect(join(waves, "anchor-echo", `${said.slice(-40)} rivers`)).toBeUndefined();
    expect(join(waves, "prefix-match", `${said} rivers`)).toBeUndefined();
  });

  test("is never cut by an overlap", () => {
    const emoji = "🌊🧭✨".repeat(12);
    expect(join(emoji, "prefill", `${emoji.slice(-30)} and`)).toMatchObject({ text: " and", overlap: 30 });
    expect(join(emoji, "prefill", `${emoji} and`)).toMatchObject({ text: " and", overlap: emoji.length });
  });
});

test("wherever an answer is cut and however much is repeated, everything is said once", () => {
  const words = Array.from({ length: 40 }, (_value, index) => `word${index}`).join(" ");
  const at = fc.integer({ min: 1, max: words.length });
  const rung = fc.constantFrom<Rung>("prefill", "anchor-echo", "prefix-match");
  fc.assert(
    fc.property(at, fc.nat(words.length), rung, (length, repeats, asked) => {
      const before = words.slice(0, length);
      const found = join(before, asked, words.slice(Math.max(0, length - repeats)));
      // A few characters may be repeated by chance, and are then left alone.
      if (found === undefined || (asked === "prefill" && repeats > 0 && repeats < 8 && found.overlap < 24)) return;
      expect(before + found.text).toBe(words);
    }),
    { numRuns: 2_000 },
  );
});

test("whatever the text is, cutting it differently changes nothing", () => {
  // A small alphabet makes repetitions likely.
  const text = fc.string({ unit: fc.constantFrom("a", "b", " ", '"', "\n", "<", "🌊", "."), maxLength: 80 });
  const rung = fc.constantFrom<Rung>("prefill", "anchor-echo", "prefix-match");
  fc.assert(
    fc.property(text, text, fc.nat(80), rung, (before, after, repeats, asked) => {
      fc.pre(before !== "");
      join(before, asked, after);
      const found = join(before, asked, before.slice(-repeats) + after);
      if (found === undefined || found.confidence < 1) return;
      expect(found.overlap).toBeLessThanOrEqual(before.length);
    }),
    { numRuns: 3_000 },
  );
});
