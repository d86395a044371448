import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AnswerFold, foldAnswer } from "../src/core/answer.ts";
import { HeadraceError } from "../src/core/errors.ts";
import type { StreamEnd, StreamEvent } from "../src/core/events.ts";
import type { JsonObject } from "../src/core/json.ts";
import { openaiChat } from "../src/protocols/openai-chat.ts";
import { dataOf, describeProtocol, readBody, readFixtures, writeBody } from "./conformance/protocol.ts";

const utf8 = new TextEncoder();
const fixtures = readFixtures("openai-chat");
const fixture = (name: string) => fixtures.find((one) => one.name === name)?.bytes as Uint8Array;
const read = (name: string) => readBody(openaiChat, [fixture(name)]);

describeProtocol(openaiChat, fixtures);

describe("what an answer says is understood, whoever's server sent it", () => {
  const blocks = (name: string) =>
    foldAnswer(read(name)).choices.map((choice) =>
      choice.blocks.map((block) =>
        block.kind === "tool-call"
          ? `${block.callId} ${block.name} ${block.argumentsText}`
          : `${block.kind}: ${block.text}`,
      ),
    );

  test.each([
    ["plain", [['text: Hello, "wörld" 👋\n\\ done\ttab\ufffcdata: [DONE]\n\n']]],
    ["refusal", [["refusal: I'm sorry, I cannot help with that."]]],
    ["tools-one", [['call_a1 get_weather {"city":"Oslo"}']]],
    ["tools-parallel", [['call_p0 get_weather {"city":"Oslo"}', 'call_p1 get_time {"zone":"CET"}']]],
    ["tools-interleaved", [["text: Let me look.", 'call_i0 a {"x":1} ', 'call_i1 b {"y":2}\n']]],
    ["tools-custom", [["call_c0 run_sql SELECT 1"]]],
    ["tools-same-index", [['g1 one {"n":1}', 'g2 two {"n":2}']]],
    ["function-call", [['call_0_0 lookup {"q":1}']]],
    ["n2", [["text: Aax"], ["text: Bbby"]]],
    ["deepseek", [["reasoning: First; then so.", "text: It is 4"]]],
    ["groq", [["reasoning: hm", "text: Yes."]]],
    ["mistral", [["reasoning: Let me see", "text: So it is four"]]],
    ["openrouter", [["reasoning: Think", "text: Fine so"]]],
    ["vllm", [["reasoning: mhm", "text: ok then"]]],
    ["ollama", [["text: Why not? OK"]]],
    ["ollama-tools", [['call_x get_weather {"city":"Toronto"}']]],
    ["azure", [["text: Safe text"]]],
    ["azure-filtered", [["text: Already said"]]],
    ["whole-in-one", [["reasoning: r", "text: All at once", "c f {}"]]],
    ["spaced", [['text: café 😀 "q"\u2028x']]],
  ])("%s", (name, expected) => {
    expect(blocks(name)).toEqual(expected);
  });

  test("calls without index or id, with a late name, or with arguments that are no text, are calls all the same", () => {
    expect(blocks("tools-liberal")).toEqual([
      ["call_0_0 no_index {}", 'call_0_1 second {"a":1}', 'late named_late {"b":2}', 'obj object_arguments {"c":3}'],
    ]);
  });

  test.each([
    ["plain", "completed", undefined],
    [
      "usage",
      "completed",
      { inputTokens: 9, outputTokens: 4, cachedInputTokens: 2, reasoningTokens: 1, totalTokens: 13 },
    ],
    ["length", "length", undefined],
    ["content-filter", "content_filter", undefined],
    ["azure-filtered", "content_filter", undefined],
    ["n2", "length", undefined],
    [
      "deepseek",
      "completed",
      { inputTokens: 8, outputTokens: 6, cachedInputTokens: 4, reasoningTokens: 3, totalTokens: 14 },
    ],
    ["groq", "completed", { inputTokens: 5, outputTokens: 2, totalTokens: 7 }],
    ["mistral", "completed", { inputTokens: 3, outputTokens: 6, totalTokens: 9 }],
    ["moonshot", "completed", { inputTokens: 8, outputTokens: 1, cachedInputTokens: 8, totalTokens: 9 }],
    [
      "openrouter",
      "completed",
      { inputTokens: 7, outputTokens: 3, cachedInputTokens: 0, cacheWriteTokens: 5, totalTokens: 10 },
    ],
    ["unknown-fields", "completed", undefined],
  ])("%s ends as %s, with its usage", (name, outcome, usage) => {
    const answer = foldAnswer(read(name));
    expect(answer.outcome).toBe(outcome);
    expect(answer.usage).toEqual(usage);
  });

  test("a run of plain text carries nothing but its text into the log", () => {
    const deltas = read("usage").filter(({ type }) => type === "text-delta");
    expect(deltas[1]).toEqual({ type: "text-delta", text: " there" });
  });

  test("a server that never marks its end is believed when it is configured so", () => {
    const reader = openaiChat.createEventReader({ endsWithoutMarker: true });
    const events = [...reader.push(utf8.encode('data: {"choices":[{"delta":{"content":"hi"}}]}\n\n')), ...reader.end()];
    expect(events.at(-1)).toEqual({ type: "stream-end", outcome: "completed" });
  });
});

describe("an answer that broke is never complete", () => {
  const folder = join(import.meta.dirname, "fixtures/openai-chat/broken");
  const broken = readdirSync(folder).map((file) => file.replace(".sse", ""));
  const codes: Record<string, string> = {
    cut: "stream-truncated",
    "cut-in-event": "stream-truncated",
    "done-without-finish": "stream-truncated",
    "one-choice-of-two-unfinished": "stream-truncated",
    "only-comments": "stream-truncated",
    empty: "stream-truncated",
    "done-only": "stream-truncated",
    "event-error": "provider-rate-limited",
    "vllm-old-error": "provider-rejected",
    "openrouter-error": "provider-overloaded",
    "deepseek-out-of-resources": "provider-overloaded",
    quota: "provider-quota",
    "bare-json-error": "context-too-long",
  };

  test.each(broken)("%s", (name) => {
    const bytes = new Uint8Array(readFileSync(join(folder, `${name}.sse`)));
    const events = readBody(openaiChat, [bytes]);
    const end = events.at(-1) as StreamEnd;
    expect(end.outcome).toBe("failed");
    expect(end.error?.code).toBe(codes[name] ?? "provider-error");
    expect(events.filter(({ type }) => type === "stream-end")).toHaveLength(1);
    expect(
      readBody(
        openaiChat,
        Array.from(bytes, (byte) => Uint8Array.of(byte)),
      ),
    ).toEqual(events);
    expect(JSON.stringify(events)).not.toContain("SECRET");
    expect(writeBody(openaiChat, events)).not.toContain("[DONE]");
  });

  test("one event that is no JSON costs its own text only", () => {
    const [first = "", ...rest] = new TextDecoder().decode(fixture("usage")).split("\n\n");
    const events = readBody(openaiChat, [utf8.encode([first, "data: {oops", ...rest].join("\n\n"))]);
    expect(events).toEqual(read("usage"));
  });

  test("an event of more than a mebibyte ends the answer", () => {
    const reader = openaiChat.createEventReader({});
    const events = Array.from({ length: 20 }, () => reader.push(utf8.encode(`data: ${"x".repeat(100_000)}`))).flat();
    expect(events).toMatchObject([{ type: "stream-end", outcome: "failed", error: { code: "response-too-large" } }]);
    expect(reader.end()).toEqual([]);
  });
});

describe("a provider can send anything", () => {
  const anyChunk = fc.record(
    {
      id: fc.oneof(fc.string(), fc.jsonValue()),
      model: fc.jsonValue(),
      choices: fc.array(
        fc.record(
          {
            index: fc.oneof(fc.integer({ min: -2, max: 130 }), fc.jsonValue()),
            delta: fc.oneof(
              fc.jsonValue(),
              fc.record(
                {
                  content: fc.oneof(fc.string(), fc.jsonValue()),
                  reasoning: fc.jsonValue(),
                  refusal: fc.jsonValue(),
                  tool_calls: fc.oneof(
                    fc.jsonValue(),
                    fc.array(
                      fc.record({
                        index: fc.nat(3),
                        id: fc.string(),
                        function: fc.record({ name: fc.string(), arguments: fc.jsonValue() }),
                      }),
                    ),
                  ),
                },
                { requiredKeys: [] },
              ),
            ),
            finish_reason: fc.oneof(fc.constantFrom(null, "stop", "length"), fc.jsonValue()),
            logprobs: fc.jsonValue(),
          },
          { requiredKeys: [] },
        ),
        { maxLength: 3 },
      ),
      usage: fc.jsonValue(),
    },
    { requiredKeys: ["choices"] },
  );

  test("and it is read without a throw, and written as it was or not at all", () => {
    fc.assert(
      fc.property(fc.array(anyChunk, { maxLength: 5 }), (chunks) => {
        const body = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("");
        const events = readBody(openaiChat, [utf8.encode(body)]);
        expect(events.filter(({ type }) => type === "stream-end")).toHaveLength(1);
        const written = dataOf(writeBody(openaiChat, events)).slice(0, -1);
        const sent = dataOf(body);
        expect(written.slice(0, sent.length)).toEqual(sent.slice(0, written.length));
      }),
      { numRuns: 1000 },
    );
  });

  test("the prototypes of our objects stay as they are", () => {
    const evil =
      '{"choices":[{"index":0,"delta":{"content":"x","__proto__":{"polluted":1}},"__proto__":{"polluted":1}}],"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    const events = readBody(openaiChat, [utf8.encode(`data: ${evil}\n\ndata: ${evil.replace('"x"', '"y"')}\n\n`)]);
    writeBody(openaiChat, events);
    expect(({} as JsonObject)["polluted"]).toBeUndefined();
    expect(foldAnswer(events).choices).toHaveLength(1);
    expect((events[0] as unknown as JsonObject)["polluted"]).toBeUndefined();
  });
});

describe("an answer that is one document", () => {
  test.each(["plain", "refusal", "tools-parallel", "tools-custom", "n2", "logprobs", "deepseek", "usage"])(
    "%s says the same as its stream",
    (name) => {
      const answer = foldAnswer(read(name));
      const document = openaiChat.writeAnswer(answer, { streamId: "st_test" });
      const again = foldAnswer(openaiChat.readAnswer(document));
      expect(again.outcome).toBe(answer.outcome);
      expect(again.usage).toEqual(answer.usage);
      expect(openaiChat.writeAnswer(again, { streamId: "st_test" })).toEqual(document);
    },
  );

  test("it has the form of OpenAI's own", () => {
    expect(openaiChat.writeAnswer(foldAnswer(read("tools-one")), { streamId: "st_test" })).toEqual({
      id: "chatcmpl-A1",
      object: "chat.completion",
      created: 1763700000,
      model: "gpt-4o-2024-08-06",
      service_tier: "default",
      system_fingerprint: "fp_50cad350e4",
      choices: [
        {
          index: 0,
          message: {
            role: "assistant",
            content: null,
            refusal: null,
            tool_calls: [
              { id: "call_a1", type: "function", function: { name: "get_weather", arguments: '{"city":"Oslo"}' } },
            ],
          },
          logprobs: null,
          finish_reason: "tool_calls",
        },
      ],
    });
  });

  test("one where a stream was asked for is read as well", () => {
    const document = openaiChat.writeAnswer(foldAnswer(read("usage")), { streamId: "st_test" });
    const answer = foldAnswer(readBody(openaiChat, [utf8.encode(`\n\n${JSON.stringify(document)}`)]));
    expect(answer).toMatchObject({ outcome: "completed", choices: [{ blocks: [{ kind: "text", text: "Hi there" }] }] });
  });
});

describe("an answer continued by another attempt", () => {
  const start: StreamEvent = {
    type: "stream-start",
    streamId: "st_test",
    format: 1,
    protocol: "openai-chat",
    model: "smart",
    createdAt: 1_763_700_000_000,
  };

  test("keeps the name, time and model that it began with", () => {
    const first = read("plain").slice(0, 3);
    const body = writeBody(openaiChat, [start, ...first, ...read("ollama")]);
    const chunks = dataOf(body).slice(0, -1) as JsonObject[];
    expect(new Set(chunks.map(({ id, created, model }) => JSON.stringify([id, created, model]))).size).toBe(1);
    expect(chunks.filter(({ id }) => id !== "chatcmpl-A1")).toEqual([]);
    expect(body.endsWith("data: [DONE]\n\n")).toBe(true);
  });

  test("loses no text when an event that carried a change of form was taken out", () => {
    const events = read("usage");
    const without = events.filter((event) => !(event.type === "text-delta" && event.text === "Hi"));
    const fold = new AnswerFold();
    for (const event of readBody(openaiChat, [utf8.encode(writeBody(openaiChat, without))])) fold.add(event);
    expect(fold.answer.choices[0]?.blocks).toEqual([{ kind: "text", text: " there" }]);
  });
});

describe("usage", () => {
  test("is written only for those who asked, except where it rides in another chunk", () => {
    expect(writeBody(openaiChat, read("usage"), false)).not.toContain("usage");
    expect(writeBody(openaiChat, read("mistral"), false)).toContain('"usage":{');
  });
});

describe("errors", () => {
  test.each([
    [
      400,
      '{"error":{"message":"x","code":"context_length_exceeded","type":"invalid_request_error","param":"messages"}}',
      "context-too-long",
    ],
    [400, '{"error":{"message":"x","code":"invalid_json_schema","type":"invalid_request_error"}}', "provider-rejected"],
    [
      400,
      '{"error":{"code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}',
      "content-filtered",
    ],
    [401, '{"error":{"code":"invalid_api_key"}}', "provider-auth"],
    [402, "", "provider-quota"],
    [403, "<html>", "provider-auth"],
    [404, '{"error":{"message":"no such model","type":"not_found_error","code":null}}', "model-not-found"],
    [404, "<html>nginx</html>", "provider-error"],
    [422, "", "provider-rejected"],
    [429, '{"error":{"code":"rate_limit_exceeded"}}', "provider-rate-limited"],
    [429, '{"error":{"code":"insufficient_quota"}}', "provider-quota"],
    [500, '{"error":{"type":"server_error"}}', "provider-error"],
    [503, "", "provider-overloaded"],
    [504, "", "provider-timeout"],
    [529, "", "provider-overloaded"],
  ])("a provider's %i %s is %s", (status, body, code) => {
    const error = openaiChat.readError({ status, headers: {}, body });
    expect(error.code).toBe(code);
    expect(error.providerStatus).toBe(status);
  });

  test.each([
    [{ "retry-after-ms": "250", "retry-after": "9" }, 250],
    [{ "retry-after": "1.5" }, 1500],
    [{ "retry-after": "Wed, 21 Oct 2026 07:28:10 GMT", date: "Wed, 21 Oct 2026 07:28:00 GMT" }, 10_000],
    [{ "retry-after": "-5" }, undefined],
    [{ "retry-after": "soon" }, undefined],
  ])("%j asks to wait %s ms", (headers, expected) => {
    expect(openaiChat.readError({ status: 429, headers, body: "" }).retryAfterMs).toBe(expected);
  });

  test("prose of a provider goes no further; its short codes do", () => {
    const body =
      '{"error":{"message":"SECRET","type":"SECRET prose here","code":"invalid_prompt","param":"messages[0].content"}}';
    const error = openaiChat.readError({ status: 400, headers: {}, body });
    expect(JSON.stringify(error.report())).not.toContain("SECRET");
    expect(error.report()).toMatchObject({ providerCode: "invalid_prompt", param: "messages[0].content" });
  });

  test("ours have OpenAI's form, and tell clients not to try what was tried already", () => {
    const written = openaiChat.writeError(
      new HeadraceError("provider-rate-limited", "wait", { retryAfterMs: 1200 }),
      "req_1",
    );
    expect(written).toEqual({
      status: 503,
      headers: { "x-request-id": "req_1", "retry-after": "2", "retry-after-ms": "1200", "x-should-retry": "false" },
      body: {
        error: {
          message: "wait",
          type: "server_error",
          param: null,
          code: "provider_rate_limited",
          provider_code: undefined,
        },
      },
    });
  });
});
