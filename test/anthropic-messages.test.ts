import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foldAnswer } from "../src/core/answer.ts";
import { HeadraceError } from "../src/core/errors.ts";
import type { StreamEnd } from "../src/core/events.ts";
import type { JsonObject } from "../src/core/json.ts";
import { anthropicMessages } from "../src/protocols/anthropic-messages.ts";
import { dataOf, describeProtocol, readBody, readFixtures, writeBody } from "./conformance/protocol.ts";

const utf8 = new TextEncoder();
const fixtures = readFixtures("anthropic-messages");
const fixture = (name: string) => fixtures.find((one) => one.name === name)?.bytes as Uint8Array;
const read = (name: string) => readBody(anthropicMessages, [fixture(name)]);

describeProtocol(anthropicMessages, fixtures);

describe("what a message says is understood", () => {
  const blocks = (name: string) =>
    foldAnswer(read(name)).choices[0]?.blocks.map((block) =>
      block.kind === "tool-call"
        ? `${block.callId} ${block.name} ${block.argumentsText}`
        : `${block.kind}: ${block.text}${block.kind === "reasoning" ? ` <${block.signature}>` : ""}`,
    );

  test.each([
    ["plain", ['text: Hello, "wörld" 👋\n\\ done\ttab \u2028data: event: x\n\n']],
    ["tool-one", ["text: I'll look.", 'toolu_01A get_weather {"city": "Oslo"}']],
    [
      "tools-parallel",
      ['toolu_p0 get_weather {"city":"Oslo"}', 'toolu_p1 get_time {"zone":"CET"}', "toolu_p2 ping_host "],
    ],
    ["tool-whole", ['toolu_w get_weather {"city":"Oslo","days":[1,2]}']],
    ["thinking", ["reasoning: Let me think. <EqQBCgIYAhIM1gbcDa9GJwZA2b3h>", "text: It is 4."]],
    ["thinking-hidden", ["reasoning:  <HIDDEN==>", "text: Yes indeed"]],
    ["thinking-redacted", ["reasoning:  <EmwKAhgBEgy3va3pzix/LafPsn4a>", "reasoning: hm <S==>", "text: Yes"]],
    ["citations", ["text: Green.", "text: The grass is green", "text: ."]],
    ["server-tools", ["text: Searching.", "text: Blue"]],
    ["text-in-start", ["text: All at once", "reasoning: hm <S==>"]],
    ["unknown-types", ["text: Hi"]],
  ])("%s", (name, expected) => {
    expect(blocks(name)).toEqual(expected);
  });

  test.each([
    ["plain", "completed", "stop"],
    ["tool-one", "completed", "tool_calls"],
    ["length", "length", "length"],
    ["context-full", "length", "context_full"],
    ["refusal", "content_filter", "content_filter"],
    ["pause-turn", "completed", "paused"],
    ["stop-sequence", "completed", "stop_sequence"],
    ["unknown-types", "completed", "other"],
  ])("%s ends as %s, because of %s", (name, outcome, reason) => {
    const answer = foldAnswer(read(name));
    expect([answer.outcome, answer.choices[0]?.finishReason]).toEqual([outcome, reason]);
  });

  test("input counts what was read from and written to the cache, as everywhere else", () => {
    expect(foldAnswer(read("usage-cache")).usage).toEqual({
      inputTokens: 2103,
      outputTokens: 5,
      cachedInputTokens: 2000,
      cacheWriteTokens: 100,
    });
    expect(foldAnswer(read("usage-null")).usage).toEqual({ inputTokens: 7, outputTokens: 5 });
    expect(foldAnswer(read("usage-twice")).usage).toEqual({ inputTokens: 9, outputTokens: 5 });
    expect(foldAnswer(read("thinking")).usage).toMatchObject({ reasoningTokens: 7 });
  });

  test("citations tell page and quote, or document and quote", () => {
    const citations = foldAnswer(read("citations")).choices[0]?.blocks.flatMap((block) =>
      block.kind === "text" ? (block.citations ?? []) : [],
    );
    expect(citations).toEqual([
      { title: "Colours", quote: "The grass is green.", documentIndex: 0 },
      { url: "https://example.org/sky", title: "Sky", quote: "It is blue." },
    ]);
  });

  test("a run of plain text carries nothing but its text into the log", () => {
    expect(read("plain").filter(({ type }) => type === "text-delta")[1]).toEqual({
      type: "text-delta",
      text: "\n\\ done",
    });
    expect(read("thinking").filter((event) => "extra" in event)).toHaveLength(2);
  });
});

describe("a message that broke is never complete", () => {
  const folder = join(import.meta.dirname, "fixtures/anthropic-messages/broken");
  const codes: Record<string, string> = {
    overloaded: "provider-overloaded",
    "document-error": "provider-overloaded",
    "error-event-without-type": "provider-overloaded",
    "rate-limit-first": "provider-rate-limited",
    cut: "stream-truncated",
    "cut-in-event": "stream-truncated",
    "no-message-stop": "stream-truncated",
    "no-stop-reason": "stream-truncated",
    "no-start": "stream-truncated",
    "only-pings": "stream-truncated",
    empty: "stream-truncated",
  };

  test.each(readdirSync(folder).map((file) => file.replace(".sse", "")))("%s", (name) => {
    const bytes = new Uint8Array(readFileSync(join(folder, `${name}.sse`)));
    const events = readBody(anthropicMessages, [bytes]);
    const end = events.at(-1) as StreamEnd;
    expect(end.outcome).toBe("failed");
    expect(end.error?.code).toBe(codes[name] ?? "provider-error");
    expect(events.filter(({ type }) => type === "stream-end")).toHaveLength(1);
    const byBytes = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect(readBody(anthropicMessages, byBytes)).toEqual(events);
    expect(JSON.stringify(events)).not.toContain("SECRET");
    const written = writeBody(anthropicMessages, events);
    expect(written).not.toContain("message_stop");
    expect(written).toMatch(/event: error\ndata: {"type":"error".*\n\n$/);
  });

  test("one event that is no JSON costs its own text only", () => {
    const [first = "", ...rest] = new TextDecoder().decode(fixture("ping")).split("\n\n");
    const broken = [first, "event: content_block_delta\ndata: {oops", ...rest].join("\n\n");
    expect(readBody(anthropicMessages, [utf8.encode(broken)])).toEqual(read("ping"));
  });
});

describe("a provider can send anything", () => {
  const anyBlock = fc.oneof(
    fc.jsonValue(),
    fc.record(
      {
        type: fc.oneof(fc.constantFrom("text", "thinking", "tool_use", "redacted_thinking"), fc.string()),
        text: fc.jsonValue(),
        thinking: fc.string(),
        signature: fc.jsonValue(),
        data: fc.string(),
        id: fc.jsonValue(),
        name: fc.oneof(fc.string(), fc.jsonValue()),
        input: fc.jsonValue(),
      },
      { requiredKeys: ["type"] },
    ),
  );
  const anyDelta = fc.record(
    {
      type: fc.constantFrom(
        "text_delta",
        "thinking_delta",
        "signature_delta",
        "input_json_delta",
        "citations_delta",
        "x",
      ),
      text: fc.oneof(fc.string(), fc.jsonValue()),
      thinking: fc.string(),
      signature: fc.string(),
      partial_json: fc.string(),
      citation: fc.jsonValue(),
      stop_reason: fc.oneof(fc.constantFrom("end_turn", "max_tokens", null), fc.jsonValue()),
    },
    { requiredKeys: ["type"] },
  );
  const index = fc.constantFrom(0, 0, 1, 2);
  const anyFrame = fc.oneof(
    fc.record({ type: fc.constant("content_block_start"), index, content_block: anyBlock }),
    fc.record({ type: fc.constant("content_block_delta"), index, delta: anyDelta }),
    fc.record({ type: fc.constant("content_block_stop"), index }),
    fc.record({ type: fc.constant("message_delta"), delta: anyDelta, usage: fc.jsonValue() }),
    fc.record({ type: fc.constantFrom("ping", "novelty"), more: fc.jsonValue() }),
  );

  test("and it is read without a throw, and everything of it reaches a client of the same protocol", () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 8 }), (frames) => {
        const start = { type: "message_start", message: { id: "msg_1", model: "m", content: [] } };
        const body = [start, ...frames]
          .map((frame) => `event: ${frame.type}\ndata: ${JSON.stringify(frame)}\n\n`)
          .join("");
        const events = readBody(anthropicMessages, [utf8.encode(body)]);
        expect(events.filter(({ type }) => type === "stream-end")).toHaveLength(1);
        const written = dataOf(writeBody(anthropicMessages, events)).slice(0, -1);
        expect(written).toEqual(dataOf(body));
      }),
      { numRuns: 1000 },
    );
  });

  test("the prototypes of our objects stay as they are", () => {
    const evil = '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}';
    const frames = [
      `{"type":"message_start","message":{"id":"a","model":"m",${evil}},${evil}}`,
      `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"x",${evil}},${evil}}`,
      `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"y",${evil}},${evil}}`,
    ];
    const events = readBody(anthropicMessages, [utf8.encode(frames.map((frame) => `data: ${frame}\n\n`).join(""))]);
    writeBody(anthropicMessages, events);
    expect(({} as JsonObject)["polluted"]).toBeUndefined();
    expect(foldAnswer(events).choices).toHaveLength(1);
  });
});

describe("a message that is one document", () => {
  const documentOf = (name: string): JsonObject => {
    const writer = anthropicMessages.createAnswerWriter?.({ streamId: "st_test" });
    for (const event of read(name)) writer?.add(event);
    return writer?.body() ?? {};
  };

  test.each(fixtures.map(({ name }) => name).filter((name) => name !== "usage-none"))(
    "%s comes back as it was, also what has no neutral words",
    (name) => {
      const document = documentOf(name);
      const writer = anthropicMessages.createAnswerWriter?.({ streamId: "st_test" });
      for (const event of anthropicMessages.readAnswer(document)) writer?.add(event);
      expect(writer?.body()).toEqual(document);
    },
  );

  test("it has the form of Anthropic's own", () => {
    expect(documentOf("server-tools")).toEqual({
      id: "msg_01XFD",
      type: "message",
      role: "assistant",
      model: "claude-sonnet-4-5-20250929",
      content: [
        { type: "text", text: "Searching." },
        { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "sky" } },
        expect.objectContaining({ type: "web_search_tool_result", tool_use_id: "srvtoolu_1" }),
        { type: "text", text: "Blue", citations: [expect.objectContaining({ url: "https://example.org/sky" })] },
      ],
      stop_reason: "end_turn",
      stop_sequence: null,
      usage: expect.objectContaining({
        input_tokens: 9,
        output_tokens: 12,
        server_tool_use: { web_search_requests: 1 },
      }),
    });
  });

  test("one where a stream was asked for is read as well", () => {
    const events = readBody(anthropicMessages, [utf8.encode(JSON.stringify(documentOf("thinking")))]);
    expect(foldAnswer(events)).toMatchObject({
      outcome: "completed",
      choices: [{ blocks: [{}, { text: "It is 4." }] }],
    });
  });

  test("without its events it still says everything that has neutral words", () => {
    const { id, content } = anthropicMessages.writeAnswer(foldAnswer(read("thinking-tools")), { streamId: "st_test" });
    expect(id).toBe("msg_01XFD");
    expect(content).toEqual([
      { type: "thinking", thinking: "A tool", signature: "SIG1==" },
      { type: "tool_use", id: "toolu_t", name: "look", input: {} },
      { type: "thinking", thinking: "Another", signature: "SIG2==" },
      { type: "tool_use", id: "toolu_u", name: "look", input: { at: 1 } },
    ]);
  });
});

describe("errors", () => {
  const body = (type: string, message = "SECRET") => JSON.stringify({ type: "error", error: { type, message } });
  test.each([
    [400, body("invalid_request_error"), "provider-rejected"],
    [400, body("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), "context-too-long"],
    [400, body("invalid_request_error", "Your credit balance is too low"), "provider-quota"],
    [401, body("authentication_error"), "provider-auth"],
    [402, body("billing_error"), "provider-quota"],
    [403, body("permission_error"), "provider-auth"],
    [404, body("not_found_error"), "model-not-found"],
    [404, "<html>", "provider-error"],
    [413, body("request_too_large"), "provider-rejected"],
    [429, body("rate_limit_error"), "provider-rate-limited"],
    [500, body("api_error"), "provider-error"],
    [504, body("timeout_error"), "provider-timeout"],
    [529, body("overloaded_error"), "provider-overloaded"],
    [529, "", "provider-overloaded"],
    [418, body("teapot_error"), "provider-rejected"],
  ])("a provider's %i %s is %s", (status, text, code) => {
    const error = anthropicMessages.readError({ status, headers: { "retry-after": "2" }, body: text });
    expect(error).toMatchObject({ code, providerStatus: status, retryAfterMs: 2000 });
    expect(JSON.stringify(error.report())).not.toContain("SECRET");
  });

  test("ours have Anthropic's form and status", () => {
    const error = new HeadraceError("provider-overloaded", "busy", { retryAfterMs: 1200, param: "model" });
    expect(anthropicMessages.writeError(error, "req_1")).toEqual({
      status: 529,
      headers: {
        "request-id": "req_1",
        "x-request-id": "req_1",
        "retry-after": "2",
        "retry-after-ms": "1200",
        "x-should-retry": "false",
      },
      body: {
        type: "error",
        error: {
          type: "overloaded_error",
          message: "busy",
          details: { error_code: "provider_overloaded", param: "model", provider_code: undefined },
        },
        request_id: "req_1",
      },
    });
  });

  test.each([
    ["invalid-request", 400, "invalid_request_error"],
    ["unauthorized", 401, "authentication_error"],
    ["model-not-found", 404, "not_found_error"],
    ["request-too-large", 413, "request_too_large"],
    ["rate-limited", 429, "rate_limit_error"],
    ["provider-timeout", 504, "timeout_error"],
    ["internal", 500, "api_error"],
  ] as const)("%s is a %i %s", (code, status, type) => {
    const written = anthropicMessages.writeError(new HeadraceError(code, "x"), "req_1");
    expect(written).toMatchObject({ status, body: { error: { type } } });
  });
});
