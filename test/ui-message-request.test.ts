import type { UIMessage } from "ai";
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../src/core/json.ts";
import type { Message } from "../src/core/request.ts";
import { protocols } from "../src/protocols/all.ts";

const { "ui-message-stream": ui } = protocols;

type Part = UIMessage["parts"][number];

function read(messages: readonly object[], more: JsonObject = {}) {
  return ui.readRequest({ id: "chat", trigger: "submit-message", messages: messages as JsonObject[], ...more });
}

function readParts(parts: readonly object[], role: "user" | "assistant" = "user"): readonly Message[] {
  return read([{ id: "m", role, parts }]).messages;
}

const toolPart = (more: object): Part =>
  ({ type: "tool-get_weather", toolCallId: "c1", input: { city: "Oslo" }, ...more }) as unknown as Part;

describe("what the AI SDK's chat sends", () => {
  test("is a conversation of text, files and system messages", () => {
    const { messages } = read([
      { role: "system", parts: [{ type: "text", text: "Be brief." }] },
      {
        role: "user",
        parts: [
          { type: "text", text: "What is this?" },
          { type: "file", mediaType: "image/png", url: "data:image/png;base64,iVBORw0K" },
          { type: "file", mediaType: "image", url: "https://a.example/x" },
          { type: "file", mediaType: "audio/wav", url: "data:audio/wav;base64,UklG" },
          { type: "file", mediaType: "application/pdf", filename: "r.pdf", url: "https://a.example/r.pdf" },
          { type: "file", mediaType: "application/pdf", url: "", providerReference: { openai: "file-1" } },
        ],
      },
    ]);
    expect(messages).toEqual([
      { role: "system", content: [{ type: "text", text: "Be brief." }] },
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image", source: { kind: "base64", mediaType: "image/png", data: "iVBORw0K" } },
          { type: "image", source: { kind: "url", url: "https://a.example/x" } },
          { type: "audio", source: { kind: "base64", mediaType: "audio/wav", data: "UklG" } },
          { type: "file", source: { kind: "url", url: "https://a.example/r.pdf" }, name: "r.pdf" },
          { type: "file", source: { kind: "file-id", fileId: "file-1" } },
        ],
      },
    ]);
  });

  test("has the results of tools after the step that called them", () => {
    const messages = readParts(
      [
        { type: "step-start" },
        { type: "text", text: "Let me look.", state: "done" },
        toolPart({ state: "output-available", output: { degrees: 18 } }),
        { type: "step-start" },
        { type: "text", text: "18 degrees." },
      ],
      "assistant",
    );
    const call = { type: "tool-call", callId: "c1", name: "get_weather", argumentsText: '{"city":"Oslo"}' };
    expect(messages).toEqual([
      {
        role: "assistant",
        content: [
          { type: "text", text: "Let me look." },
          { ...call, kind: "function" },
        ],
      },
      {
        role: "tool",
        content: [
          {
            type: "tool-result",
            callId: "c1",
            name: "get_weather",
            content: [{ type: "text", text: '{"degrees":18}' }],
          },
        ],
      },
      { role: "assistant", content: [{ type: "text", text: "18 degrees." }] },
    ]);
  });

  test.each([
    [{ state: "output-available", output: "warm" }, "warm", undefined],
    [{ state: "output-available" }, "null", undefined],
    [{ state: "output-error", errorText: "no such city" }, "no such city", true],
    [{ state: "output-denied", approval: { id: "a", approved: false, reason: "not now" } }, "not now", true],
    [{ state: "approval-responded", approval: { id: "a", approved: false } }, "The user did not allow", true],
  ])("a tool in state %j tells the model %j", (state, text, isError) => {
    for (const part of [toolPart(state), { ...toolPart(state), type: "dynamic-tool", toolName: "get_weather" }]) {
      const [assistant, tool] = readParts([part], "assistant");
      expect(assistant?.content[0]).toMatchObject({ type: "tool-call", name: "get_weather" });
      expect(tool?.content[0]).toMatchObject({
        type: "tool-result",
        content: [{ type: "text", text: expect.stringContaining(text) as string }],
        ...(isError && { isError }),
      });
    }
  });

  test.each(["input-streaming", "input-available", "approval-requested"])(
    "a tool in state %s has no result, so its call is left out, and that is told",
    (state) => {
      const parts = [{ type: "text", text: "Hm." }, toolPart({ state })];
      const request = read([{ id: "m", role: "assistant", parts }]);
      expect(request.messages).toEqual([{ role: "assistant", content: [{ type: "text", text: "Hm." }] }]);
      expect(request.untranslatable).toEqual(["messages: the call of get_weather, which has no result"]);
    },
  );

  test("parts that say nothing to a model are left out, and that is told", () => {
    const types = ["source-url", "source-document", "data-weather", "custom", "reasoning-file", "hologram"];
    const parts = [...types, "data-weather"].map((type) => ({ type }));
    const request = read([{ role: "user", parts: [{ type: "text", text: "hi" }, ...parts] }]);
    expect(request.messages).toEqual([{ role: "user", content: [{ type: "text", text: "hi" }] }]);
    expect(request.untranslatable).toEqual(types.map((type) => `messages: parts of type ${type}`));
  });

  test("what was said while an answer was under way stands where it was said", () => {
    const steering = { type: "steering-message", id: "s", parts: [{ type: "text", text: "In French!" }] };
    const parts = [{ type: "step-start" }, { type: "text", text: "Hello" }, steering, { type: "text", text: "Salut" }];
    expect(readParts(parts, "assistant").map(({ role }) => role)).toEqual(["assistant", "user", "assistant"]);
  });

  test("takes a model, tools and settings from what the application adds to the body", () => {
    const request = read([{ role: "user", parts: [{ type: "text", text: "hi" }] }], {
      model: "smart",
      system: "Be brief.",
      temperature: 0.5,
      maxOutputTokens: 100,
      stopSequences: ["END"],
      toolChoice: { type: "tool", toolName: "look" },
      tools: {
        look: { description: "Looks", inputSchema: { type: "object" } },
        ask: { parameters: { type: "object" } },
      },
      headers: { anything: "else" },
    });
    expect(request).toMatchObject({
      model: "smart",
      temperature: 0.5,
      maxOutputTokens: 100,
      stop: ["END"],
      toolChoice: { name: "look" },
      tools: [
        { kind: "function", name: "look", description: "Looks", parameters: { type: "object" } },
        { kind: "function", name: "ask", parameters: { type: "object" } },
      ],
      wantsStream: true,
      wantsUsage: true,
    });
    expect(request.messages[0]).toEqual({ role: "system", content: [{ type: "text", text: "Be brief." }] });
    const schema = { type: "object" };
    const lists = [
      { type: "function", function: { name: "look", parameters: schema } },
      { type: "function", name: "look", inputSchema: { jsonSchema: schema } },
    ];
    for (const tool of lists) {
      const { tools } = read([{ role: "user", parts: [] }], { tools: [tool] });
      expect(tools).toEqual([{ kind: "function", name: "look", parameters: schema }]);
    }
  });

  test("goes on with the assistant's message where the client does so", () => {
    const user = { id: "u", role: "user", parts: [{ type: "text", text: "hi" }] };
    const assistant = { id: "a", role: "assistant", parts: [{ type: "text", text: "hello" }] };
    const continues = { messageId: "a", parts: assistant.parts };
    expect(read([user]).chat).toEqual({ id: "chat" });
    expect(read([user, assistant]).chat).toEqual({ id: "chat", continues });
    expect(read([user, assistant, user], { messageId: "a" }).chat).toEqual({ id: "chat", continues });
    expect(read([user, assistant, user], { messageId: "u" }).chat).toEqual({ id: "chat" });
    expect(read([user], { messageId: "a", trigger: "regenerate-message" }).chat).toEqual({ id: "chat" });
  });

  test.each([
    [{ id: "x" }, "messages"],
    [{ id: "x", messages: [] }, "messages"],
    [{ messages: [{ role: "user", content: "hi" }] }, "messages[0].parts"],
    [{ messages: [{ role: "robot", parts: [] }] }, "messages[0].role"],
    [{ messages: [{ role: "user", parts: [{ text: "hi" }] }] }, "messages[0].parts[0].type"],
    [{ messages: [{ role: "user", parts: [{ type: "file" }] }] }, "messages[0].parts[0].url"],
    [{ messages: [{ role: "user", parts: [] }], id: "x".repeat(600) }, "id"],
    [{ messages: [{ role: "user", parts: [] }], stopSequences: "x" }, "stopSequences"],
    [{ messages: [{ role: "user", parts: [] }], toolChoice: 5 }, "toolChoice"],
  ])("%j is refused, naming %s", (body, param) => {
    expect(() => ui.readRequest(body as JsonObject)).toThrow(
      expect.objectContaining({ code: "invalid-request", param }),
    );
  });

  test("comes back from the messages that we would write of it", () => {
    const original = read(
      [
        { role: "system", parts: [{ type: "text", text: "Be brief." }] },
        { role: "user", parts: [{ type: "text", text: "hi" }] },
        {
          role: "assistant",
          parts: [
            { type: "reasoning", text: "hm", providerMetadata: { headrace: { signature: "headrace:events:s" } } },
            toolPart({ state: "output-available", output: "warm" }),
            { type: "step-start" },
            { type: "text", text: "no", providerMetadata: { headrace: { refusal: true } } },
          ],
        },
      ],
      { model: "m", temperature: 1, tools: { get_weather: { inputSchema: { type: "object" } } }, toolChoice: "auto" },
    );
    const { original: _, ...neutral } = original;
    const warnings: string[] = [];
    const again = ui.readRequest(
      JSON.parse(JSON.stringify(ui.writeRequest(neutral, {}, (warning) => warnings.push(warning)))),
    );
    expect({ ...again, original: undefined, chat: undefined }).toEqual({
      ...neutral,
      original: undefined,
      chat: undefined,
    });
    expect(warnings).toEqual([]);
    expect(ui.writeRequest(original, {}, () => {})).toEqual(original.original?.body);
  });

  test("what UI messages have no words for is told", () => {
    const warnings: string[] = [];
    ui.writeRequest(
      {
        model: "m",
        messages: [
          { role: "user", content: [{ type: "untranslatable", what: "a hologram" }] },
          { role: "tool", content: [{ type: "tool-result", callId: "nobody's", content: [] }] },
        ],
        responseFormat: { type: "json" },
      },
      {},
      (warning) => warnings.push(warning),
    );
    expect(warnings).toHaveLength(3);
    expect(warnings.join()).toMatch(/responseFormat.*a hologram.*tool result/);
  });
});
