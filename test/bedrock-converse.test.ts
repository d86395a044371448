import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foldAnswer } from "../src/core/answer.ts";
import type { StreamEnd, StreamEvent } from "../src/core/events.ts";
import type { JsonObject } from "../src/core/json.ts";
import { bedrockConverse } from "../src/protocols/bedrock-converse.ts";
import { openaiChat } from "../src/protocols/openai-chat.ts";
import { dataOf, describeProtocol, encodeLines, readBody, readFixtures, writeBody } from "./conformance/protocol.ts";

const fixtures = readFixtures("bedrock-converse", bedrockConverse);
const read = (name: string) => readBody(bedrockConverse, [bytesOf(name)]);

function bytesOf(name: string): Uint8Array {
  return fixtures.find((one) => one.name === name)?.bytes as Uint8Array;
}

function encode(lines: readonly object[]): Uint8Array {
  return encodeLines(lines.map((line) => JSON.stringify(line)).join("\n"), bedrockConverse.encodeFrame);
}

describeProtocol(bedrockConverse, fixtures);

describe("what an answer says is understood", () => {
  const blocks = (name: string) =>
    foldAnswer(read(name)).choices[0]?.blocks.map((block) => {
      if (block.kind === "tool-call") return `${block.callId} ${block.name} ${block.argumentsText}`;
      const signature = block.kind === "reasoning" && block.signature !== undefined ? ` [${block.signature}]` : "";
      return `${block.kind}: ${block.text}${signature}`;
    });

  test.each([
    ["plain", ['text: Hello, "wörld" 👋\n\\ done\ttab,"p":"abc"} text']],
    ["tools-one", ["text: Let me look.", 'tooluse_a1 get_weather {"city": "Oslo"}']],
    ["tools-parallel", ['tooluse_p0 get_weather {"city":"Oslo"}', "tooluse_p1 now {}"]],
    ["tools-interleaved", ["text: Both:", 'i0 a {"x":1}', 'i1 b {"y":2}']],
    ["tools-of-the-server", ["text: The moon."]],
    ["reasoning", ["reasoning: First; then so. [EqoBCkgIBhABGAIqQ]", "text: It is 4"]],
    ["reasoning-redacted", ["reasoning:  [RXFvQkNrZ0lCaEFC]", "reasoning:  [/+8=]", "text: Fine."]],
    ["unknown", ["text: ok then", "text: far"]],
  ])("%s", (name, expected) => {
    expect(blocks(name)).toEqual(expected);
  });

  test.each([
    ["plain", "completed", "stop", { inputTokens: 12, outputTokens: 9, totalTokens: 21 }],
    ["tools-one", "completed", "tool_calls", { inputTokens: 400, outputTokens: 60, totalTokens: 460 }],
    ["length", "length", "length", { inputTokens: 5, outputTokens: 2, totalTokens: 7 }],
    ["context-full", "length", "context_full", undefined],
    ["stop-sequence", "completed", "stop_sequence", { inputTokens: 5, outputTokens: 2, totalTokens: 7 }],
    ["content-filtered", "content_filter", "content_filter", { inputTokens: 5, outputTokens: 3, totalTokens: 8 }],
    ["guardrail", "content_filter", "content_filter", { inputTokens: 0, outputTokens: 0, totalTokens: 0 }],
    ["unknown", "completed", "other", { inputTokens: 1, outputTokens: 2 }],
    [
      "usage-cache",
      "completed",
      "stop",
      { inputTokens: 1712, outputTokens: 2, cachedInputTokens: 1608, cacheWriteTokens: 100, totalTokens: 1714 },
    ],
  ])("%s ends as %s, with its reason and usage", (name, outcome, reason, usage) => {
    const answer = foldAnswer(read(name));
    expect(answer.outcome).toBe(outcome);
    expect(answer.choices[0]?.finishReason).toBe(reason);
    expect(answer.usage).toEqual(usage);
  });

  test("citations name their page or document, and the words they cite", () => {
    const [block] = foldAnswer(read("citations")).choices[0]?.blocks ?? [];
    expect(block?.kind === "text" && block.citations).toEqual([
      { title: "Optics", quote: "blue light is scattered", documentIndex: 1 },
      { title: "Sky", quote: "Rayleigh", url: "https://sky.example/blue" },
      { title: "Notes", quote: "blue", documentIndex: 0 },
    ]);
  });

  test("a run of plain text carries nothing but its text into the log", () => {
    const deltas = read("plain").filter(({ type }) => type === "text-delta");
    expect(deltas.slice(1)).toEqual([
      { type: "text-delta", text: " 👋\n\\ done\ttab" },
      { type: "text-delta", text: ',"p":"abc"}' },
      { type: "text-delta", text: " text" },
    ]);
  });

  test.each(fixtures)("$name says the same with padding, which hides how long its words are", ({ text = "", name }) => {
    const padded = text
      .trim()
      .split("\n")
      .map((line, index) => line.replace(/\}\}$/, `,"p":"${"abcdefghij".slice(index % 11)}"}}`));
    expect(readBody(bedrockConverse, [encodeLines(padded.join("\n"), bedrockConverse.encodeFrame)])).toEqual(
      read(name),
    );
  });
});

describe("a provider can send anything", () => {
  const index = fc.oneof(fc.nat(3), fc.jsonValue());
  const delta = fc.oneof(
    fc.jsonValue(),
    fc.record(
      {
        text: fc.oneof(fc.string(), fc.jsonValue()),
        toolUse: fc.oneof(fc.record({ input: fc.string() }), fc.jsonValue()),
        reasoningContent: fc.oneof(
          fc.record({ text: fc.string(), signature: fc.string(), redactedContent: fc.string() }, { requiredKeys: [] }),
          fc.jsonValue(),
        ),
        citation: fc.oneof(fc.record({ title: fc.jsonValue(), location: fc.jsonValue() }), fc.jsonValue()),
      },
      { requiredKeys: [] },
    ),
  );
  const start = fc.oneof(
    fc.record({ toolUse: fc.record({ toolUseId: fc.string(), name: fc.string(), type: fc.jsonValue() }) }),
    fc.jsonValue(),
  );
  const frame = fc.oneof(
    fc.record({ messageStart: fc.dictionary(fc.string(), fc.jsonValue()) }),
    fc.record({ contentBlockStart: fc.record({ contentBlockIndex: index, start }) }),
    fc.record({ contentBlockDelta: fc.record({ contentBlockIndex: index, delta }) }),
    fc.record({ contentBlockStop: fc.record({ contentBlockIndex: index }) }),
    fc.record({
      messageStop: fc.record({ stopReason: fc.oneof(fc.constantFrom("end_turn", "tool_use"), fc.jsonValue()) }),
    }),
    fc.record({ metadata: fc.record({ usage: fc.jsonValue() }) }),
    fc.record({ somethingNew: fc.dictionary(fc.string(), fc.jsonValue()) }),
  );

  test("and it is read without a throw, and written as it was", () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), (frames) => {
        const lines = frames.map((one) => JSON.stringify(one));
        const events = readBody(bedrockConverse, [encodeLines(lines.join("\n"), bedrockConverse.encodeFrame)]);
        expect(events.filter(({ type }) => type === "stream-end")).toHaveLength(1);
        const steps = events.slice(0, -1);
        const written = dataOf(writeBody(bedrockConverse, steps));
        const sent = untilUsage(dataOf(lines.join("\n")) as JsonObject[]).map(withoutPadding);
        const isWhole = (events.at(-1) as StreamEnd).outcome === "completed";
        expect(written).toEqual(isWhole ? sent : sent.slice(0, written.length));
        writeBody(openaiChat, events);
      }),
      { numRuns: 300 },
    );
  });

  /** Nothing is read after the usage that follows the end of the message. */
  function untilUsage(frames: JsonObject[]): JsonObject[] {
    const stop = frames.findIndex((one) => Object.hasOwn(one, "messageStop"));
    const usage = frames.findIndex((one, at) => stop !== -1 && at > stop && Object.hasOwn(one, "metadata"));
    return usage === -1 ? frames : frames.slice(0, usage + 1);
  }

  function withoutPadding(one: JsonObject): JsonObject {
    const [[type, payload] = ["", {}]] = Object.entries(one);
    const { p, ...rest } = payload as JsonObject;
    return { [type]: typeof p === "string" ? rest : payload };
  }
});

describe("answers of other protocols", () => {
  const start: StreamEvent = {
    type: "stream-start",
    streamId: "st_test",
    format: 1,
    protocol: "bedrock-converse",
    model: "smart",
    createdAt: 1_763_700_000_000,
  };
  const written = (events: StreamEvent[]) => dataOf(writeBody(bedrockConverse, [start, ...events]));

  test("open and close their blocks, and tell usage last", () => {
    expect(
      written([
        { type: "attempt-start", provider: "x", model: "m", protocol: "openai-chat" },
        { type: "reasoning-delta", text: "hm" },
        { type: "text-delta", text: "Yes" },
        { type: "tool-call-start", call: 0, callId: "c0", name: "a", kind: "function" },
        { type: "tool-call-start", call: 1, callId: "c1", name: "b", kind: "function" },
        { type: "tool-call-delta", call: 0, argumentsText: "{}" },
        { type: "tool-call-delta", call: 1, argumentsText: '{"b":' },
        { type: "usage", usage: { inputTokens: 3, outputTokens: 4, reasoningTokens: 1 } },
        { type: "tool-call-delta", call: 1, argumentsText: "1}" },
        { type: "finish", reason: "tool_calls" },
        { type: "stream-end", outcome: "completed" },
      ]),
    ).toEqual([
      { messageStart: { role: "assistant" } },
      { contentBlockDelta: { contentBlockIndex: 0, delta: { reasoningContent: { text: "hm" } } } },
      { contentBlockStop: { contentBlockIndex: 0 } },
      { contentBlockDelta: { contentBlockIndex: 1, delta: { text: "Yes" } } },
      { contentBlockStop: { contentBlockIndex: 1 } },
      { contentBlockStart: { contentBlockIndex: 2, start: { toolUse: { toolUseId: "c0", name: "a" } } } },
      { contentBlockStart: { contentBlockIndex: 3, start: { toolUse: { toolUseId: "c1", name: "b" } } } },
      { contentBlockDelta: { contentBlockIndex: 2, delta: { toolUse: { input: "{}" } } } },
      { contentBlockDelta: { contentBlockIndex: 3, delta: { toolUse: { input: '{"b":' } } } },
      { contentBlockDelta: { contentBlockIndex: 3, delta: { toolUse: { input: "1}" } } } },
      { contentBlockStop: { contentBlockIndex: 2 } },
      { contentBlockStop: { contentBlockIndex: 3 } },
      { messageStop: { stopReason: "tool_use" } },
      { metadata: { usage: { inputTokens: 3, outputTokens: 4, totalTokens: 7 } } },
    ]);
  });

  test("have the free text of a custom tool as the only member of an object", () => {
    const texts = ['SELECT "a"', "\n", "-- done"];
    const frames = written([
      { type: "attempt-start", provider: "x", model: "m", protocol: "openai-chat" },
      { type: "tool-call-start", call: 0, callId: "c0", name: "sql", kind: "custom" },
      ...texts.map((argumentsText): StreamEvent => ({ type: "tool-call-delta", call: 0, argumentsText })),
      { type: "finish", reason: "tool_calls" },
      { type: "stream-end", outcome: "completed" },
    ]);
    const [block] = foldAnswer(readBody(bedrockConverse, [encode(frames as object[])])).choices[0]?.blocks ?? [];
    expect(JSON.parse(block?.kind === "tool-call" ? block.argumentsText : "")).toEqual({ input: texts.join("") });
  });

  test("without any event of their own are whole messages all the same", () => {
    expect(written([{ type: "stream-end", outcome: "length" }])).toEqual([
      { messageStart: { role: "assistant" } },
      { messageStop: { stopReason: "max_tokens" } },
    ]);
  });

  test("keep foreign signatures sealed, and the next request opens them", () => {
    const frames = written([
      { type: "attempt-start", provider: "x", model: "m", protocol: "openai-chat" },
      { type: "reasoning-delta", text: "hm" },
      { type: "reasoning-signature", signature: "abc" },
      { type: "reasoning-signature", signature: "sécret", redacted: true },
      { type: "stream-end", outcome: "completed" },
    ]) as { contentBlockDelta?: { delta: { reasoningContent: { signature?: string; redactedContent?: string } } } }[];
    const contents = frames.flatMap(({ contentBlockDelta }) => contentBlockDelta?.delta.reasoningContent ?? []);
    const signature = contents.find((content) => content.signature !== undefined)?.signature;
    const redactedContent = contents.find((content) => content.redactedContent !== undefined)?.redactedContent;
    const content = [
      { reasoningContent: { reasoningText: { text: "hm", signature } } },
      { reasoningContent: { redactedContent } },
    ] as JsonObject[];
    const request = bedrockConverse.readRequest({ messages: [{ role: "assistant", content }] });
    expect(request.messages[0]?.content).toEqual([
      { type: "reasoning", text: "hm", signature: "abc", from: "openai-chat" },
      { type: "reasoning", text: "", signature: "sécret", from: "openai-chat", redacted: true },
    ]);
  });

  test("go on in the block where an earlier attempt broke off", () => {
    const broken = read("tools-one").slice(0, 2);
    const frames = written([
      ...broken,
      { type: "seam", fromAttempt: 0, toAttempt: 1, rung: "prefill", overlap: 0, confidence: 1 },
      ...read("citations"),
    ]);
    expect(frames.filter((one) => Object.hasOwn(one as object, "messageStart"))).toHaveLength(1);
    expect(foldAnswer(readBody(bedrockConverse, [encode(frames as object[])])).choices[0]?.blocks).toMatchObject([
      { kind: "text", text: "Let me look.The sky scatters blue light." },
    ]);
  });

  test("number their blocks on when the second attempt has its own", () => {
    const broken = read("tools-one").slice(0, -3);
    const frames = written([...broken, ...read("unknown")]);
    const again = foldAnswer(readBody(bedrockConverse, [encode(frames as object[])]));
    expect(again.outcome).toBe("completed");
    expect(again.choices[0]?.blocks.map(({ kind }) => kind)).toEqual(["text", "tool-call", "text", "text"]);
  });

  test.each(["cancelled", "interrupted", "failed"] as const)("that are %s end in an exception", (outcome) => {
    const last = written([{ type: "stream-end", outcome }]).at(-1);
    expect(last).toEqual({ modelStreamErrorException: { message: expect.any(String) } });
  });
});

describe("an answer in one piece", () => {
  test.each([
    "plain",
    "tools-one",
    "tools-parallel",
    "reasoning",
    "reasoning-redacted",
    "length",
    "usage-cache",
    "citations",
  ])("%s is the same answer", (name) => {
    const answer = foldAnswer(read(name));
    const again = foldAnswer(bedrockConverse.readAnswer(bedrockConverse.writeAnswer(answer, { streamId: "st_test" })));
    expect(again.outcome).toBe(answer.outcome);
    expect(again.usage).toEqual(answer.usage);
    const comparable = (blocks: object[] = []) => blocks.map((block) => JSON.stringify(block).replaceAll(" ", ""));
    expect(comparable(again.choices[0]?.blocks)).toEqual(comparable(answer.choices[0]?.blocks));
  });

  test.each([{}, { message: "SECRET" }, { output: { message: {} } }, { Output: { __type: "x" } }])(
    "%j is none",
    (body) => {
      const events = bedrockConverse.readAnswer(body);
      expect(events).toMatchObject([{ type: "stream-end", outcome: "failed", error: { code: "provider-error" } }]);
      expect(JSON.stringify(events)).not.toContain("SECRET");
    },
  );
});
