import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { JsonPrefix } from "../src/reliability/json-prefix.ts";

function read(text: string): JsonPrefix {
  const prefix = new JsonPrefix();
  prefix.push(text);
  return prefix;
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const numRuns = 2_000;
const spaces = fc.constantFrom("", " ", "\n", "\t", "  ", "\r\n");
/** Documents as models write them: with white space, escapes and numbers of every kind. */
const { document } = fc.letrec<{ document: string; value: string }>((tie) => ({
  document: fc.tuple(spaces, tie("value"), spaces).map((parts) => parts.join("")),
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(
      "true",
      "false",
      "null",
      "0",
      "-0",
      "1.5",
      "-12e+3",
      "1E5",
      "0.10e-2",
      '""',
      "[]",
      "{}",
      "[ ]",
      "{\n}",
    ),
    fc.string({ unit: "binary", maxLength: 8 }).map((text) => JSON.stringify(text)),
    fc.constantFrom('"\\u00e9"', '"\\ud83c\\udf0a"', '"\\\\"', '"\\/\\b"'),
    fc.array(tie("document"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
    fc
      .array(fc.tuple(spaces, fc.string({ maxLength: 4 }), spaces, tie("document")), { maxLength: 4 })
      .map((fields) => `{${fields.map(([a, key, b, value]) => `${a}${JSON.stringify(key)}${b}:${value}`).join(",")}}`),
  ),
}));

describe("text that shall become JSON", () => {
  test("is not given up while it is the beginning of a document, and is known to be whole", () => {
    fc.assert(
      fc.property(document, (text) => {
        for (let length = 0; length <= text.length; length++) {
          const beginning = read(text.slice(0, length));
          expect(beginning.isValid).toBe(true);
          expect(beginning.isComplete).toBe(parses(text.slice(0, length)));
        }
        expect(read(text).isComplete).toBe(true);
      }),
      { numRuns },
    );
  });

  test("is given up once nothing can make it a document any more", () => {
    const character = fc.constantFrom(...Array.from('{}[]",:\\ \n\u0001019-+.eEtruefalsn🌊u'));
    fc.assert(
      fc.property(document, fc.nat(), fc.nat(3), character, (text, at, remove, insert) => {
        const place = at % (text.length + 1);
        const mutated = text.slice(0, place) + insert + text.slice(place + remove);
        const { isValid, isComplete } = read(mutated);
        expect(isComplete).toBe(parses(mutated));
        expect(isValid || !isComplete).toBe(true);
      }),
      { numRuns },
    );
  });

  test("is judged the same in whatever pieces it comes", () => {
    const anything = fc.oneof(
      document,
      fc.string({ unit: fc.constantFrom(...Array.from('{}[]",:\\ 01-.eEtruefalsn')) }),
    );
    fc.assert(
      fc.property(anything, fc.nat(), (text, at) => {
        const place = at % (text.length + 1);
        const pieces = read(text.slice(0, place));
        pieces.push(text.slice(place));
        const whole = read(text);
        expect([pieces.isValid, pieces.isComplete]).toEqual([whole.isValid, whole.isComplete]);
      }),
      { numRuns },
    );
  });

  test.each([
    "}",
    "{,",
    "[,",
    "[1,]",
    '{"a":1,}',
    '{"a"}',
    '{"a":}',
    '{"a" 1',
    "{a",
    "{'a'",
    "01",
    "-a",
    "1.e",
    "1e+-",
    "+1",
    ".5",
    "truE",
    "nulll",
    "NaN",
    '"\\x',
    '"\\u12g',
    '"a\nb',
    "1 2",
    "{} {",
    "[1}",
    '{"a":[}',
    "Sure, here",
  ])("%j is the beginning of nothing", (text) => {
    expect(read(text).isValid).toBe(false);
    expect(read(text).isComplete).toBe(false);
  });
});
