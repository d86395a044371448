import { join } from "node:path";
import type { ChatInit, UIMessage } from "ai";
import { DefaultChatTransport, lastAssistantMessageIsCompleteWithToolCalls } from "ai";
import { describe, expect, test } from "vitest";

import type { UserModel } from "../src/index.ts";
import { allFrames, eventually, scriptedModel, startGateway } from "./support/gateway.ts";
import { temporaryFolder } from "./support/process.ts";
import { lastMessage, PlainChat, textOf } from "./support/ui-messages.ts";

const words = ["The ", "quick ", "brown ", "fox ", "jumps."];
const sentence = words.join("");
const userMessage = (text: string): UIMessage => ({ id: `u-${text}`, role: "user", parts: [{ type: "text", text }] });

function connect(url: string, model: string, options: { body?: object; key?: string } = {}) {
  return new DefaultChatTransport<UIMessage>({
    api: `${url}/api/chat`,
    body: { model, ...options.body },
    ...(options.key !== undefined && { headers: { authorization: `Bearer ${options.key}` } }),
  });
}

/** A chat as a web page has it, talking to a gateway with one model of ours. */
async function startChat(model: UserModel, init: Partial<ChatInit<UIMessage>> = {}) {
  const { url } = await startGateway({ models: { poet: model }, reliability: { lingerMs: 30 } });
  const transport = connect(url, "poet");
  const open = (more: Partial<ChatInit<UIMessage>> = {}): PlainChat =>
    new PlainChat({ id: "trip/1 ü", transport, ...init, ...more });
  const path = `${url}/api/chat/${encodeURIComponent("trip/1 ü")}`;
  return { url, open, path };
}

/** Waits until the chat shows some text of the answer. */
async function shows(chat: PlainChat, text: string): Promise<void> {
  await eventually(() => textOf(chat.messages.at(-1)).includes(text), `an answer with ${text}`);
}

describe("the AI SDK's chat", () => {
  test("shows an answer as it comes, and then has all of it", async () => {
    const script = scriptedModel(words);
    const release = script.hold(2);
    const { open } = await startChat(script.model);
    const chat = open();
    const done = chat.sendMessage({ text: "go" });
    await shows(chat, "The quick ");
    expect(chat.status).toBe("streaming");
    expect(textOf(chat.messages.at(-1))).toBe("The quick ");
    release();
    await done;
    expect(chat.status).toBe("ready");
    expect(chat.messages).toHaveLength(2);
    expect(textOf(chat.messages[1])).toBe(sentence);
  });

  test("gets the protocol's header, and usage with the message", async () => {
    const { url } = await startGateway();
    const response = await fetch(`${url}/api/chat`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ id: "c", model: "sim/instant", messages: [userMessage("hi")], trigger: "submit-message" }),
    });
    expect(response.headers.get("x-vercel-ai-ui-message-stream")).toBe("v1");
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const frames = await allFrames(response);
    expect(frames.at(-1)).toMatch(/data: \[DONE\]\n\n$/);
    const finish = frames.at(-2) ?? "";
    expect(finish).toContain(response.headers.get("headrace-stream-id") ?? "none");
    expect(finish).toMatch(/"finishReason":"stop".*"outputTokens":[1-9]/);
  });

  test("shows reasoning apart from the answer", async () => {
    const { open } = await startChat(async function* () {
      yield { type: "reasoning-delta", text: "Let me " };
      yield { type: "reasoning-delta", text: "think." };
      yield "Blue.";
    });
    const chat = open();
    await chat.sendMessage({ text: "which colour?" });
    expect(chat.messages[1]?.parts).toMatchObject([
      { type: "step-start" },
      { type: "reasoning", text: "Let me think.", state: "done" },
      { type: "text", text: "Blue.", state: "done" },
    ]);
  });

  test("runs a tool of the page and shows the answer that follows in the same message", async () => {
    const { url } = await startGateway();
    const tools = {
      get_weather: {
        description: "Weather of a city",
        inputSchema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
      },
    };
    let asked: unknown;
    const chat: PlainChat = new PlainChat({
      id: "weather",
      transport: connect(url, "sim/instant", { body: { tools } }),
      sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithToolCalls,
      onToolCall({ toolCall }) {
        asked = toolCall.input;
        void chat.addToolOutput({ tool: "get_weather", toolCallId: toolCall.toolCallId, output: "18 degrees" });
      },
    });
    await chat.sendMessage({ text: "What is the weather in Paris?" });
    await eventually(() => chat.status === "ready" && textOf(chat.messages.at(-1)).includes("18 degrees"));
    expect(asked).toEqual({ city: expect.any(String) as string });
    expect(chat.messages).toHaveLength(2);
    expect(chat.messages[1]?.parts.map(({ type }) => type)).toEqual([
      "step-start",
      "tool-get_weather",
      "step-start",
      "text",
    ]);
    const resumed = new PlainChat({ id: "weather", transport: connect(url, "sim/instant"), messages: chat.messages });
    await resumed.resumeStream();
    expect(resumed.messages).toMatchObject(JSON.parse(JSON.stringify(chat.messages)) as object[]);
  });

  test("raises when the model fails in mid-answer, and keeps what was said", async () => {
    const { open } = await startChat(async function* () {
      yield "Half an";
      throw new Error("SECRET");
    });
    const errors: Error[] = [];
    const chat = open({ onError: (error) => errors.push(error) });
    await chat.sendMessage({ text: "go" });
    expect(chat.status).toBe("error");
    expect(errors).toHaveLength(1);
    expect(chat.error?.message).not.toContain("SECRET");
    expect(textOf(chat.messages.at(-1))).toBe("Half an");
    expect(chat.messages.at(-1)?.metadata).toMatchObject({ outcome: "failed" });
  });

  test("raises when there is no such model, with a message that says so", async () => {
    const { url } = await startGateway();
    const chat = new PlainChat({ transport: connect(url, "nobody/nothing") });
    await chat.sendMessage({ text: "go" });
    expect(chat.status).toBe("error");
    expect(chat.error?.message).toContain("nobody/nothing");
  });

  test("raises when the gateway is gone in mid-answer", async () => {
    const script = scriptedModel(words);
    script.hold(2);
    const { url, close } = await startGateway({ models: { poet: script.model } });
    const chat = new PlainChat({ transport: connect(url, "poet") });
    const done = chat.sendMessage({ text: "go" });
    await shows(chat, "quick ");
    await close();
    await done;
    expect(chat.status).toBe("error");
  });

  test("does not take a body for its own that has no parts", async () => {
    const { url } = await startGateway();
    const response = await fetch(`${url}/api/chat`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "sim/instant", messages: "hi" }),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toHaveProperty("error");
  });
});

describe("a chat that was left in mid-answer", () => {
  test("is resumed with the whole message, exactly once", async () => {
    const script = scriptedModel(words);
    const release = script.hold(3);
    const { open } = await startChat(script.model);
    const first = open();
    const done = first.sendMessage({ text: "go" });
    await shows(first, "brown ");
    const kept = structuredClone(first.messages);
    await first.stop();
    await done;

    const second = open({ messages: kept });
    const resumed = second.resumeStream();
    await eventually(() => second.status === "streaming");
    release();
    await resumed;
    expect(script.started).toBe(1);
    expect(second.messages.map(({ role }) => role)).toEqual(["user", "assistant"]);
    expect(second.messages[1]?.parts).toMatchObject([{ type: "step-start" }, { type: "text", text: sentence }]);
    expect(second.messages[1]?.id).toBe(kept[1]?.id);
  });

  test("is given the whole answer also when it ended meanwhile, and by a page that saw nothing of it", async () => {
    const { open } = await startChat(scriptedModel(words).model);
    await open().sendMessage({ text: "go" });
    const later = open({ messages: [userMessage("go")] });
    await later.resumeStream();
    expect(later.messages).toHaveLength(2);
    expect(textOf(later.messages[1])).toBe(sentence);
    await later.resumeStream();
    expect(later.messages).toHaveLength(2);
    expect(textOf(later.messages[1])).toBe(sentence);
  });

  test("has nothing to resume when nothing was asked in it", async () => {
    const { open, path } = await startChat(scriptedModel(words).model);
    const chat = open();
    await chat.resumeStream();
    expect(chat.status).toBe("ready");
    expect((await fetch(`${path}/stream`)).status).toBe(204);
  });

  test("keeps the tools' parts of a message that the answer is added to", async () => {
    const script = scriptedModel(words);
    const release = script.hold(2);
    const { open } = await startChat(script.model);
    const tool = { type: "tool-look", toolCallId: "c1", state: "output-available", input: { at: "x" }, output: "y" };
    const begun = { id: "a1", role: "assistant", parts: [{ type: "step-start" }, tool] } as unknown as UIMessage;
    const page = open({ messages: [userMessage("go"), begun] });
    const done = page.sendMessage();
    await shows(page, "quick ");
    await page.stop();
    await done;
    const back = open({ messages: [userMessage("go"), begun] });
    const resumed = back.resumeStream();
    await shows(back, "quick ");
    release();
    await resumed;
    expect(back.messages).toHaveLength(2);
    expect(back.messages[1]).toMatchObject({
      id: "a1",
      parts: [{ type: "step-start" }, tool, { type: "step-start" }, { type: "text", text: sentence }],
    });
  });

  test("is there after the gateway was started again", async () => {
    const log = { store: "sqlite" as const, path: join(await temporaryFolder(), "log.db") };
    const before = await startGateway({ models: { poet: scriptedModel(words).model }, log });
    await new PlainChat({ id: "c", transport: connect(before.url, "poet") }).sendMessage({ text: "go" });
    await before.close();
    const after = await startGateway({ models: { poet: scriptedModel(words).model }, log });
    const chat = new PlainChat({ id: "c", transport: connect(after.url, "poet"), messages: [userMessage("go")] });
    await chat.resumeStream();
    expect(chat.messages).toHaveLength(2);
    expect(textOf(chat.messages[1])).toBe(sentence);
  });

  test("is nobody else's", async () => {
    const keys = ["ann", "bob"].map((name) => ({ name, key: `key-${name}-0123456789` }));
    const { url } = await startGateway({ models: { poet: scriptedModel(words).model }, access: { keys } });
    const ann = new PlainChat({ id: "c", transport: connect(url, "poet", { key: "key-ann-0123456789" }) });
    await ann.sendMessage({ text: "go" });
    expect(textOf(ann.messages[1])).toBe(sentence);
    const bob = new PlainChat({ id: "c", transport: connect(url, "poet", { key: "key-bob-0123456789" }) });
    await bob.resumeStream();
    expect(bob.messages).toEqual([]);
  });
});

describe("stopping a chat", () => {
  test.each(["POST", "DELETE"])("with %s stops the model, and the page keeps what was said", async (method) => {
    const script = scriptedModel(words);
    script.hold(2);
    const { open, path } = await startChat(script.model);
    const chat = open();
    const done = chat.sendMessage({ text: "go" });
    await shows(chat, "quick ");
    const answer = await fetch(`${path}/stop`, { method });
    expect(await answer.json()).toEqual({ success: true, stopped: expect.stringMatching(/^st_/) as string });
    await done;
    expect(script.aborted).toBe(true);
    expect(textOf(chat.messages[1])).toBe("The quick ");
    expect(chat.messages[1]?.metadata).toMatchObject({ outcome: "cancelled" });
    expect(chat.messages[1]?.metadata).not.toHaveProperty("finishReason");
    expect(await (await fetch(`${path}/stop`, { method })).json()).toEqual({ success: true, stopped: null });
  });

  test("does not stop an answer that came after the one that was meant", async () => {
    const script = scriptedModel(words);
    const release = script.hold(2);
    const { open, path } = await startChat(script.model);
    const chat = open();
    const done = chat.sendMessage({ text: "go" });
    await shows(chat, "quick ");
    const late = await fetch(`${path}/stop`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ activeStreamId: "st_another" }),
    });
    expect(await late.json()).toEqual({ success: true, stopped: null });
    release();
    await done;
    expect(textOf(chat.messages[1])).toBe(sentence);
  });

  test("an answer that a new message replaced ends once nobody reads it", async () => {
    const script = scriptedModel(words);
    script.hold(2);
    const { open } = await startChat(script.model);
    const chat = open();
    const done = chat.sendMessage({ text: "go" });
    await shows(chat, "quick ");
    await chat.stop();
    await done;
    expect(script.aborted).toBe(false);
    const again = chat.sendMessage({ text: "something else" });
    await eventually(() => script.aborted, "the end of the first answer");
    await chat.stop();
    await again;
  });
});

describe("a stream of another protocol", () => {
  test("can be followed as a UI message stream", async () => {
    const { url } = await startGateway({ models: { poet: scriptedModel(words).model } });
    const started = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "poet", stream: true, messages: [{ role: "user", content: "go" }] }),
    });
    const id = started.headers.get("headrace-stream-id");
    await started.text();
    const transport = new DefaultChatTransport<UIMessage>({
      prepareReconnectToStreamRequest: () => ({ api: `${url}/v1/streams/${id}?as=ui-message-stream` }),
    });
    const stream = await transport.reconnectToStream({ chatId: "any" });
    const { message, error } = await lastMessage(stream ?? new ReadableStream());
    expect(error).toBeUndefined();
    expect(message?.id).toBe(`msg_${id}`);
    expect(textOf(message)).toBe(sentence);
  });
});
