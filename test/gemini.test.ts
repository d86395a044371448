import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AnswerFold, foldAnswer } from "../src/core/answer.ts";
import { HeadraceError } from "../src/core/errors.ts";
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

describe("an answer that came from elsewhere", () => {
  const foreign: StreamEvent = { type: "attempt-start", provider: "x", model: "m-1", protocol: "openai-chat" };
  const whole: StreamEvent = { type: "stream-end", outcome: "completed" };

  test("has a part in every chunk, and the finish with the usage in the last one", () => {
    const chunks = chunksOf([
      start,
      foreign,
      { type: "text-delta", text: "Hi" },
      { type: "finish", reason: "stop" },
      { type: "usage", usage: { inputTokens: 3, outputTokens: 5, reasoningTokens: 2, cachedInputTokens: 1 } },
      whole,
    ]);
    const names = { modelVersion: "m-1", responseId: "st_test" };
    expect(chunks).toEqual([
      { candidates: [{ content: { parts: [{ text: "Hi" }], role: "model" }, index: 0 }], ...names },
      {
        candidates: [{ content: { parts: [{ text: "" }], role: "model" }, finishReason: "STOP", index: 0 }],
        usageMetadata: {
          promptTokenCount: 3,
          candidatesTokenCount: 3,
          thoughtsTokenCount: 2,
          cachedContentTokenCount: 1,
          totalTokenCount: 8,
        },
        ...names,
      },
    ]);
  });

  test("function calls are whole, also interleaved ones", () => {
    const parts = chunksOf([
      start,
      foreign,
      { type: "tool-call-start", call: 0, callId: "a", name: "f", kind: "function" },
      { type: "tool-call-start", call: 1, callId: "b", name: "g", kind: "function" },
      { type: "tool-call-delta", call: 0, argumentsText: '{"x":{}' },
      { type: "tool-call-delta", call: 1, argumentsText: '{\n"y":2}' },
      { type: "text-delta", text: "so" },
      { type: "tool-call-delta", call: 0, argumentsText: "}" },
      { type: "tool-call-start", call: 2, callId: "c", name: "h", kind: "custom" },
      { type: "tool-call-delta", call: 2, argumentsText: "SELECT 1" },
      { type: "finish", reason: "tool_calls" },
      whole,
    ]).flatMap(partsOf);
    expect(parts).toEqual([
      { text: "so" },
      { functionCall: { id: "a", name: "f", args: { x: {} } } },
      { functionCall: { id: "b", name: "g", args: { y: 2 } } },
      { functionCall: { id: "c", name: "h", args: { input: "SELECT 1" } } },
      { text: "" },
    ]);
  });

  test.each([
    ["length", { candidates: [{ finishReason: "MAX_TOKENS" }] }],
    ["tool_calls", { error: { code: 502, details: [{ reason: "INTERRUPTED_TOOL_CALL" }] } }],
  ] as const)("a call whose arguments broke off is not shown; ended by %s", (reason, last) => {
    const chunks = chunksOf([
      start,
      foreign,
      { type: "tool-call-start", call: 0, callId: "a", name: "f", kind: "function" },
      { type: "tool-call-delta", call: 0, argumentsText: '{"x":' },
      { type: "finish", reason },
      { type: "stream-end", outcome: reason === "length" ? "length" : "completed" },
    ]);
    expect(JSON.stringify(chunks)).not.toContain("functionCall");
    expect(chunks.at(-1)).toMatchObject(last);
  });

  test.each([
    ["stop", "STOP"],
    ["stop_sequence", "STOP"],
    ["tool_calls", "STOP"],
    ["length", "MAX_TOKENS"],
    ["context_full", "MAX_TOKENS"],
    ["content_filter", "SAFETY"],
    ["paused", "CONTINUATION"],
    ["other", "OTHER"],
  ] as const)("that ended because of %s ends as %s", (reason, word) => {
    const said = "other words of another vendor";
    const chunks = chunksOf([start, foreign, { type: "finish", reason, providerReason: said }, whole]);
    expect(chunks.at(-1)).toMatchObject({ candidates: [{ finishReason: word }] });
  });

  test("signatures go with the part behind the reasoning, marked as another vendor's, and come back as they were", () => {
    const parts = chunksOf([
      start,
      foreign,
      { type: "reasoning-delta", text: "Hmm" },
      { type: "reasoning-signature", signature: "AB" },
      { type: "reasoning-signature", signature: "CD" },
      { type: "reasoning-signature", signature: "EF", redacted: true },
      { type: "tool-call-start", call: 0, callId: "a", name: "f", kind: "function" },
      { type: "finish", reason: "tool_calls" },
      whole,
    ]).flatMap(partsOf);
    expect(parts).toEqual([
      { text: "Hmm", thought: true },
      { text: "", thoughtSignature: "headrace:openai-chat:ABCD" },
      { functionCall: { id: "a", name: "f", args: {} }, thoughtSignature: "headrace:openai-chat:EF" },
      { text: "" },
    ]);
    const { messages } = gemini.readRequest({ contents: parts.map((part) => ({ role: "model", parts: [part] })) });
    expect(messages[0]?.content).toEqual([
      { type: "reasoning", text: "Hmm" },
      { type: "reasoning", text: "", signature: "ABCD", from: "openai-chat", redacted: true },
      { type: "reasoning", text: "", signature: "EF", from: "openai-chat", redacted: true },
      { type: "tool-call", callId: "a", name: "f", argumentsText: "{}", kind: "function" },
      { type: "text", text: "" },
    ]);
  });

  test("citations and log probabilities are Google's", () => {
    const events = read("grounding").map((event) => withoutExtra(event));
    const chunks = chunksOf([start, foreign, ...events.slice(1)]);
    const again = foldAnswer(readBody(gemini, [utf8.encode(writeBody(gemini, [start, foreign, ...events.slice(1)]))]));
    expect(JSON.stringify(chunks.at(-1))).toContain('"groundingChunks"');
    expect(again.choices).toEqual(foldAnswer(read("grounding")).choices);
    const logprobs = [start, foreign, ...read("logprobs").map(withoutExtra).slice(1)];
    expect(foldAnswer(readBody(gemini, [utf8.encode(writeBody(gemini, logprobs))])).choices).toEqual(
      foldAnswer(read("logprobs")).choices,
    );
  });

  test("one that says nothing at all is a complete one all the same", () => {
    expect(chunksOf([start, whole])).toMatchObject([{ candidates: [{ finishReason: "STOP" }] }]);
  });
});

describe("an answer continued by another attempt", () => {
  const seam: StreamEvent = {
    type: "seam",
    fromAttempt: 0,
    toAttempt: 1,
    rung: "prefill",
    overlap: 0,
    confidence: 1,
  };

  test("keeps the name and model that it began with", () => {
    const first = read("plain").slice(0, 5);
    const second = readBody(gemini, [
      utf8.encode(new TextDecoder().decode(fixture("length")).replaceAll("rG7aZ4-1", "other").replaceAll("3-pro", "x")),
    ]);
    const chunks = chunksOf([start, ...first, seam, ...second]);
    expect(new Set(chunks.map(({ responseId, modelVersion }) => `${responseId} ${modelVersion}`))).toEqual(
      new Set(["rG7aZ4-1 gemini-3-pro"]),
    );
    expect(
      chunks
        .flatMap(partsOf)
        .map(({ text }) => text)
        .join(""),
    ).toBe('Hello, "wörld" 👋Once upon a time');
  });

  test("goes on in the same form when another vendor takes over", () => {
    const second: StreamEvent[] = [
      { type: "attempt-start", provider: "y", model: "other", protocol: "openai-chat", responseId: "chatcmpl-1" },
      { type: "text-delta", text: " on" },
      { type: "finish", reason: "stop" },
      { type: "stream-end", outcome: "completed" },
    ];
    const chunks = chunksOf([start, ...read("plain").slice(0, 5), seam, ...second]);
    expect(new Set(chunks.map(({ responseId }) => responseId))).toEqual(new Set(["rG7aZ4-1"]));
    expect(chunks.at(-1)).toMatchObject({ candidates: [{ finishReason: "STOP" }] });
  });

  test("loses no text when an event that carried a change of form was taken out", () => {
    const events = read("thoughts");
    const without = events.filter((event) => !(event.type === "text-delta" && event.text === "It is"));
    const fold = new AnswerFold();
    for (const event of readBody(gemini, [utf8.encode(writeBody(gemini, without))])) fold.add(event);
    const texts = fold.answer.choices[0]?.blocks.filter(({ kind }) => kind === "text");
    expect(texts).toEqual([{ kind: "text", text: " four." }]);
  });
});

describe("an answer that is one document", () => {
  test.each([
    "plain",
    "tools-parallel",
    "thoughts",
    "thoughts-tool",
    "length",
    "candidates-2",
    "logprobs",
    "grounding",
  ])("%s says the same as its stream", (name) => {
    const answer = foldAnswer(read(name));
    const document = gemini.writeAnswer(answer, { streamId: "st_test" });
    const again = foldAnswer(gemini.readAnswer(document));
    expect(again.outcome).toBe(answer.outcome);
    expect(again.usage).toEqual(answer.usage);
    expect(gemini.writeAnswer(again, { streamId: "st_test" })).toEqual(document);
    const streamed = foldAnswer(readBody(gemini, [utf8.encode(`\n${JSON.stringify(document)}`)]));
    expect(streamed).toMatchObject({ outcome: answer.outcome, choices: again.choices });
  });

  test("it has the form of Google's own", () => {
    expect(gemini.writeAnswer(foldAnswer(read("thoughts-tool")), { streamId: "st_test" })).toEqual({
      candidates: [
        {
          content: {
            parts: [
              { text: "I need the weather.", thought: true },
              {
                functionCall: { id: "call_rG7aZ4-1_0", name: "get_weather", args: { city: "Oslo" } },
                thoughtSignature: "c2lnbmF0dXJlLWNhbGw=",
              },
            ],
            role: "model",
          },
          finishReason: "STOP",
          index: 0,
        },
      ],
      usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 6, thoughtsTokenCount: 12, totalTokenCount: 27 },
      modelVersion: "gemini-3-pro",
      responseId: "rG7aZ4-1",
    });
  });

  test("a list of all chunks is read as well", () => {
    const list = dataOf(new TextDecoder().decode(fixture("tools-parallel")));
    const answer = foldAnswer(readBody(gemini, [utf8.encode(JSON.stringify(list))]));
    expect(answer).toEqual(foldAnswer(read("tools-parallel")));
  });
});

describe("errors", () => {
  const info = (reason: string) => ({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason });
  test.each([
    [400, { status: "INVALID_ARGUMENT", message: "SECRET" }, "provider-rejected"],
    [400, { status: "INVALID_ARGUMENT", message: "input token count (9) exceeds", code: 400 }, "context-too-long"],
    [400, { status: "INVALID_ARGUMENT", details: [info("API_KEY_INVALID")] }, "provider-auth"],
    [401, { status: "UNAUTHENTICATED" }, "provider-auth"],
    [403, { status: "PERMISSION_DENIED" }, "provider-auth"],
    [404, { status: "NOT_FOUND" }, "model-not-found"],
    [404, undefined, "provider-error"],
    [429, { status: "RESOURCE_EXHAUSTED" }, "provider-rate-limited"],
    [499, { status: "CANCELLED" }, "provider-rejected"],
    [500, { status: "INTERNAL" }, "provider-error"],
    [503, { status: "UNAVAILABLE" }, "provider-overloaded"],
    [503, undefined, "provider-overloaded"],
    [504, { status: "DEADLINE_EXCEEDED" }, "provider-timeout"],
  ])("a provider's %i %j is %s, also in a list", (status, error, code) => {
    for (const body of [JSON.stringify({ error }), JSON.stringify([{ error }])]) {
      const read = gemini.readError({ status, headers: {}, body });
      expect(read.code).toBe(code);
      expect(read.providerStatus).toBe(status);
      expect(JSON.stringify(read.report())).not.toContain("SECRET");
    }
  });

  test("a provider's wait is read from its details", () => {
    const details = [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "1.5s" }];
    const body = JSON.stringify({ error: { status: "RESOURCE_EXHAUSTED", details } });
    expect(gemini.readError({ status: 429, headers: {}, body }).retryAfterMs).toBe(1500);
    expect(gemini.readError({ status: 429, headers: { "retry-after": "7" }, body: "" }).retryAfterMs).toBe(7000);
  });

  test("ours have Google's form", () => {
    const error = new HeadraceError("invalid-request", "wrong", { param: "contents", retryAfterMs: 1200 });
    expect(gemini.writeError(error, "req_1")).toEqual({
      status: 400,
      headers: { "x-request-id": "req_1", "retry-after": "2" },
      body: {
        error: {
          code: 400,
          message: "wrong",
          status: "INVALID_ARGUMENT",
          details: [
            {
              "@type": "type.googleapis.com/google.rpc.ErrorInfo",
              reason: "INVALID_REQUEST",
              domain: "headrace",
              metadata: { param: "contents" },
            },
            { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "2s" },
          ],
        },
      },
    });
  });
});

function partsOf(chunk: JsonObject): JsonObject[] {
  const [candidate] = chunk["candidates"] as { content: { parts: JsonObject[] } }[];
  return candidate?.content.parts ?? [];
}

function withoutExtra(event: StreamEvent): StreamEvent {
  const { extra: _, more: __, ...rest } = event as StreamEvent & { extra?: JsonObject; more?: true };
  return rest as StreamEvent;
}
