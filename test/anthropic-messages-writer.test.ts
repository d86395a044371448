import Anthropic from "@anthropic-ai/sdk";
import { describe, expect, test } from "vitest";
import type { ProtocolName, StreamEvent } from "../src/core/events.ts";
import type { JsonObject } from "../src/core/json.ts";
import { anthropicMessages } from "../src/protocols/anthropic-messages.ts";
import { openaiChat } from "../src/protocols/openai-chat.ts";
import { dataOf, readBody, readFixtures, writeBody } from "./conformance/protocol.ts";

const read = Object.fromEntries(
  readFixtures("anthropic-messages").map(({ name, bytes }) => [name, readBody(anthropicMessages, [bytes])]),
);
const readChat = Object.fromEntries(
  readFixtures("openai-chat").map(({ name, bytes }) => [name, readBody(openaiChat, [bytes])]),
);

/** Anthropic's own client, in front of an answer that we wrote. */
function streamOf(events: readonly StreamEvent[]) {
  const body = writeBody(anthropicMessages, events);
  const fetch = async () => new Response(body, { headers: { "content-type": "text/event-stream" } });
  const client = new Anthropic({ apiKey: "none", baseURL: "http://gateway", fetch, maxRetries: 0 });
  return client.messages.stream({ model: "m", max_tokens: 9, messages: [{ role: "user", content: "go" }] });
}

const finalMessage = (events: readonly StreamEvent[]) => streamOf(events).finalMessage();

const start: StreamEvent = {
  type: "stream-start",
  streamId: "st_test",
  format: 1,
  protocol: "anthropic-messages",
  model: "m",
  createdAt: 1_763_700_000_000,
};
const attemptOf = (protocol?: ProtocolName): StreamEvent => ({
  type: "attempt-start",
  provider: "mine",
  model: "poet",
  ...(protocol !== undefined && { protocol }),
});
const whole: StreamEvent = { type: "stream-end", outcome: "completed" };
const text = (content: string): StreamEvent => ({ type: "text-delta", text: content });

describe("Anthropic's own client reads what we write", () => {
  test("of user code: thoughts, text, a call, usage", async () => {
    const message = await finalMessage([
      start,
      attemptOf(),
      { type: "reasoning-delta", text: "hm" },
      { type: "reasoning-delta", text: ", well" },
      text("Let me"),
      text(" look"),
      { type: "tool-call-start", call: 0, callId: "call:1", name: "look", kind: "function" },
      { type: "tool-call-delta", call: 0, argumentsText: '{"at":' },
      { type: "tool-call-delta", call: 0, argumentsText: '"you"}' },
      { type: "finish", reason: "tool_calls" },
      { type: "usage", usage: { inputTokens: 30, outputTokens: 4, cachedInputTokens: 10, reasoningTokens: 1 } },
      whole,
    ]);
    expect(message).toMatchObject({
      id: "msg_st_test",
      model: "poet",
      stop_reason: "tool_use",
      content: [
        { type: "thinking", thinking: "hm, well", signature: "" },
        { type: "text", text: "Let me look" },
        { type: "tool_use", id: expect.stringMatching(/^[a-zA-Z0-9_-]+$/), name: "look", input: { at: "you" } },
      ],
      usage: {
        input_tokens: 20,
        cache_read_input_tokens: 10,
        output_tokens: 4,
        output_tokens_details: { thinking_tokens: 1 },
      },
    });
  });

  test.each([
    ["plain", 'Hello, "wörld" 👋\n\\ done\ttab\ufffcdata: [DONE]\n\n', "end_turn"],
    ["deepseek", "It is 4", "end_turn"],
    ["length", undefined, "max_tokens"],
    ["content-filter", undefined, "refusal"],
    ["refusal", "I'm sorry, I cannot help with that.", "refusal"],
  ])("of a chat provider: %s", async (name, expected, reason) => {
    const { content, stop_reason } = await finalMessage([start, ...(readChat[name] ?? [])]);
    const said = content.map((block) => (block.type === "text" ? block.text : "")).join("");
    expect(said).toBe(expected ?? said);
    expect(stop_reason).toBe(reason);
  });

  test.each(["tools-one", "tools-parallel", "tools-interleaved", "tools-same-index"])(
    "the calls of a chat provider, one block after the other: %s",
    async (name) => {
      const events = [start, ...(readChat[name] ?? [])];
      const order = dataOf(writeBody(anthropicMessages, events)).flatMap((frame) => {
        const { type, index } = frame as { type: string; index?: number };
        return type === "content_block_start" || type === "content_block_stop" ? [`${type} ${index}`] : [];
      });
      expect(order).toEqual(
        order.map((_, at) => `content_block_${at % 2 === 0 ? "start" : "stop"} ${Math.floor(at / 2)}`),
      );
      const calls = (await finalMessage(events)).content.filter((block) => block.type === "tool_use");
      const sent = new Map<number, string>();
      for (const event of events) {
        if (event.type === "tool-call-delta") sent.set(event.call, (sent.get(event.call) ?? "") + event.argumentsText);
      }
      expect(calls.map(({ input }) => input)).toEqual(
        [...sent].toSorted(([one], [other]) => one - other).map(([, json]) => JSON.parse(json) as unknown),
      );
    },
  );

  test("free text for a tool arrives as the only member of its input", async () => {
    const { content } = await finalMessage([start, ...(readChat["tools-custom"] ?? [])]);
    expect(content).toMatchObject([{ type: "tool_use", name: "run_sql", input: { input: "SELECT 1" } }]);
  });

  test("a link that another vendor cited", async () => {
    const citation = { url: "https://example.org/", title: "Example", quote: "it is" };
    const { content } = await finalMessage([
      start,
      attemptOf(),
      text("So it is."),
      { type: "citation", citation },
      whole,
    ]);
    expect(content).toMatchObject([
      { text: "So it is.", citations: [{ type: "web_search_result_location", url: "https://example.org/" }] },
    ]);
  });

  test("an answer of which there is nothing but its end", async () => {
    const message = await finalMessage([start, whole]);
    expect(message).toMatchObject({ content: [], stop_reason: "end_turn", model: "m" });
  });

  test.each(Object.keys(read).filter((name) => name !== "usage-none"))("its own vendor's %s", async (name) => {
    const message = await finalMessage(read[name] ?? []);
    expect(message.stop_reason).not.toBeNull();
    const starts = (read[name] ?? []).filter(({ type }) => type === "block-start" || type === "tool-call-start");
    expect(message.content.length).toBeGreaterThanOrEqual(starts.length);
  });
});

describe("whose thoughts they are is never lost", () => {
  const signed: StreamEvent[] = [
    { type: "reasoning-delta", text: "hm" },
    { type: "reasoning-signature", signature: "SIG" },
  ];

  test("another vendor's signature is marked with its origin, and known again", async () => {
    const { content } = await finalMessage([start, attemptOf("openai-responses"), ...signed, whole]);
    expect(content).toMatchObject([{ type: "thinking", thinking: "hm", signature: "headrace:openai-responses:SIG" }]);
    const body = { model: "m", max_tokens: 9, messages: [{ role: "assistant", content }] } as unknown as JsonObject;
    expect(anthropicMessages.readRequest(body).messages[0]?.content).toEqual([
      { type: "reasoning", text: "hm", signature: "SIG", from: "openai-responses" },
    ]);
  });

  test("encrypted thoughts are a block of their own, also when a text block was announced before", async () => {
    const redacted: StreamEvent = { type: "reasoning-signature", signature: "ENC", redacted: true };
    const { content } = await finalMessage([
      start,
      attemptOf("anthropic-messages"),
      { type: "block-start", kind: "reasoning" },
      redacted,
      { type: "block-end" },
      text("Yes"),
      whole,
    ]);
    expect(content).toMatchObject([
      { type: "redacted_thinking", data: "ENC" },
      { type: "text", text: "Yes" },
    ]);
  });

  test("thoughts of two blocks stay apart", async () => {
    const { content } = await finalMessage([start, attemptOf("anthropic-messages"), ...signed, ...signed, whole]);
    expect(content).toHaveLength(2);
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
  const cutAt = (name: string, count: number) => (read[name] ?? []).slice(0, count);

  test.each([
    ["the same protocol", read["plain"] ?? []],
    ["a chat provider", readChat["usage"] ?? []],
    ["user code", [attemptOf(), text("there"), whole]],
  ])("goes on in the same message and the same block: %s", async (_, rest) => {
    const begun = cutAt("plain", 5);
    expect(begun.at(-1)?.type).toBe("text-delta");
    const message = await finalMessage([start, ...begun, seam, ...rest]);
    expect(message.id).toBe("msg_01XFD");
    expect(message.content).toHaveLength(1);
    expect(message.stop_reason).toBe("end_turn");
    const starts = dataOf(writeBody(anthropicMessages, [start, ...begun, seam, ...rest])).filter(
      (frame) => (frame as JsonObject)["type"] === "message_start",
    );
    expect(starts).toHaveLength(1);
  });

  test("closes what the first attempt left open before anything else begins", async () => {
    const begun = cutAt("thinking", 5);
    const message = await finalMessage([start, ...begun, seam, ...(read["tools-parallel"] ?? [])]);
    expect(message.content.map(({ type }) => type)).toEqual(["thinking", "tool_use", "tool_use", "tool_use"]);
    expect(message.stop_reason).toBe("tool_use");
  });

  test("ends with what all attempts together have counted", async () => {
    const counted: StreamEvent = { type: "usage", usage: { inputTokens: 40, outputTokens: 50 } };
    const rest = (read["plain"] ?? []).slice(0, -1);
    const message = await finalMessage([start, ...cutAt("plain", 5), seam, ...rest, counted, whole]);
    expect(message.usage).toMatchObject({ input_tokens: 40, output_tokens: 50 });
  });
});

describe("Anthropic's own client raises when an answer is not whole", () => {
  const failed: StreamEvent = {
    type: "stream-end",
    outcome: "failed",
    error: { code: "stream-truncated", message: "it broke off" },
  };
  test.each([
    ["failed", [start, ...(read["plain"] ?? []).slice(0, 5), failed]],
    ["failed in user code", [start, attemptOf(), text("x"), failed]],
    ["failed before anything", [start, failed]],
    ["failed after the reason", [start, ...(read["plain"] ?? []).slice(0, -1), failed]],
    ["interrupted", [start, attemptOf(), { type: "stream-end", outcome: "interrupted" }]],
    ["cancelled", [start, attemptOf(), text("x"), { type: "stream-end", outcome: "cancelled" }]],
  ] satisfies [string, StreamEvent[]][])("%s", async (_, events) => {
    await expect(finalMessage(events)).rejects.toThrow(/broke off|was stopped/);
    const drain = async () => {
      for await (const event of streamOf(events)) void event;
    };
    await expect(drain()).rejects.toThrow(Anthropic.APIError);
  });
});
