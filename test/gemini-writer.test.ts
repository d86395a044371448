import { describe, expect, test } from "vitest";
import { AnswerFold, foldAnswer } from "../src/core/answer.ts";
import { HeadraceError } from "../src/core/errors.ts";
import type { StreamEvent } from "../src/core/events.ts";
import type { JsonObject } from "../src/core/json.ts";
import { gemini } from "../src/protocols/gemini.ts";
import { dataOf, readBody, readFixtures, writeBody } from "./conformance/protocol.ts";

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
    expect(new Set(chunks.map(({ responseId, modelVersion }) => JSON.stringify([responseId, modelVersion])))).toEqual(
      new Set(['["rG7aZ4-1","gemini-3-pro"]']),
    );
    expect(chunks.map((chunk) => textOf(chunk)).join("")).toBe('Hello, "wörld" 👋Once upon a time');
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
      const understood = gemini.readError({ status, headers: {}, body });
      expect(understood.code).toBe(code);
      expect(understood.providerStatus).toBe(status);
      expect(JSON.stringify(understood.report())).not.toContain("SECRET");
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

function textOf(chunk: JsonObject): string {
  return partsOf(chunk)
    .map(({ text }) => (typeof text === "string" ? text : ""))
    .join("");
}

function withoutExtra(event: StreamEvent): StreamEvent {
  const { extra: _, more: __, ...rest } = event as StreamEvent & { extra?: JsonObject; more?: true };
  return rest;
}
