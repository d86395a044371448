import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foldAnswer } from "../src/core/answer.ts";
import { HeadraceError } from "../src/core/errors.ts";
import type { StreamEnd, StreamEvent } from "../src/core/events.ts";
import type { JsonObject } from "../src/core/json.ts";
import { ollamaChat, ollamaGenerate } from "../src/protocols/ollama.ts";
import { openaiChat } from "../src/protocols/openai-chat.ts";
import type { Protocol } from "../src/protocols/protocol.ts";
import { dataOf, describeProtocol, readBody, readFixtures, writeBody } from "./conformance/protocol.ts";

const utf8 = new TextEncoder();
const fixtures = { "ollama-chat": readFixtures("ollama-chat"), "ollama-generate": readFixtures("ollama-generate") };
const fixture = (protocol: Protocol, name: string): Uint8Array => {
  const found = fixtures[protocol.name as keyof typeof fixtures].find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no fixture ${name}`);
  return found.bytes;
};
const read = (name: string, protocol = ollamaChat): StreamEvent[] => readBody(protocol, [fixture(protocol, name)]);
const lines = (body: string): JsonObject[] => dataOf(body) as JsonObject[];

describeProtocol(ollamaChat, fixtures["ollama-chat"]);
describeProtocol(ollamaGenerate, fixtures["ollama-generate"]);

describe("what an answer of Ollama says is understood", () => {
  const blocks = (protocol: Protocol, name: string) =>
    foldAnswer(read(name, protocol)).choices.flatMap((choice) =>
      choice.blocks.map((block) =>
        block.kind === "tool-call" ? `${block.name} ${block.argumentsText}` : `${block.kind}: ${block.text}`,
      ),
    );
  const everything = 'text: Hello, "wörld" 👋\n\\ done\ttab\ufffc\u2028x{"done":true}';

  test.each([
    [ollamaChat, "plain", [everything]],
    [ollamaGenerate, "plain", [everything]],
    [ollamaChat, "escaped", ['text: ab<b> & "q"d']],
    [ollamaChat, "images-null", ["text: The sky"]],
    [ollamaChat, "tools-one", ['get_weather {"city":"Tokyo"}']],
    [
      ollamaChat,
      "tools-parallel",
      [
        "text: Let me look.",
        'get_weather {"city":"Oslo","days":2}',
        'get_time {"zone":"CET","at":{"nested":[1,null,"x"]}}',
        "ping {}",
        "text:  Done",
      ],
    ],
    [ollamaChat, "tools-in-last", ["text: ok", 'f {"a":1}']],
    [ollamaGenerate, "tools-one", ['look {"at":1}']],
    [ollamaChat, "thinking", ["reasoning: The user asks 2+2.", "text: It is 4"]],
    [ollamaGenerate, "thinking", ["reasoning: hm so", "text: 4!"]],
    [ollamaChat, "unknown-fields", ["text: ABCD"]],
    [ollamaChat, "whole-in-one", ["reasoning: r", "text: All at once", "f {}"]],
  ])("$0.name: $1", (protocol, name, expected) => {
    expect(blocks(protocol, name)).toEqual(expected);
  });

  test.each([
    ["plain", "completed", "stop", { inputTokens: 26, outputTokens: 12 }],
    ["length", "length", "length", { inputTokens: 26, outputTokens: 2 }],
    ["tools-one", "completed", "tool_calls", { inputTokens: 26, outputTokens: 12 }],
    ["usage", "completed", "stop", { inputTokens: 0, outputTokens: 3 }],
    ["no-usage", "completed", "stop", undefined],
    ["unknown-fields", "completed", "other", { inputTokens: 26, outputTokens: 12 }],
  ])("%s ends as %s, with its usage", (name, outcome, reason, usage) => {
    const answer = foldAnswer(read(name));
    expect(answer.outcome).toBe(outcome);
    expect(answer.choices[0]?.finishReason).toBe(reason);
    expect(answer.usage).toEqual(usage);
  });

  test("calls without an id get one: always the same for the same answer, another one in another answer", () => {
    const idOf = (name: string) => read(name).find((event) => event.type === "tool-call-start")?.callId;
    expect(idOf("tools-one")).toMatch(/^call_[0-9a-z]{11}$/);
    expect(idOf("tools-one")).toBe(idOf("tools-one"));
    expect(idOf("tools-in-last")).not.toBe(idOf("tools-one"));
    expect(idOf("tools-parallel")).toBe("call_9x");
  });

  test("probabilities of tokens have the form that OpenAI's clients read", () => {
    const body = writeBody(openaiChat, read("logprobs"));
    const [, first] = dataOf(body) as { choices: { logprobs: unknown }[] }[];
    expect(first?.choices[0]?.logprobs).toMatchObject({
      content: [{ token: "Hi", logprob: -0.25, bytes: [72, 105], top_logprobs: [{ token: "Hi" }, { token: "x" }] }],
    });
  });

  test("a run of plain text carries nothing but its text and its time into the log", () => {
    const deltas = read("plain").filter(({ type }) => type === "text-delta");
    expect(deltas[3]).toEqual({
      type: "text-delta",
      text: "\ttab",
      extra: { at: "2026-11-20T09:15:10.1235508Z" },
    });
    expect(read("same-time").filter(({ type }) => type === "text-delta")[2]).toEqual({ type: "text-delta", text: "c" });
  });
});

describe("an answer of Ollama that broke is never complete", () => {
  const codes: Record<string, string> = {
    "error-first": "model-not-found",
    "error-memory": "provider-overloaded",
    "no-done": "stream-truncated",
    cut: "stream-truncated",
    empty: "stream-truncated",
    "only-chatter": "stream-truncated",
  };
  const broken = [ollamaChat, ollamaGenerate].flatMap((protocol) => {
    const folder = join(import.meta.dirname, "fixtures", protocol.name, "broken");
    return readdirSync(folder).map((file) => ({
      protocol,
      name: file.replace(".ndjson", ""),
      bytes: new Uint8Array(readFileSync(join(folder, file))),
    }));
  });

  test.each(broken)("$protocol.name: $name", ({ protocol, name, bytes }) => {
    const events = readBody(protocol, [bytes]);
    const end = events.at(-1) as StreamEnd;
    expect(end.outcome).toBe("failed");
    expect(end.error?.code).toBe(codes[name] ?? "provider-error");
    const bytewise = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect(readBody(protocol, bytewise)).toEqual(events);
    expect(JSON.stringify(events)).not.toContain("SECRET");
    for (const client of [ollamaChat, ollamaGenerate]) {
      const written = lines(writeBody(client, events));
      expect(written.some(({ done }) => done === true)).toBe(false);
      expect(written.at(-1)).toEqual({ error: end.error?.message, code: end.error?.code });
    }
  });

  test("not even one whose connection is lost after everything was said", () => {
    const events = read("plain").slice(0, -1);
    const body = writeBody(ollamaChat, [...events, { type: "stream-end", outcome: "interrupted" }]);
    expect(body).not.toContain('"done":true');
  });

  test("one line that is no JSON costs its own text only", () => {
    const [first = "", ...rest] = new TextDecoder().decode(fixture(ollamaChat, "usage")).split("\n");
    const events = readBody(ollamaChat, [utf8.encode([first, "{oops", ...rest].join("\n"))]);
    expect(events).toEqual(read("usage"));
  });

  test("a line of more than a mebibyte ends the answer", () => {
    const reader = ollamaChat.createEventReader({});
    const events = Array.from({ length: 20 }, () => reader.push(utf8.encode("x".repeat(100_000)))).flat();
    expect(events).toMatchObject([{ type: "stream-end", outcome: "failed", error: { code: "response-too-large" } }]);
    expect(reader.end()).toEqual([]);
  });
});

describe("a server that speaks like Ollama can send anything", () => {
  const anyMessage = fc.oneof(
    fc.jsonValue(),
    fc.record(
      {
        role: fc.jsonValue(),
        content: fc.oneof(fc.string(), fc.jsonValue()),
        thinking: fc.oneof(fc.string(), fc.jsonValue()),
        tool_calls: fc.oneof(
          fc.jsonValue(),
          fc.array(
            fc.record({ id: fc.string(), function: fc.record({ name: fc.string(), arguments: fc.jsonValue() }) }),
          ),
        ),
      },
      { requiredKeys: [] },
    ),
  );
  const anyLine = fc.record(
    {
      model: fc.oneof(fc.string(), fc.jsonValue()),
      created_at: fc.oneof(fc.string(), fc.jsonValue()),
      message: anyMessage,
      response: fc.oneof(fc.string(), fc.jsonValue()),
      thinking: fc.jsonValue(),
      logprobs: fc.jsonValue(),
      done: fc.oneof(fc.constant(false), fc.jsonValue()),
      done_reason: fc.jsonValue(),
      eval_count: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );

  test.each([ollamaChat, ollamaGenerate])("$name: it is read without a throw, and written as it was", (protocol) => {
    fc.assert(
      fc.property(fc.array(anyLine, { maxLength: 6 }), (sent) => {
        const body = sent.map((line) => `${JSON.stringify(line)}\n`).join("");
        const events = readBody(protocol, [utf8.encode(body)]);
        expect(events.filter(({ type }) => type === "stream-end")).toHaveLength(1);
        const all = lines(body);
        const isWhole = (events.at(-1) as StreamEnd).outcome !== "failed";
        const written = lines(writeBody(protocol, events));
        const own = isWhole ? written : written.slice(0, -1);
        // Chatter before the answer is left out; nothing is after its first line.
        const from = all.findIndex((line) => isDeepStrictEqual(line, own[0]));
        expect(own).toEqual(own.length === 0 ? [] : all.slice(from, from + own.length));
      }),
      { numRuns: 1000 },
    );
  });

  test("the prototypes of our objects stay as they are", () => {
    const evil =
      '{"model":"m","__proto__":{"polluted":1},"message":{"content":"x","__proto__":{"polluted":1}},"done":false}';
    const events = readBody(ollamaChat, [utf8.encode(`${evil}\n${evil.replace('"x"', '"y"')}\n`)]);
    writeBody(ollamaChat, events);
    expect(({} as JsonObject)["polluted"]).toBeUndefined();
    expect((events[0] as unknown as JsonObject)["polluted"]).toBeUndefined();
  });
});

describe("an answer of Ollama that is one document", () => {
  test.each(["plain", "tools-parallel", "thinking", "length", "usage", "logprobs"])(
    "%s says the same as its stream",
    (name) => {
      const answer = foldAnswer(read(name));
      const document = ollamaChat.writeAnswer(answer, { streamId: "st_test" });
      const again = foldAnswer(ollamaChat.readAnswer(document));
      expect(again.outcome).toBe(answer.outcome);
      expect(again.usage).toEqual(answer.usage);
      expect(ollamaChat.writeAnswer(again, { streamId: "st_test" })).toEqual(document);
    },
  );

  test("it has every field of the provider's last line", () => {
    expect(ollamaGenerate.writeAnswer(foldAnswer(read("plain", ollamaGenerate)), { streamId: "st_test" })).toEqual({
      ...lines(new TextDecoder().decode(fixture(ollamaGenerate, "plain"))).at(-1),
      response: 'Hello, "wörld" 👋\n\\ done\ttab\ufffc\u2028x{"done":true}',
    });
  });

  test("one where a stream was asked for is read as well", () => {
    const document = ollamaChat.writeAnswer(foldAnswer(read("usage")), { streamId: "st_test" });
    const answer = foldAnswer(readBody(ollamaChat, [utf8.encode(JSON.stringify(document))]));
    expect(answer).toMatchObject({
      outcome: "completed",
      choices: [{ blocks: [{ kind: "text", text: "Hi there!" }] }],
    });
  });
});

describe("an answer of another protocol, in lines", () => {
  const start: StreamEvent = {
    type: "stream-start",
    streamId: "st_test",
    format: 1,
    protocol: "ollama-chat",
    model: "smart",
    createdAt: 1_763_700_000_000,
  };
  const head = { model: "poet", created_at: "2025-11-21T04:40:00.000Z" };

  test("has the form of Ollama's own", () => {
    const events: StreamEvent[] = [
      start,
      { type: "attempt-start", provider: "mine", model: "poet" },
      { type: "reasoning-delta", text: "hm" },
      { type: "text-delta", text: "Let me" },
      { type: "refusal-delta", text: " not" },
      { type: "tool-call-start", call: 0, callId: "c1", name: "look", kind: "function" },
      { type: "tool-call-delta", call: 0, argumentsText: '{"at":' },
      { type: "tool-call-delta", call: 0, argumentsText: '"you"}' },
      { type: "tool-call-start", call: 1, callId: "c2", name: "sql", kind: "custom" },
      { type: "tool-call-delta", call: 1, argumentsText: "SELECT 1" },
      { type: "finish", reason: "tool_calls" },
      { type: "usage", usage: { inputTokens: 3, outputTokens: 4 } },
      { type: "stream-end", outcome: "completed" },
    ];
    const message = (rest: JsonObject) => ({
      ...head,
      message: { role: "assistant", content: "", ...rest },
      done: false,
    });
    expect(lines(writeBody(ollamaChat, events))).toEqual([
      message({ thinking: "hm" }),
      message({ content: "Let me" }),
      message({ content: " not" }),
      message({ tool_calls: [{ id: "c1", function: { index: 0, name: "look", arguments: { at: "you" } } }] }),
      message({ tool_calls: [{ id: "c2", function: { index: 1, name: "sql", arguments: { input: "SELECT 1" } } }] }),
      { ...message({}), done: true, done_reason: "stop", prompt_eval_count: 3, eval_count: 4 },
    ]);
    expect(lines(writeBody(ollamaGenerate, events)).slice(0, 2)).toEqual([
      { ...head, response: "", thinking: "hm", done: false },
      { ...head, response: "Let me", done: false },
    ]);
  });

  test("ends with an error when a call's arguments are no object: half a call would be another call", () => {
    const events: StreamEvent[] = [
      start,
      { type: "tool-call-start", call: 0, callId: "c1", name: "look", kind: "function" },
      { type: "tool-call-delta", call: 0, argumentsText: '{"at":' },
      { type: "finish", reason: "tool_calls" },
      { type: "stream-end", outcome: "completed" },
    ];
    expect(lines(writeBody(ollamaChat, events))).toEqual([{ error: expect.any(String), code: "provider-error" }]);
  });

  test("goes on under its first name when another attempt continues it", () => {
    const seam: StreamEvent = {
      type: "seam",
      fromAttempt: 0,
      toAttempt: 1,
      rung: "prefill",
      overlap: 0,
      confidence: 1,
    };
    const first = read("plain").slice(0, 3);
    const other = readBody(openaiChat, [
      readFixtures("openai-chat").find(({ name }) => name === "usage")?.bytes as Uint8Array,
    ]);
    const same = JSON.parse(JSON.stringify(read("usage")).replaceAll("llama3.2", "another")) as StreamEvent[];
    for (const rest of [other, same]) {
      const written = lines(writeBody(ollamaChat, [start, ...first, seam, ...rest]));
      expect(new Set(written.map(({ model }) => model))).toEqual(new Set(["llama3.2"]));
      expect(written.map(({ message }) => (message as { content: string }).content).join("")).toBe(
        `Hello, "wörld" 👋Hi there${rest === same ? "!" : ""}`,
      );
      expect(written.filter(({ done }) => done === true)).toHaveLength(1);
      expect(written.at(-1)).toMatchObject({ done: true });
    }
  });

  test("loses no text and doubles none when an event that carried a change of form was taken out", () => {
    for (const name of ["tools-parallel", "thinking", "whole-in-one"]) {
      const whole = read(name);
      for (const [index, event] of whole.entries()) {
        if (event.type !== "text-delta" && event.type !== "reasoning-delta") continue;
        const without = whole.toSpliced(index, 1);
        const again = foldAnswer(readBody(ollamaChat, [utf8.encode(writeBody(ollamaChat, without))]));
        const { choices } = foldAnswer(without);
        const said = (all: typeof choices) =>
          all[0]?.blocks.map((block) => (block.kind === "tool-call" ? block.argumentsText : block.text)).join("|");
        expect(said(again.choices)).toBe(said(choices));
      }
    }
  });
});

describe("errors of Ollama", () => {
  test.each([
    [404, '{"error":"model \\"nope\\" not found, try pulling it first"}', "model-not-found"],
    [404, "404 page not found", "provider-error"],
    [400, '{"error":"registry.ollama.ai/library/x does not support tools"}', "provider-rejected"],
    [400, '{"error":"the input length exceeds the context length"}', "context-too-long"],
    [503, '{"error":"server busy, please try again. maximum pending requests exceeded"}', "provider-overloaded"],
    [401, '{"error":"unauthorized","signin_url":"https://example.org"}', "provider-auth"],
    [500, '{"error":"SECRET"}', "provider-error"],
    [502, "<html>", "provider-overloaded"],
  ])("a provider's %i %s is %s", (status, body, code) => {
    const error = ollamaChat.readError({ status, headers: {}, body });
    expect(error.code).toBe(code);
    expect(error.providerStatus).toBe(status);
    expect(JSON.stringify(error.report())).not.toMatch(/SECRET|nope|example/);
  });

  test("ours have Ollama's form", () => {
    expect(ollamaChat.writeError(new HeadraceError("rate-limited", "wait", { retryAfterMs: 1200 }), "req_1")).toEqual({
      status: 429,
      headers: { "x-request-id": "req_1", "retry-after": "2", "retry-after-ms": "1200" },
      body: { error: "wait", code: "rate-limited" },
    });
  });
});
