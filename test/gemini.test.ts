import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foldAnswer } from "../src/core/answer.ts";
import type { StreamEnd, StreamEvent } from "../src/core/events.ts";
import type { JsonObject } from "../src/core/json.ts";
import { gemini } from "../src/protocols/gemini.ts";
import { openaiChat } from "../src/protocols/openai-chat.ts";
import { dataOf, describeProtocol, readBody, readFixtures, writeBody } from "./conformance/protocol.ts";

const utf8 = new TextEncoder();
const fixtures = readFixtures("gemini");
const fixture = (name: string) => fixtures.find((one) => one.name === name)?.bytes as Uint8Array;
const read = (name: string) => readBody(gemini, [fixture(name)]);
const chunksOf = (events: readonly StreamEvent[]) => dataOf(writeBody(gemini, events)) as JsonObject[];
const start: StreamEvent = {
  type: "stream-start",
  streamId: "st_test",
  format: 1,
  protocol: "gemini",
  model: "smart",
  createdAt: 1_763_700_000_000,
};

describeProtocol(gemini, fixtures);

describe("what an answer says is understood", () => {
  const blocks = (name: string) =>
    foldAnswer(read(name)).choices.map((choice) =>
      choice.blocks.map((block) =>
        block.kind === "tool-call"
          ? `${block.callId} ${block.name} ${block.argumentsText}`
          : `${block.kind}: ${block.text}${block.kind === "reasoning" && block.signature ? ` [${block.signature}]` : ""}`,
      ),
    );

  test.each([
    ["plain", [['text: Hello, "wörld" 👋\n\\ done\ttab "data: [DONE]\n\n']]],
    ["crlf", [['text: Hello, "wörld" 👋\n\\ done\ttab "data: [DONE]\n\n']]],
    ["tool", [['call_rG7aZ4-1_0 get_weather {"city":"Oslo","days":2}']]],
    [
      "tools-parallel",
      [
        [
          "text: Let me look.",
          "reasoning:  [c2lnLTE=]",
          'fc_1 get_weather {"city":"Oslo"}',
          'fc_2 get_time {"zone":"CET","deep":{"a":[1,{"b":null}]}}',
          "call_rG7aZ4-1_2 get_news {}",
        ],
      ],
    ],
    ["thoughts", [["reasoning: First, then so.", "text: It is four.", "reasoning:  [c2lnbmF0dXJlLXRleHQ=]"]]],
    [
      "thoughts-tool",
      [["reasoning: I need the weather. [c2lnbmF0dXJlLWNhbGw=]", 'call_rG7aZ4-1_0 get_weather {"city":"Oslo"}']],
    ],
    ["structured", [['text: {"name": "Ada", "tags": ["a\\nb", "\\u00e9"]}']]],
    ["candidates-2", [["text: Aaacx"], ["text: Bbbdy"]]],
    ["spaced", [['text: café "a" \\xy']]],
    ["index-left-out", [["text: One two"]]],
    ["unknown", [["text: Hi there!"]]],
    ["prompt-blocked", [[]]],
    ["empty-answer", [[]]],
  ])("%s", (name, expected) => {
    expect(blocks(name)).toEqual(expected);
  });

  test.each([
    ["plain", "completed", "stop", { inputTokens: 4, outputTokens: 9, totalTokens: 13 }],
    ["tool", "completed", "tool_calls", { inputTokens: 30, outputTokens: 8, totalTokens: 38 }],
    ["thoughts", "completed", "stop", { inputTokens: 9, outputTokens: 34, reasoningTokens: 30, totalTokens: 43 }],
    ["length", "length", "length", { inputTokens: 5, outputTokens: 4, totalTokens: 9 }],
    ["safety", "content_filter", "content_filter", { inputTokens: 5, outputTokens: 1, totalTokens: 6 }],
    ["recitation", "content_filter", "content_filter", { inputTokens: 5, outputTokens: 4, totalTokens: 9 }],
    ["prompt-blocked", "content_filter", "content_filter", { inputTokens: 7, outputTokens: 0, totalTokens: 7 }],
    [
      "usage-tools",
      "completed",
      "stop",
      { inputTokens: 105, outputTokens: 6, cachedInputTokens: 2, reasoningTokens: 3, totalTokens: 11 },
    ],
    ["usage-cached", "completed", "stop", { inputTokens: 50, outputTokens: 3, cachedInputTokens: 32, totalTokens: 53 }],
    ["continuation", "completed", "paused", { inputTokens: 5, outputTokens: 4, totalTokens: 9 }],
    ["index-left-out", "completed", "other", { inputTokens: 0, outputTokens: 0, totalTokens: 3 }],
    ["long-reason", "completed", "other", undefined],
  ])("%s ends as %s, because of %s, with its usage", (name, outcome, reason, usage) => {
    const answer = foldAnswer(read(name));
    expect(answer.outcome).toBe(outcome);
    expect(answer.choices[0]?.finishReason).toBe(reason);
    expect(answer.usage).toEqual(usage);
  });

  test("sources are found, and their places counted as everywhere else", () => {
    const [block] = foldAnswer(read("grounding")).choices[0]?.blocks ?? [];
    const text = block?.kind === "text" ? block.text : "";
    const cited = block?.kind === "text" ? (block.citations ?? []) : [];
    expect(cited.map(({ url, title, startIndex, endIndex }) => [url, title, text.slice(startIndex, endIndex)])).toEqual(
      [
        ["https://example.org/nile", "example.org", "Älv: the Nile."],
        ["https://example.com/rivers", "example.com", "Älv: the Nile."],
        ["https://example.com/rivers", "example.com", " It is 6650 km ≈ "],
      ],
    );
  });

  test("an answer that Google wants to go on with is not the end of it to anybody else", () => {
    const chunks = dataOf(writeBody(openaiChat, [start, ...read("continuation")])) as JsonObject[];
    expect(JSON.stringify(chunks)).toContain('"finish_reason":"length"');
  });

  test("log probabilities are OpenAI's for everybody else", () => {
    const chunks = dataOf(writeBody(openaiChat, [start, ...read("logprobs")])) as JsonObject[];
    expect(JSON.stringify(chunks)).toContain(
      '{"token":" é","logprob":-1.25,"bytes":[32,195,169],"top_logprobs":[{"token":" é"',
    );
  });

  test("a run of plain text carries nothing but its text and its usage into the log", () => {
    const events = read("plain");
    expect(events.slice(3, 7)).toEqual([
      { type: "text-delta", text: ', "wörld" 👋', more: true },
      expect.objectContaining({ type: "usage" }),
      { type: "text-delta", text: '\n\\ done\ttab "', more: true },
      { type: "usage", usage: { inputTokens: 4, outputTokens: 6, totalTokens: 10 } },
    ]);
  });
});

describe("an answer that broke is never complete", () => {
  const folder = join(import.meta.dirname, "fixtures/gemini/broken");
  const broken = readdirSync(folder).map((file) => file.replace(".sse", ""));
  const codes: Record<string, string> = {
    cut: "stream-truncated",
    "cut-in-chunk": "stream-truncated",
    "no-finish-reason": "stream-truncated",
    "one-of-two-unfinished": "stream-truncated",
    "only-comments": "stream-truncated",
    empty: "stream-truncated",
    "usage-only": "stream-truncated",
    "done-without-finish": "stream-truncated",
    "prompt-not-blocked": "stream-truncated",
    "in-stream-error": "provider-overloaded",
    "in-stream-quota": "provider-quota",
    "bare-error": "context-too-long",
    "array-error": "provider-auth",
  };

  test.each(broken)("%s", (name) => {
    const bytes = new Uint8Array(readFileSync(join(folder, `${name}.sse`)));
    const events = readBody(gemini, [bytes]);
    const end = events.at(-1) as StreamEnd;
    expect(end.outcome).toBe("failed");
    expect(end.error?.code).toBe(codes[name] ?? "provider-error");
    expect(events.filter(({ type }) => type === "stream-end")).toHaveLength(1);
    expect(
      readBody(
        gemini,
        Array.from(bytes, (byte) => Uint8Array.of(byte)),
      ),
    ).toEqual(events);
    expect(JSON.stringify(events)).not.toContain("SECRET");
    const last = chunksOf(events).at(-1);
    expect(last).toMatchObject({ error: { code: expect.any(Number), status: expect.any(String) } });
  });

  test("one chunk that is no JSON costs its own text only", () => {
    const [first = "", ...rest] = new TextDecoder().decode(fixture("plain")).split("\n\n");
    const events = readBody(gemini, [utf8.encode([first, "data: {oops", ...rest].join("\n\n"))]);
    expect(foldAnswer(events)).toEqual(foldAnswer(read("plain")));
  });
});

describe("a provider can send anything", () => {
  const anyPart = fc.oneof(
    fc.jsonValue(),
    fc.record(
      {
        text: fc.oneof(fc.string(), fc.jsonValue()),
        thought: fc.boolean(),
        thoughtSignature: fc.oneof(fc.string(), fc.jsonValue()),
        functionCall: fc.oneof(
          fc.jsonValue(),
          fc.record(
            { id: fc.string(), name: fc.string(), args: fc.dictionary(fc.string(), fc.jsonValue()) },
            { requiredKeys: ["name"] },
          ),
        ),
      },
      { requiredKeys: [] },
    ),
  );
  const anyCount = fc.oneof(fc.nat(), fc.jsonValue());
  const anyChunk = fc.record(
    {
      candidates: fc.array(
        fc.record(
          {
            index: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.jsonValue()),
            content: fc.oneof(fc.jsonValue(), fc.record({ parts: fc.array(anyPart, { maxLength: 3 }) })),
            finishReason: fc.oneof(fc.constantFrom("STOP", "SAFETY", "SPII"), fc.jsonValue()),
            groundingMetadata: fc.jsonValue(),
            logprobsResult: fc.jsonValue(),
          },
          { requiredKeys: [] },
        ),
        { maxLength: 3 },
      ),
      promptFeedback: fc.jsonValue(),
      usageMetadata: fc.oneof(
        fc.jsonValue(),
        fc.record(
          {
            promptTokenCount: anyCount,
            candidatesTokenCount: anyCount,
            thoughtsTokenCount: anyCount,
            totalTokenCount: anyCount,
          },
          { requiredKeys: [] },
        ),
      ),
      responseId: fc.jsonValue(),
      modelVersion: fc.jsonValue(),
    },
    { requiredKeys: ["candidates"] },
  );

  test("and it is read without a throw, and written as it was or not at all", () => {
    fc.assert(
      fc.property(fc.array(anyChunk, { maxLength: 5 }), (chunks) => {
        const body = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("");
        const events = readBody(gemini, [utf8.encode(body)]);
        expect(events.filter(({ type }) => type === "stream-end")).toHaveLength(1);
        const written = dataOf(writeBody(gemini, events));
        const sent = dataOf(body);
        const whole = events.at(-1)?.type === "stream-end" && (events.at(-1) as StreamEnd).error === undefined;
        const same = whole ? written : written.slice(0, -1);
        expect(same).toEqual(sent.slice(0, same.length));
      }),
      { numRuns: 1000 },
    );
  });

  test("texts and counts are found in chunks of any look, with or without parsing them", () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }),
      fc.constantFrom('"text":', "\\", '\\"', "\ufffc1.0"),
    );
    const piece = fc.record({ text, count: fc.nat(), thought: fc.boolean() });
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), fc.nat(3), (pieces, look) => {
        const space = look % 2 === 0 ? undefined : 1;
        const body = pieces
          .map(({ text: said, count, thought }) => {
            const part = { text: said, ...(thought && { thought }) };
            const usageMetadata = { promptTokenCount: 1, candidatesTokenCount: count, details: [{ tokenCount: 1 }] };
            const candidates = [{ content: { parts: [part] }, index: look > 1 ? 1 : 0 }];
            const json = JSON.stringify({ candidates, usageMetadata }, undefined, space).replaceAll("\n", "");
            return `data: ${json}\n\n`;
          })
          .join("");
        const events = readBody(gemini, [utf8.encode(body)]);
        const said = events.flatMap((event) => (event.type === "text-delta" ? [event.text] : []));
        const counted = events.flatMap((event) => (event.type === "usage" ? [event.usage.outputTokens] : []));
        expect(said).toEqual(pieces.flatMap(({ text: one, thought }) => (thought || one === "" ? [] : [one])));
        expect(counted).toEqual(pieces.map(({ count }) => count));
        expect(dataOf(writeBody(gemini, events)).slice(0, pieces.length)).toEqual(dataOf(body));
      }),
      { numRuns: 500 },
    );
  });

  test("the prototypes of our objects stay as they are", () => {
    const evil =
      '{"candidates":[{"content":{"parts":[{"text":"x","__proto__":{"polluted":1}},{"functionCall":{"name":"f","args":{"__proto__":{"polluted":1}}}}]},"__proto__":{"polluted":1}}],"__proto__":{"polluted":1}}';
    const events = readBody(gemini, [utf8.encode(`data: ${evil}\n\ndata: ${evil.replace('"x"', '"y"')}\n\n`)]);
    writeBody(gemini, events);
    gemini.writeAnswer(foldAnswer(events), { streamId: "st_test" });
    expect(({} as JsonObject)["polluted"]).toBeUndefined();
  });
});
