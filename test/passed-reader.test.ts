import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { StreamEvent } from "../src/core/events.ts";
import { createPassedReader } from "../src/protocols/openai-passed-reader.ts";

/** What is understood of a body that comes in pieces of these sizes. */
function read(contentType: string, body: string, sizes: readonly number[] = [body.length]): StreamEvent[] {
  const reader = createPassedReader({ contentType, estimatedInputTokens: 12 });
  const bytes = new TextEncoder().encode(body);
  const events: StreamEvent[] = [];
  for (let at = 0, piece = 0; at < bytes.byteLength; piece++) {
    const size = sizes[piece % sizes.length] as number;
    // As transports do, which use their buffer again.
    const buffer = bytes.slice(at, at + size);
    events.push(...reader.push(buffer));
    buffer.fill(0);
    at += size;
  }
  return [...events, ...reader.end()];
}

const usage = { prompt_tokens: 31, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 8 } };
const asRead = { type: "usage", usage: { inputTokens: 31, outputTokens: 4, cachedInputTokens: 8 } };
const sizes = fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 5 });
const stuffing = fc.nat(60_000).map((length) => "é[0.1, ".repeat(Math.ceil(length / 7)));

describe("an answer in one piece that is passed on", () => {
  test("is counted by its usage wherever that is, however its bytes are cut", () => {
    const property = fc.property(stuffing, fc.boolean(), sizes, (text, isFirst, cuts) => {
      const choices = [{ text: `{"usage":{"prompt_tokens":999}} ${text}`, finish_reason: "length" }];
      const body = JSON.stringify(isFirst ? { usage, choices } : { choices, usage }, undefined, text.length % 3);
      expect(read("application/json", body, cuts)).toEqual([
        asRead,
        { type: "finish", reason: "length" },
        { type: "stream-end", outcome: "length" },
      ]);
    });
    fc.assert(property, { numRuns: 60 });
  });

  test("without usage is estimated; what only its provider could have counted is not made up", () => {
    expect(read("application/json", JSON.stringify({ choices: [{ text: "x".repeat(40) }] }))[0]).toEqual({
      type: "usage",
      usage: { inputTokens: 12, outputTokens: 10, estimated: true },
    });
    expect(read("application/json", JSON.stringify({ data: [], usage: { total_tokens: 5 } }))[0]).toEqual({
      type: "usage",
      usage: { inputTokens: 5, outputTokens: 0 },
    });
  });

  test("that is an error says so", () => {
    const [end] = read("application/json", '{"error":{"message":"SECRET","type":"overloaded_error"}}');
    expect(end).toMatchObject({ type: "stream-end", outcome: "failed" });
    expect(JSON.stringify(end)).not.toContain("SECRET");
  });

  test("may be anything at all", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40_000 }), (bytes) => {
        const reader = createPassedReader({ contentType: "application/json", estimatedInputTokens: 0 });
        expect(reader.push(bytes)).toEqual([]);
        expect(reader.end().at(-1)?.type).toBe("stream-end");
      }),
      { numRuns: 50 },
    );
  });
});

describe("a stream that is passed on", () => {
  const frame = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;

  test("is understood however its bytes are cut", () => {
    const body = [
      ": hello\n\n",
      frame({ choices: [{ text: "a blué " }] }),
      frame({ choices: [{ text: "sky", finish_reason: "stop" }] }),
      frame({ choices: [], usage }),
      "data: [DONE]\n\n",
    ].join("");
    const property = fc.property(sizes, (cuts) => {
      expect(read("text/event-stream; charset=utf-8", body, cuts)).toEqual([
        { type: "text-delta", text: "a blué " },
        { type: "text-delta", text: "sky" },
        { type: "finish", reason: "stop" },
        asRead,
        { type: "stream-end", outcome: "completed" },
      ]);
    });
    fc.assert(property, { numRuns: 60 });
  });

  test("is not looked into further behind an event that is too long, and not called broken for it", () => {
    const body = `${frame({ choices: [{ text: "x".repeat(300_000) }] })}data: [DONE]\n\n`;
    expect(read("text/event-stream", body, [10_000])).toEqual([{ type: "stream-end", outcome: "completed" }]);
  });

  test("that ends in an error, or without an end, is not whole", () => {
    const failed = read("text/event-stream", frame({ error: { message: "SECRET", code: 503 } }));
    expect(failed.at(-1)).toMatchObject({ type: "stream-end", outcome: "failed" });
    expect(JSON.stringify(failed)).not.toContain("SECRET");
    expect(read("text/event-stream", frame({ choices: [{ text: "a" }] })).at(-1)).toMatchObject({
      outcome: "interrupted",
      error: { code: "stream-truncated" },
    });
  });
});
