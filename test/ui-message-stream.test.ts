import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { answerText, foldAnswer } from "../src/core/answer.ts";
import type { StreamEnd, StreamEvent } from "../src/core/events.ts";
import { protocols } from "../src/protocols/all.ts";
import { dataOf, describeProtocol, readBody, readFixtures, writeBody } from "./conformance/protocol.ts";
import { readWithAiSdk, textOf } from "./support/ui-messages.ts";

const utf8 = new TextEncoder();
const { "ui-message-stream": ui, "openai-chat": openaiChat } = protocols;
const fixtures = readFixtures("ui-message-stream");

const header: StreamEvent = {
  type: "stream-start",
  streamId: "st_test",
  format: 1,
  protocol: "openai-chat",
  model: "smart",
  createdAt: 1_763_700_000_000,
};
const attempt: StreamEvent = { type: "attempt-start", provider: "p", model: "m", protocol: "openai-chat" };
const whole: StreamEvent[] = [
  { type: "finish", reason: "stop" },
  { type: "usage", usage: { inputTokens: 3, outputTokens: 2 } },
  { type: "stream-end", outcome: "completed" },
];
const write = (...events: StreamEvent[]): string => writeBody(ui, [header, attempt, ...events]);
const typesOf = (body: string): unknown[] =>
  dataOf(body).map((chunk) => (typeof chunk === "string" ? chunk : (chunk as { type: string }).type));

describeProtocol(ui, fixtures);

describe("an answer that broke is never complete", () => {
  const folder = join(import.meta.dirname, "fixtures/ui-message-stream/broken");
  const broken = readdirSync(folder).map((file) => file.replace(".sse", ""));
  const byProvider = new Set(["error", "gave-up", "taken-back", "malformed", "html", "json-error"]);

  test.each(broken)("%s", async (name) => {
    const bytes = new Uint8Array(readFileSync(join(folder, `${name}.sse`)));
    const events = readBody(ui, [bytes]);
    const end = events.at(-1) as StreamEnd;
    expect(end.outcome).toBe("failed");
    expect(end.error?.code).toBe(byProvider.has(name) ? "provider-error" : "stream-truncated");
    expect(JSON.stringify(events)).not.toContain("SECRET");
    const written = writeBody(ui, events);
    expect(written).not.toContain("[DONE]");
    expect((await readWithAiSdk(written)).error).toBeInstanceOf(Error);
  });

  test("an end marker that a vendor never sends can be done without", () => {
    const reader = ui.createEventReader({ endsWithoutMarker: true });
    const body = readFileSync(join(folder, "no-done.sse"));
    expect([...reader.push(body), ...reader.end()].at(-1)).toEqual({ type: "stream-end", outcome: "completed" });
  });
});

describe("the AI SDK's client", () => {
  test.each(fixtures.filter(({ name }) => name !== "unknown-fields"))(
    "builds the same message of $name, whether it passed through us or not",
    async ({ bytes }) => {
      const passed = await readWithAiSdk(writeBody(ui, readBody(ui, [bytes])));
      expect(passed.error).toBeUndefined();
      expect(passed).toEqual(await readWithAiSdk(new TextDecoder().decode(bytes)));
    },
  );

  test.each(readFixtures("openai-chat"))(
    "reads $name of openai-chat with all its text and tools",
    async ({ bytes }) => {
      const events = readBody(openaiChat, [bytes]);
      const answer = foldAnswer(events);
      const { message, error } = await readWithAiSdk(writeBody(ui, [header, ...events]));
      expect(error).toBeUndefined();
      const refusal =
        answer.choices[0]?.blocks.flatMap((block) => (block.kind === "refusal" ? [block.text] : [])) ?? [];
      expect(textOf(message)).toBe(answerText(answer) + refusal.join(""));
      const calls = answer.choices[0]?.blocks.filter((block) => block.kind === "tool-call") ?? [];
      const parts = message?.parts.filter(({ type }) => type.startsWith("tool-")) ?? [];
      expect(parts).toHaveLength(calls.length);
      expect(parts.every((part) => "state" in part && part.state === "input-available")).toBe(true);
      expect(message?.parts.every((part) => !("state" in part) || part.state !== "streaming")).toBe(true);
    },
  );

  test("gets usage, the finish reason and the stream's id as metadata of the message", async () => {
    const { message } = await readWithAiSdk(write({ type: "text-delta", text: "Hi" }, ...whole));
    expect(message).toMatchObject({
      id: "msg_st_test",
      metadata: {
        streamId: "st_test",
        model: "m",
        finishReason: "stop",
        usage: { inputTokens: 3, outputTokens: 2 },
        createdAt: 1_763_700_000_000,
      },
    });
  });

  test("shows each source once, and where the text cites it", async () => {
    const cite = (citation: object): StreamEvent => ({ type: "citation", citation });
    const { message, error } = await readWithAiSdk(
      write(
        { type: "text-delta", text: "Blue. Red." },
        cite({ url: "https://a.example/", title: "A", startIndex: 0, endIndex: 5 }),
        cite({ url: "https://a.example/", title: "A", startIndex: 6, endIndex: 10, quote: "it is red" }),
        cite({ documentIndex: 1 }),
        ...whole,
      ),
    );
    expect(error).toBeUndefined();
    expect(message?.parts.map(({ type }) => type)).toEqual(["step-start", "text", "source-url", "source-document"]);
    expect(message?.parts[1]).toMatchObject({
      citations: [
        { source: { url: "https://a.example/" }, startIndex: 0, endIndex: 5 },
        { source: { url: "https://a.example/" }, startIndex: 6, citedText: "it is red" },
      ],
    });
  });

  test("gets arguments that are no JSON as an error of that call, not of the answer", async () => {
    const { message, error } = await readWithAiSdk(
      write(
        { type: "tool-call-start", call: 0, callId: "c1", name: "look", kind: "function" },
        { type: "tool-call-delta", call: 0, argumentsText: '{"a' },
        { type: "tool-call-start", call: 1, callId: "c2", name: "stop", kind: "function" },
        { type: "tool-call-start", call: 2, callId: "c3", name: "query", kind: "custom" },
        { type: "tool-call-delta", call: 2, argumentsText: "SELECT 1" },
        { type: "finish", reason: "tool_calls" },
        { type: "stream-end", outcome: "completed" },
      ),
    );
    expect(error).toBeUndefined();
    expect(message?.parts).toMatchObject([
      { type: "step-start" },
      { type: "tool-look", state: "output-error", input: '{"a' },
      { type: "tool-stop", state: "input-available", input: {} },
      { type: "tool-query", state: "input-available", input: "SELECT 1" },
    ]);
  });

  test("runs no tool of an answer that broke off before it was complete", async () => {
    const { message, error } = await readWithAiSdk(
      write(
        { type: "tool-call-start", call: 0, callId: "c1", name: "pay", kind: "function" },
        { type: "tool-call-delta", call: 0, argumentsText: '{"amount": 1}' },
        { type: "stream-end", outcome: "failed", error: { code: "stream-truncated", message: "it broke off" } },
      ),
    );
    expect(error).toEqual(new Error("it broke off"));
    expect(message?.parts[1]).toMatchObject({ type: "tool-pay", state: "input-streaming" });
    expect(message?.metadata).toMatchObject({ outcome: "failed", errorCode: "stream-truncated" });
  });
});

describe("a UI message stream", () => {
  test("goes on with the same part when a second attempt continues the answer", async () => {
    const body = write(
      { type: "text-delta", text: "The quick " },
      { type: "seam", fromAttempt: 0, toAttempt: 1, rung: "prefill", overlap: 0, confidence: 1 },
      { type: "attempt-start", provider: "q", model: "n", protocol: "openai-chat" },
      { type: "block-start", kind: "text" },
      { type: "text-delta", text: "brown fox" },
      { type: "block-end" },
      ...whole,
    );
    const { message } = await readWithAiSdk(body);
    expect(message?.parts).toMatchObject([{ type: "step-start" }, { type: "text", text: "The quick brown fox" }]);
    expect(typesOf(body).filter((type) => type === "start" || type === "text-start")).toEqual(["start", "text-start"]);
  });

  test("goes on with the same part when the first attempt spoke this protocol, too", async () => {
    const first = fixtures.find(({ name }) => name === "plain");
    const events = readBody(ui, [first?.bytes.subarray(0, 480) ?? new Uint8Array()]).slice(0, -1);
    const said = answerText(foldAnswer(events));
    const again: StreamEvent[] = [attempt, { type: "text-delta", text: " AND MORE" }, ...whole];
    const { message, error } = await readWithAiSdk(writeBody(ui, [header, ...events, ...again]));
    expect(error).toBeUndefined();
    expect(said.length).toBeGreaterThan(5);
    expect(message?.parts).toMatchObject([{ type: "step-start" }, { type: "text", text: `${said} AND MORE` }]);
  });

  test("that was stopped says abort, and neither finish nor the end marker", () => {
    const body = write({ type: "text-delta", text: "Half" }, { type: "stream-end", outcome: "cancelled" });
    expect(typesOf(body)).toEqual(["start", "start-step", "text-start", "text-delta", "message-metadata", "abort"]);
  });

  test("that was cut says error, and neither finish nor the end marker", () => {
    const body = write({ type: "text-delta", text: "Half" }, { type: "stream-end", outcome: "interrupted" });
    expect(typesOf(body)).toEqual(["start", "start-step", "text-start", "text-delta", "message-metadata", "error"]);
  });

  test("gives a reasoning's signature to the client sealed, and takes it back", async () => {
    const signed: StreamEvent[] = [
      { ...attempt, protocol: "events" },
      { type: "reasoning-delta", text: "hm" },
      { type: "reasoning-signature", signature: "sig" },
      { type: "text-delta", text: "Yes" },
      ...whole,
    ];
    const { message } = await readWithAiSdk(writeBody(ui, [header, ...signed]));
    expect(message?.parts[1]).toMatchObject({ providerMetadata: { headrace: { signature: "headrace:events:sig" } } });
    const request = ui.readRequest({ messages: [JSON.parse(JSON.stringify(message))] });
    expect(request.messages[0]?.content[0]).toEqual({
      type: "reasoning",
      text: "hm",
      signature: "sig",
      from: "events",
    });
  });

  test("is one message also when it is asked for in one piece", () => {
    const answer = foldAnswer([header, attempt, { type: "text-delta", text: "Hi" }, ...whole]);
    const written = ui.writeAnswer(answer, { streamId: "st_test" });
    expect(written).toMatchObject({ id: "msg_st_test", role: "assistant", metadata: { finishReason: "stop" } });
    const read = foldAnswer(ui.readAnswer(JSON.parse(JSON.stringify(written))));
    expect(read).toMatchObject({ choices: answer.choices, usage: answer.usage, outcome: "completed" });
    expect(ui.readAnswer({}).at(-1)).toMatchObject({ outcome: "failed" });
  });

  test("written for openai-chat has all text and the tools that are the client's to run", () => {
    const texts: Record<string, string> = { "multi-step": "Let me look.It is 18 degrees.", "provider-tool": "Found." };
    for (const [name, text] of Object.entries(texts)) {
      const bytes = fixtures.find((fixture) => fixture.name === name)?.bytes ?? utf8.encode("");
      const answer = foldAnswer(readBody(openaiChat, [utf8.encode(writeBody(openaiChat, readBody(ui, [bytes])))]));
      expect(answerText(answer)).toBe(text);
      const calls = answer.choices[0]?.blocks.filter(({ kind }) => kind === "tool-call");
      expect(calls).toHaveLength(name === "multi-step" ? 1 : 0);
    }
  });
});
