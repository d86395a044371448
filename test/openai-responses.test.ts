import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { foldAnswer } from "../src/core/answer.ts";
import type { StreamEnd, StreamEvent } from "../src/core/events.ts";
import type { JsonObject } from "../src/core/json.ts";
import { openaiChat } from "../src/protocols/openai-chat.ts";
import { openaiResponses } from "../src/protocols/openai-responses.ts";
import { dataOf, describeProtocol, readBody, readFixtures, writeBody } from "./conformance/protocol.ts";

const fixtures = readFixtures("openai-responses");
const fixture = (name: string) => fixtures.find((one) => one.name === name)?.bytes as Uint8Array;
const read = (name: string) => readBody(openaiResponses, [fixture(name)]);
const write = (events: Iterable<StreamEvent>) => dataOf(writeBody(openaiResponses, events)) as JsonObject[];

/** What the last event but the end marker says. */
const lastResponse = (frames: JsonObject[]) => (frames.at(-2) as { response: { output: JsonObject[] } }).response;

describeProtocol(openaiResponses, fixtures);

describe("what a response says is understood", () => {
  const blocks = (name: string) =>
    foldAnswer(read(name)).choices[0]?.blocks.map((block) =>
      block.kind === "tool-call"
        ? `${block.callId} ${block.name} ${block.argumentsText}`
        : `${block.kind}: ${block.text}`,
    );

  test.each([
    ["plain", ['text: The sky. Größe "1" \\ \n 🙂']],
    ["tools-one", ['call_1 get_weather {"city":"Paris"}']],
    ["tools-parallel", ['call_1 get_weather {"city":"Paris"}', 'call_2 get_weather {"city":"Rome"}']],
    ["tools-interleaved", ['call_1 get_weather {"city":"Paris"}', 'call_2 get_weather {"city":"Rome"}']],
    ["text-then-tool", ["text: Let me look.", 'call_1 get_weather {"city":"Paris"}']],
    ["tools-custom", ['call_1 shell ls -la\necho "hi"']],
    ["reasoning-summary", ["reasoning: **Thinking** about it\n\nSecond part", "text: Done."]],
    ["reasoning-encrypted", ["reasoning: ", "text: Done."]],
    ["reasoning-raw", ["reasoning: Raw thought", "text: Done."]],
    ["refusal", ["refusal: I'm sorry, no."]],
    ["two-parts", ["text: One.", "text: Two."]],
    ["web-search", ["text: So."]],
    ["annotations", ["text: It is so. See there."]],
    ["unknown", ["text: new things"]],
    ["no-deltas", ["text: All at once"]],
    ["no-deltas-tools", ['call_1 f {"a":1}']],
    ["places-left-out", ["text: No place!"]],
    ["only-completed", ["text: All at once"]],
  ])("%s", (name, expected) => {
    expect(blocks(name)).toEqual(expected);
  });

  test.each([
    ["plain", "completed", "stop", undefined],
    ["tools-one", "completed", "tool_calls", undefined],
    ["length", "length", "length", undefined],
    ["content-filter", "content_filter", "content_filter", undefined],
    ["incomplete-other", "completed", "other", "max_messages"],
  ])("%s ends as %s", (name, outcome, reason, providerReason) => {
    const events = read(name);
    expect(events.at(-1)).toMatchObject({ type: "stream-end", outcome });
    const finish = events.find(({ type }) => type === "finish");
    expect(finish).toMatchObject({ reason, ...(providerReason !== undefined && { providerReason }) });
  });

  test("usage says what was cached and what was thought", () => {
    expect(read("usage-cached").find(({ type }) => type === "usage")).toMatchObject({
      usage: { inputTokens: 1000, cachedInputTokens: 900, cacheWriteTokens: 50, outputTokens: 3, reasoningTokens: 1 },
    });
    expect(read("usage-missing").some(({ type }) => type === "usage")).toBe(false);
  });

  test("encrypted reasoning is a signature, and one without a summary is nothing else", () => {
    const signature = (name: string) => read(name).find(({ type }) => type === "reasoning-signature");
    expect(signature("reasoning-encrypted")).toMatchObject({ signature: "gAAAAABo-final==", redacted: true });
    expect(signature("reasoning-summary-encrypted")).not.toHaveProperty("redacted");
  });

  test("citations and token probabilities are there for readers of other protocols", () => {
    const citations = read("annotations").filter((event) => event.type === "citation");
    expect(citations.map(({ citation }) => citation.url ?? citation.title)).toEqual([
      "https://example.com/a",
      "notes.txt",
    ]);
    const chat = dataOf(writeBody(openaiChat, read("logprobs"))) as {
      choices: { logprobs: { content: unknown[] } }[];
    }[];
    expect(chat.flatMap(({ choices }) => choices?.[0]?.logprobs?.content ?? [])).toHaveLength(3);
  });

  test("a server that does not name its events is read all the same", () => {
    const unnamed = new TextDecoder().decode(fixture("plain")).replaceAll(/^event: .*\n/gm, "");
    expect(readBody(openaiResponses, [new TextEncoder().encode(unnamed)])).toEqual(read("plain"));
  });

  test("a text is stored once, though the protocol says it five times", () => {
    const text = "x".repeat(5_000);
    const events = readBody(openaiResponses, [new TextEncoder().encode(writeBody(openaiResponses, told(text)))]);
    expect(JSON.stringify(events).split(text)).toHaveLength(2);
  });

  test("a run of plain pieces carries nothing but the text", () => {
    const deltas = read("plain").filter(({ type }) => type === "text-delta");
    for (const delta of deltas.slice(1)) expect(Object.keys(delta)).toEqual(["type", "text"]);
  });
});

describe("a broken response", () => {
  const folder = join(import.meta.dirname, "fixtures/openai-responses/broken");
  const bodies = readdirSync(folder).map((file) => [file, readFileSync(join(folder, file))] as const);
  const endOf = (bytes: Uint8Array) => readBody(openaiResponses, [bytes]).at(-1) as StreamEnd;

  test.each(bodies)("%s never looks complete", (_file, bytes) => {
    const events = readBody(openaiResponses, [bytes]);
    expect(events.at(-1)).toMatchObject({ type: "stream-end", outcome: "failed" });
    const types = write(events).map(({ type }) => type);
    expect(types.slice(-2)).toEqual(["error", "response.failed"]);
    expect(types).not.toContain("response.completed");
  });

  test.each([
    ["error-nested.sse", "provider-error"],
    ["error-flat.sse", "provider-rate-limited"],
    ["failed-rate-limit.sse", "provider-rate-limited"],
    ["chat-error.sse", "provider-overloaded"],
    ["json-error.sse", "provider-quota"],
    ["cut.sse", "stream-truncated"],
    ["no-terminal.sse", "stream-truncated"],
  ])("%s is %s", (file, code) => {
    expect(endOf(readFileSync(join(folder, file))).error?.code).toBe(code);
  });

  test("what a provider says of its failure is not passed on", () => {
    for (const [, bytes] of bodies) expect(JSON.stringify(readBody(openaiResponses, [bytes]))).not.toContain("boom");
  });
});

/** An answer as another protocol gives it. */
function told(...texts: string[]): StreamEvent[] {
  return [
    { type: "stream-start", streamId: "st_test", format: 1, protocol: "openai-chat", model: "m", createdAt: 5_000 },
    { type: "attempt-start", provider: "p", model: "m1" },
    ...texts.map((text) => ({ type: "text-delta" as const, text })),
    { type: "finish", reason: "stop" },
    { type: "stream-end", outcome: "completed" },
  ];
}

describe("an answer of another protocol", () => {
  test("is told with every event that the official client waits for", () => {
    const frames = write(told("Hi", " there"));
    expect(frames.map((frame) => frame["type"] ?? frame)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
      "[DONE]",
    ]);
    expect(frames.slice(0, -1).map((frame) => frame["sequence_number"])).toEqual([...Array(10).keys()]);
    expect(frames[0]?.["response"]).toMatchObject({
      id: "resp_test",
      created_at: 5,
      model: "m1",
      status: "in_progress",
    });
    expect(frames.at(-2)?.["response"]).toMatchObject({
      id: "resp_test",
      status: "completed",
      output: [{ id: "msg_test_0", type: "message", content: [{ type: "output_text", text: "Hi there" }] }],
    });
  });

  test("calls whose arguments come in turns are each a whole", () => {
    const frames = write([
      { type: "attempt-start", provider: "p", model: "m" },
      { type: "tool-call-start", call: 0, callId: "a", name: "f", kind: "function" },
      { type: "tool-call-start", call: 1, callId: "b", name: "g", kind: "custom" },
      { type: "tool-call-delta", call: 0, argumentsText: '{"x"' },
      { type: "tool-call-delta", call: 1, argumentsText: "ls" },
      { type: "tool-call-delta", call: 0, argumentsText: ":1}" },
      { type: "text-delta", text: "Done" },
      { type: "tool-call-delta", call: 1, argumentsText: " -l" },
      { type: "finish", reason: "tool_calls" },
      { type: "stream-end", outcome: "completed" },
    ]);
    expect(lastResponse(frames).output).toMatchObject([
      { type: "function_call", call_id: "a", name: "f", arguments: '{"x":1}', status: "completed" },
      { type: "custom_tool_call", call_id: "b", name: "g", input: "ls -l", status: "completed" },
      { type: "message", content: [{ text: "Done" }] },
    ]);
  });

  test("reasoning keeps whose it is, so that only its maker is given it again", () => {
    const frames = write([
      { type: "attempt-start", provider: "p", model: "m", protocol: "openai-chat" },
      { type: "reasoning-delta", text: "Hm" },
      { type: "reasoning-signature", signature: "sig" },
      { type: "text-delta", text: "Yes" },
      { type: "stream-end", outcome: "completed" },
    ]);
    expect(lastResponse(frames).output).toMatchObject([
      { type: "reasoning", summary: [{ text: "Hm" }], encrypted_content: "headrace:openai-chat:sig" },
      { type: "message" },
    ]);
  });

  test.each([
    ["length", "max_output_tokens"],
    ["content_filter", "content_filter"],
  ] as const)("one that ended as %s is incomplete, and says why", (outcome, reason) => {
    const events = told("Hi").map((event): StreamEvent => {
      if (event.type === "finish") return { type: "finish", reason: outcome };
      return event.type === "stream-end" ? { type: "stream-end", outcome } : event;
    });
    expect(write(events).at(-2)).toMatchObject({
      type: "response.incomplete",
      response: { status: "incomplete", incomplete_details: { reason } },
    });
  });

  test("one that was stopped has the status cancelled, one that broke off failed", () => {
    const begun = told("Hi").slice(0, 3);
    expect(write([...begun, { type: "stream-end", outcome: "cancelled" }]).at(-1)?.["response"]).toMatchObject({
      status: "cancelled",
      output: [{ status: "incomplete", content: [{ text: "Hi" }] }],
    });
    expect(write([...begun, { type: "stream-end", outcome: "interrupted" }]).at(-1)?.["response"]).toMatchObject({
      status: "failed",
      error: { code: "server_error" },
    });
  });
});

describe("an answer that a second attempt goes on with", () => {
  const plain = read("plain");
  const first = plain.slice(0, plain.findLastIndex(({ type }) => type === "text-delta") + 1);
  const second: StreamEvent[] = [
    { type: "seam", fromAttempt: 0, toAttempt: 1, rung: "prefill", overlap: 0, confidence: 1 },
    { type: "attempt-start", provider: "q", model: "other", protocol: "openai-chat", extra: { set: { id: "x" } } },
    { type: "text-delta", text: " and on", extra: { set: { choices: [] } } },
    { type: "finish", reason: "stop" },
    { type: "stream-end", outcome: "completed" },
  ];

  test("keeps its ids, indexes and numbers", () => {
    const frames = write([...first, ...second]).slice(0, -1);
    expect(frames.map((frame) => frame["sequence_number"])).toEqual([...frames.keys()]);
    const indexes = frames.map((frame) => frame["output_index"]).filter((index) => index !== undefined);
    expect(new Set(indexes)).toEqual(new Set([0]));
    const { response } = frames.at(-1) as { response: { id: string; output: { id: string; content: JsonObject[] }[] } };
    expect(response.id).toBe("resp_test");
    expect(response.output).toMatchObject([{ id: "msg_1", status: "completed" }]);
    expect(response.output[0]?.content[0]?.["text"]).toMatch(/^The.* and on$/s);
  });

  test("also when it is a response itself", () => {
    const again = read("two-parts").filter(({ type }) => type !== "stream-start");
    const frames = write([...first, ...again]);
    const { response } = frames.at(-2) as { response: { output: { id: string; content: { text: string }[] }[] } };
    expect(response.output).toHaveLength(1);
    expect(response.output[0]?.content.map(({ text }) => text).join("")).toMatch(/^The.*One\.Two\.$/s);
  });

  test("a call that the first attempt did not finish is not passed off as complete", () => {
    const begun = read("tools-one").slice(0, 4);
    const frames = write([...begun, ...second]);
    const { response } = frames.at(-2) as { response: { output: JsonObject[] } };
    expect(response.output).toMatchObject([{ type: "function_call", status: "incomplete" }, { type: "message" }]);
  });
});

describe("a response that comes as one document", () => {
  // One of them never says to what its texts belong, so its last event has none of them.
  const placed = fixtures.map(({ name }) => name).filter((name) => name !== "places-left-out");

  test.each(placed)("%s says the same as its stream", (name) => {
    const whole = write(read(name)).at(-2) as { response: JsonObject };
    const fold = foldAnswer(openaiResponses.readAnswer(whole.response));
    const streamed = foldAnswer(read(name));
    const texts = ({ choices }: typeof fold) =>
      choices[0]?.blocks.map((block) => (block.kind === "tool-call" ? block.argumentsText : block.text)).join("");
    expect(texts(fold)).toBe(texts(streamed));
    expect(fold.outcome).toBe(streamed.outcome);
    expect(fold.usage).toEqual(streamed.usage);
  });

  test("writes what was folded", () => {
    const body = openaiResponses.writeAnswer(foldAnswer(told("Hi", " you")), { streamId: "st_test" });
    expect(body).toMatchObject({ id: "resp_test", status: "completed", output: [{ content: [{ text: "Hi you" }] }] });
  });
});
