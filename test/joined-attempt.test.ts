import { describe, expect, test } from "vitest";

import type { HeadraceError } from "../src/core/errors.ts";
import type { StreamEvent } from "../src/core/events.ts";
import type { JoinedAttemptOptions } from "../src/reliability/joined-attempt.ts";
import { addUsage, JoinedAttempt } from "../src/reliability/joined-attempt.ts";

function fit(events: readonly StreamEvent[], options: Partial<JoinedAttemptOptions> = {}): StreamEvent[] {
  const before = { text: "The sky ", reasoning: "", isJson: false, usage: { inputTokens: 0, outputTokens: 0 } };
  const joined = new JoinedAttempt({ ...before, ...options });
  return events.flatMap((event) => joined.fit(event) ?? []);
}

const text = (words: string): StreamEvent => ({ type: "text-delta", text: words });
const reasoning = (words: string): StreamEvent => ({ type: "reasoning-delta", text: words });
const signature: StreamEvent = { type: "reasoning-signature", signature: "proof" };
const textBlock: StreamEvent = { type: "block-start", kind: "text" };
const reasoningBlock: StreamEvent = { type: "block-start", kind: "reasoning" };
const blockEnd: StreamEvent = { type: "block-end" };

describe("an attempt behind a seam", () => {
  test("is announced without what only makes sense beside its own frames", () => {
    const joined = new JoinedAttempt({ text: "a", reasoning: "", isJson: false, usage: addUsage(none, none) });
    const extra = { system_fingerprint: "fp" };
    const start = { type: "attempt-start", provider: "p", model: "m", attempt: 2, responseId: "r" } as const;
    expect(joined.start({ ...start, protocol: "openai-chat", extra })).toEqual(start);
    expect(fit([{ type: "text-delta", text: "is", extra, more: true }])).toEqual([text("is")]);
    expect(fit([{ type: "vendor-frame", extra }])).toEqual([]);
  });

  test("goes on in the block of text that was begun", () => {
    expect(fit([textBlock, text("is"), blockEnd])).toEqual([text("is"), blockEnd]);
    expect(fit([textBlock, text("Is"), blockEnd], { text: "" })).toEqual([textBlock, text("Is"), blockEnd]);
  });

  test("keeps its thoughts to itself once there is text", () => {
    expect(fit([reasoningBlock, reasoning("hm"), signature, blockEnd, textBlock, text("is")])).toEqual([text("is")]);
  });

  test("repeats no thought, and shows only new ones that agree with those before", () => {
    const before = { text: "", reasoning: "first, " };
    const anew = [reasoningBlock, reasoning("fir"), reasoning("st, second"), reasoning(" third"), signature, blockEnd];
    expect(fit([...anew, textBlock, text("The")], before)).toEqual([
      reasoning("second"),
      reasoning(" third"),
      textBlock,
      text("The"),
    ]);
    expect(fit([reasoning("else"), reasoning("first, "), text("The")], before)).toEqual([text("The")]);
  });

  test("keeps a signature only for thoughts that are all its own", () => {
    expect(fit([reasoning("hm"), signature], { text: "" })).toEqual([reasoning("hm"), signature]);
    expect(fit([reasoning("hm"), signature], { text: "", reasoning: "h" })).toEqual([reasoning("m")]);
  });

  test("counts what was used up before it", () => {
    const usage = { inputTokens: 9, outputTokens: 40, estimated: true } as const;
    const report: StreamEvent = {
      type: "usage",
      usage: { inputTokens: 50, outputTokens: 20, cachedInputTokens: 5, totalTokens: 70 },
    };
    expect(fit([report], { usage })).toEqual([
      { type: "usage", usage: { inputTokens: 59, outputTokens: 60, cachedInputTokens: 5, estimated: true } },
    ]);
  });
});

describe("an answer that has to be JSON", () => {
  const json = { text: '{"a": [1, ', isJson: true };
  const finish = (reason: "stop" | "length"): StreamEvent => ({ type: "finish", reason });

  test("goes on while both parts together can become a document", () => {
    const rest = [text("2"), text("], "), text('"b": "}'), text('"}'), finish("stop")];
    expect(fit(rest, json)).toEqual(rest);
    expect(fit([text("2"), finish("length")], json)).toHaveLength(2);
  });

  test.each([
    ["what cannot follow", [text("{]")]],
    ["a whole document of its own", [text('{"a": [1, 2]}'), finish("stop")]],
    ["a part only", [text("2]"), finish("stop")]],
    ["words", [text("Sorry")]],
  ])("breaks off with %s", (_what, rest) => {
    expect(codeOf(() => fit(rest, json))).toBe("stream-interrupted");
  });
});

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return (error as HeadraceError).code;
  }
}

const none = { inputTokens: 0, outputTokens: 0 };
