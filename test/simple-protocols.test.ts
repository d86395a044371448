import { describe, expect, test } from "vitest";
import { foldAnswer } from "../src/core/answer.ts";
import type { StreamEvent } from "../src/core/events.ts";
import { promptOf } from "../src/core/request.ts";
import { protocols } from "../src/protocols/all.ts";
import { describeProtocol, readBody, readFixtures, writeBody } from "./conformance/protocol.ts";

const utf8 = new TextEncoder();
const { events, "event-source": eventSource, "openai-chat": openaiChat, "plain-text": plainText } = protocols;

const answer: StreamEvent[] = [
  { type: "stream-start", streamId: "st_test", format: 1, protocol: "events", model: "smart", createdAt: 0 },
  { type: "attempt-start", provider: "p", model: "m" },
  { type: "reasoning-delta", text: "hidden" },
  { type: "text-delta", text: "Two\nlines " },
  { type: "text-delta", choice: 1, text: "another answer" },
  { type: "text-delta", text: "[DONE]" },
  { type: "text-delta", text: "!" },
  { type: "finish", reason: "stop" },
  { type: "usage", usage: { inputTokens: 1, outputTokens: 2 } },
  { type: "stream-end", outcome: "completed" },
];
const failed: StreamEvent = {
  type: "stream-end",
  outcome: "failed",
  error: { code: "stream-truncated", message: "it broke off" },
};

const neutral = readFixtures("openai-chat").map(({ name, bytes }) => ({
  name,
  bytes: utf8.encode(writeBody(events, readBody(openaiChat, [bytes]))),
}));
describeProtocol(
  events,
  neutral.filter(({ name }) => ["tools-interleaved", "n2", "usage"].includes(name)),
);

describe("plain text", () => {
  test("is the text of the first answer and nothing else", () => {
    expect(writeBody(plainText, answer)).toBe("Two\nlines [DONE]!");
  });

  test("keeps characters whole that a model cut in two, and loses nothing of what stays half", () => {
    const [high = "", low = ""] = "😀".split("");
    const said = ["a", high, low, `b${high}`, `${low}c`, high].map((text): StreamEvent => ({
      type: "text-delta",
      text,
    }));
    const whole: StreamEvent[] = [...answer.slice(0, 2), ...said, ...answer.slice(-3)];
    expect(writeBody(plainText, whole)).toBe(`a😀b😀c${high}`);
    const messages = writeBody(eventSource, whole);
    expect(messages.match(/^data: .*$/gm)?.slice(0, 5)).toEqual([
      "data: a",
      "data: 😀",
      "data: b",
      "data: 😀c",
      `data: ${high}`,
    ]);
    expect(messages).toContain('"textLength":8');
  });

  test("reads characters that were cut apart", () => {
    const pieces = Array.from(utf8.encode("aé😀"), (byte) => Uint8Array.of(byte));
    expect(foldAnswer(readBody(plainText, pieces))).toMatchObject({
      outcome: "completed",
      choices: [{ blocks: [{ text: "aé😀" }] }],
    });
    expect(readBody(plainText, [])).toMatchObject([{ type: "stream-end", outcome: "failed" }]);
  });

  test("takes a prompt", () => {
    const request = plainText.readRequest({ prompt: "hi", system: "brief", max_tokens: 5, stop: "X" });
    expect(promptOf(request)).toBe("hi");
    expect(request).toMatchObject({ model: "", maxOutputTokens: 5, stop: ["X"], wantsStream: true });
    expect(plainText.writeRequest(request, {}, () => {})).toMatchObject({
      prompt: "hi",
      system: "brief",
      max_tokens: 5,
    });
    expect(() => plainText.readRequest({})).toThrow("`prompt`");
  });
});

describe("EventSource messages", () => {
  const frames = (list: StreamEvent[]) => writeBody(eventSource, list).split("\n\n").slice(0, -1);

  test("are the text, a summary, and the marker that tutorials wait for", () => {
    const written = frames(answer);
    expect(written.slice(0, 4)).toEqual(["data: Two\ndata: lines ", "data: [DO", "data: NE]", "data: !"]);
    expect(written[4]).toMatch(
      /^event: done\ndata: \{"streamId":"st_test","model":"m","outcome":"completed","finishReason":"stop"/,
    );
    expect(written[5]).toBe("data: [DONE]");
    expect(written).toHaveLength(6);
  });

  test("tell a failure and then the end, never that it is done", () => {
    expect(frames([...answer.slice(0, 4), failed])).toEqual([
      "data: Two\ndata: lines ",
      'event: error\ndata: {"code":"stream-truncated","message":"it broke off"}',
      'event: end\ndata: {"outcome":"failed"}',
    ]);
  });

  test("are read back, and are not complete when cut", () => {
    const body = utf8.encode(writeBody(eventSource, answer));
    const read = foldAnswer(readBody(eventSource, [body]));
    expect(read).toMatchObject({
      outcome: "completed",
      usage: { outputTokens: 2 },
      choices: [{ finishReason: "stop" }],
    });
    expect(read.choices[0]?.blocks).toEqual([{ kind: "text", text: "Two\nlines [DONE]!" }]);
    expect(readBody(eventSource, [body.subarray(0, 40)]).at(-1)).toMatchObject({ outcome: "failed" });
  });

  test("take their request from a query, where numbers are text", () => {
    const request = eventSource.readRequest({ prompt: "5", max_tokens: "10", temperature: "0.5", model: "m" });
    expect(request).toMatchObject({ model: "m", maxOutputTokens: 10, temperature: 0.5 });
    expect(promptOf(request)).toBe("5");
    expect(() => eventSource.readRequest({ prompt: "x", max_tokens: "many" })).toThrow("`max_tokens`");
  });
});

describe("neutral events", () => {
  test("come out as they went in, but for the header of the other gateway", () => {
    expect(readBody(events, [utf8.encode(writeBody(events, answer))])).toEqual(answer.slice(1));
    expect(readBody(events, [utf8.encode(writeBody(events, [...answer.slice(0, 4), failed]))]).at(-1)).toEqual(failed);
  });

  test("unknown events are skipped, broken ones are not believed", () => {
    const body =
      'data: {"type":"hologram"}\n\ndata: {"type":"text-delta"}\n\ndata: {"type":"text-delta","choice":1e9,"text":"x"}\n\ndata: 5\n\n';
    expect(readBody(events, [utf8.encode(body)])).toMatchObject([
      { type: "stream-end", outcome: "failed", error: { code: "stream-truncated" } },
    ]);
    expect(readBody(events, [utf8.encode("data: {oops\n\n")])).toMatchObject([
      { outcome: "failed", error: { code: "provider-error" } },
    ]);
  });

  test("are asked for like a chat, or with a prompt", () => {
    expect(promptOf(events.readRequest({ prompt: "hi" }))).toBe("hi");
    const chat = events.readRequest({ messages: [{ role: "user", content: "hello" }] });
    expect(chat).toMatchObject({ model: "", wantsStream: true, wantsUsage: true });
    expect(promptOf(chat)).toBe("hello");
    expect(() => events.readRequest({})).toThrow("`messages`");
  });

  test("a whole answer is told with everything in it", () => {
    const whole = foldAnswer(answer);
    expect(foldAnswer(events.readAnswer(events.writeAnswer(whole, { streamId: "st_test" })))).toMatchObject({
      choices: whole.choices,
      usage: whole.usage,
      outcome: "completed",
    });
  });
});
