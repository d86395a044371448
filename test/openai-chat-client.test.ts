import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import type { StreamEvent } from "../src/core/events.ts";
import { openaiChat } from "../src/protocols/openai-chat.ts";
import { readBody, readFixtures, writeBody } from "./conformance/protocol.ts";

const model = "gpt-4o";
const messages = [{ role: "user", content: "go" }] as const;
const read = Object.fromEntries(
  readFixtures("openai-chat").map(({ name, bytes }) => [name, readBody(openaiChat, [bytes])]),
);

/** OpenAI's own client, in front of an answer that we wrote. */
function clientOf(events: readonly StreamEvent[]): OpenAI {
  const body = writeBody(openaiChat, events);
  const fetch = async () => new Response(body, { headers: { "content-type": "text/event-stream" } });
  return new OpenAI({ apiKey: "none", baseURL: "http://gateway/v1", fetch, maxRetries: 0 });
}

const start: StreamEvent = {
  type: "stream-start",
  streamId: "st_test",
  format: 1,
  protocol: "openai-chat",
  model,
  createdAt: 1_763_700_000_000,
};
const attempt: StreamEvent = { type: "attempt-start", provider: "mine", model: "poet" };
const whole: StreamEvent = { type: "stream-end", outcome: "completed" };

describe("OpenAI's own client reads what we write", () => {
  test.each([
    ["plain", 'Hello, "wörld" 👋\n\\ done\ttab\ufffcdata: [DONE]\n\n'],
    ["usage", "Hi there"],
    ["deepseek", "It is 4"],
    ["openrouter", "Fine so"],
    ["vllm", "ok then"],
    ["ollama", "Why not? OK"],
    ["azure", "Safe text"],
  ])("the text of %s", async (name, expected) => {
    let text = "";
    for await (const chunk of await clientOf(read[name] ?? []).chat.completions.create({
      model,
      messages: [...messages],
      stream: true,
    })) {
      text += chunk.choices[0]?.delta.content ?? "";
    }
    expect(text).toBe(expected);
  });

  test.each(["tools-one", "tools-parallel", "tools-interleaved"])(
    "the calls of %s, with its stream helper",
    async (name) => {
      const completion = await clientOf(read[name] ?? [])
        .chat.completions.stream({ model, messages: [...messages] })
        .finalChatCompletion();
      const expected = openaiChatCalls(read[name] ?? []);
      expect(completion.choices[0]?.finish_reason).toBe("tool_calls");
      expect(completion.choices[0]?.message.tool_calls).toMatchObject(expected);
    },
  );

  test("an answer of user code: text, reasoning, a call, usage", async () => {
    const events: StreamEvent[] = [
      start,
      attempt,
      { type: "reasoning-delta", text: "hm" },
      { type: "text-delta", text: "Let me" },
      { type: "text-delta", text: " look" },
      { type: "tool-call-start", call: 0, callId: "call_1", name: "look", kind: "function" },
      { type: "tool-call-delta", call: 0, argumentsText: '{"at":' },
      { type: "tool-call-delta", call: 0, argumentsText: '"you"}' },
      { type: "usage", usage: { inputTokens: 1, outputTokens: 1 } },
      { type: "finish", reason: "tool_calls" },
      { type: "usage", usage: { inputTokens: 3, outputTokens: 4, reasoningTokens: 1 } },
      whole,
    ];
    const completion = await clientOf(events)
      .chat.completions.stream({ model, messages: [...messages] })
      .finalChatCompletion();
    expect(completion).toMatchObject({
      id: "chatcmpl-st_test",
      model: "poet",
      created: 1_763_700_000,
      choices: [
        {
          finish_reason: "tool_calls",
          message: {
            role: "assistant",
            content: "Let me look",
            tool_calls: [{ id: "call_1", function: { name: "look", arguments: '{"at":"you"}' } }],
          },
        },
      ],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
    });
  });

  test("several answers at once, and one that nobody finished by hand", async () => {
    const events: StreamEvent[] = [
      start,
      attempt,
      { type: "text-delta", text: "A" },
      { type: "text-delta", choice: 1, text: "B" },
      { type: "finish", choice: 1, reason: "length" },
      whole,
    ];
    const completion = await clientOf(events)
      .chat.completions.stream({ model, messages: [...messages], n: 2 })
      .finalChatCompletion();
    expect(completion.choices.map(({ message, finish_reason }) => [message.content, finish_reason])).toEqual([
      ["A", "stop"],
      ["B", "length"],
    ]);
  });

  test("an answer of which there is nothing but its end", async () => {
    const completion = await clientOf([start, whole])
      .chat.completions.stream({ model, messages: [...messages] })
      .finalChatCompletion();
    expect(completion.choices[0]?.finish_reason).toBe("stop");
  });
});

describe("OpenAI's own client raises when an answer is not whole", () => {
  const failed: StreamEvent = {
    type: "stream-end",
    outcome: "failed",
    error: { code: "stream-truncated", message: "it broke off" },
  };
  test.each([
    ["failed", [start, ...(read["plain"] ?? []).slice(0, 3), failed]],
    ["failed in user code", [start, attempt, { type: "text-delta", text: "x" }, failed]],
    ["failed before anything", [start, failed]],
    ["failed after the reason", [start, ...(read["plain"] ?? []).slice(0, -1), failed]],
    ["interrupted", [start, attempt, { type: "stream-end", outcome: "interrupted" }]],
    ["cancelled", [start, attempt, { type: "text-delta", text: "x" }, { type: "stream-end", outcome: "cancelled" }]],
  ] satisfies [string, StreamEvent[]][])("%s", async (_, events) => {
    const client = clientOf(events);
    const drain = async () => {
      for await (const chunk of await client.chat.completions.create({ model, messages: [...messages], stream: true }))
        void chunk;
    };
    await expect(drain()).rejects.toThrow(/broke off|was stopped/);
    await expect(
      client.chat.completions.stream({ model, messages: [...messages] }).finalChatCompletion(),
    ).rejects.toThrow(/broke off|was stopped/);
  });
});

function openaiChatCalls(events: StreamEvent[]): object[] {
  const calls: { id: string; type: string; function: { name: string; arguments: string } }[] = [];
  for (const event of events) {
    if (event.type === "tool-call-start")
      calls.push({ id: event.callId, type: event.kind, function: { name: event.name, arguments: "" } });
    if (event.type === "tool-call-delta")
      (calls[event.call] as (typeof calls)[0]).function.arguments += event.argumentsText;
  }
  return calls;
}
