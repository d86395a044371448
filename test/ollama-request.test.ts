import { describe, expect, test } from "vitest";
import type { JsonObject } from "../src/core/json.ts";
import type { GenerateRequest } from "../src/core/request.ts";
import { ollamaChat, ollamaGenerate } from "../src/protocols/ollama.ts";
import { openaiChat } from "../src/protocols/openai-chat.ts";
import type { Protocol } from "../src/protocols/protocol.ts";

const png = "iVBORw0KGgo=";

const chat: JsonObject = {
  model: "llama3.2",
  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: "What is this?", images: [png, "/9j/AAA="] },
    {
      role: "assistant",
      content: "",
      thinking: "I should look.",
      tool_calls: [
        { function: { name: "look", arguments: { at: 1 } } },
        { function: { name: "look", arguments: { at: 2 } } },
        { id: "call_x", function: { index: 2, name: "ping", arguments: {} } },
      ],
    },
    { role: "tool", content: "a cat", tool_name: "look" },
    { role: "tool", content: "pong", tool_call_id: "call_x" },
    { role: "tool", content: "a dog", tool_name: "look" },
    { role: "User", content: "Sure?", mood: "curious" },
  ],
  tools: [
    {
      type: "function",
      function: { name: "look", description: "Looks.", parameters: { type: "object", properties: { at: {} } } },
    },
  ],
  format: { type: "object", properties: { age: { type: "integer" } } },
  think: "low",
  keep_alive: "10m",
  truncate: false,
  logprobs: true,
  top_logprobs: 2,
  options: {
    num_predict: 100,
    num_ctx: 8192,
    temperature: 0.5,
    top_p: 0.9,
    top_k: 40,
    seed: 7,
    stop: ["END"],
    presence_penalty: 1,
    frequency_penalty: -1,
    mirostat: 2,
  },
  new_field: { x: [1] },
};

function write(protocol: Protocol, request: GenerateRequest): { body: JsonObject; warnings: string[] } {
  const warnings: string[] = [];
  return { body: protocol.writeRequest(request, {}, (message) => warnings.push(message)), warnings };
}

const user = (text: string) => ({ role: "user" as const, content: [{ type: "text" as const, text }] });

describe("a request in Ollama's words", () => {
  test("goes on to Ollama with every field it came with, known or not", () => {
    expect(write(ollamaChat, ollamaChat.readRequest(chat))).toEqual({ body: { ...chat, stream: true }, warnings: [] });
    const generate: JsonObject = {
      model: "codellama",
      prompt: "def f(",
      suffix: "return x",
      system: "Code only.",
      context: [1, 2],
      raw: false,
      keep_alive: 0,
      options: { num_predict: -1, num_gpu: 1 },
      think: true,
      x: null,
    };
    expect(write(ollamaGenerate, ollamaGenerate.readRequest(generate)).body).toEqual({ ...generate, stream: true });
  });

  test("streams and counts unless it says otherwise, as with Ollama", () => {
    expect(ollamaChat.readRequest(chat)).toMatchObject({ wantsStream: true, wantsUsage: true });
    expect(ollamaChat.readRequest({ ...chat, stream: false }).wantsStream).toBe(false);
  });

  test("is understood: calls get ids, and each result finds its call", () => {
    const { messages, ...rest } = ollamaChat.readRequest(chat);
    expect(messages[2]?.content).toEqual([
      { type: "reasoning", text: "I should look." },
      { type: "tool-call", callId: "call_2_0", name: "look", argumentsText: '{"at":1}', kind: "function" },
      { type: "tool-call", callId: "call_2_1", name: "look", argumentsText: '{"at":2}', kind: "function" },
      { type: "tool-call", callId: "call_x", name: "ping", argumentsText: "{}", kind: "function" },
    ]);
    expect(messages.slice(3, 6).map(({ content }) => content[0])).toMatchObject([
      { callId: "call_2_0", name: "look", content: [{ text: "a cat" }] },
      { callId: "call_x", name: "ping", content: [{ text: "pong" }] },
      { callId: "call_2_1", name: "look", content: [{ text: "a dog" }] },
    ]);
    expect(messages[1]?.content.slice(1)).toEqual([
      { type: "image", source: { kind: "base64", mediaType: "image/png", data: png } },
      { type: "image", source: { kind: "base64", mediaType: "image/jpeg", data: "/9j/AAA=" } },
    ]);
    expect(messages[6]?.role).toBe("user");
    expect(rest).toMatchObject({
      maxOutputTokens: 100,
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      seed: 7,
      stop: ["END"],
      presencePenalty: 1,
      frequencyPenalty: -1,
      logprobs: true,
      topLogprobs: 2,
      reasoningEffort: "low",
      responseFormat: { type: "json-schema", schema: chat["format"] },
    });
  });

  test.each([
    [{ think: false }, { reasoningBudgetTokens: 0 }],
    [{ think: true }, { reasoningEffort: "medium" }],
    [{ format: "json" }, { responseFormat: { type: "json" } }],
    [{ format: "" }, {}],
    [{ options: { num_predict: -1 } }, {}],
    [{ options: { stop: "END" } }, { stop: ["END"] }],
  ])("%j means %j", (fields, expected) => {
    const {
      model: _m,
      messages: _n,
      original: _o,
      wantsStream: _s,
      wantsUsage: _u,
      ...read
    } = ollamaChat.readRequest({
      model: "m",
      messages: [{ role: "user", content: "x" }],
      ...fields,
    });
    expect(read).toEqual(expected);
  });

  test("reaches OpenAI's protocol with its tools, results and settings", () => {
    const { body } = write(openaiChat, ollamaChat.readRequest(chat));
    expect(body).toMatchObject({
      model: "llama3.2",
      max_completion_tokens: 100,
      stop: ["END"],
      response_format: { type: "json_schema", json_schema: { name: "response", schema: chat["format"] } },
      tools: [{ type: "function", function: { name: "look" } }],
    });
    expect((body["messages"] as JsonObject[])[2]).toMatchObject({
      tool_calls: [
        { id: "call_2_0", function: { name: "look", arguments: '{"at":1}' } },
        { id: "call_2_1" },
        { id: "call_x" },
      ],
    });
    expect((body["messages"] as JsonObject[])[3]).toMatchObject({
      role: "tool",
      tool_call_id: "call_2_0",
      content: "a cat",
    });
  });

  test("for one prompt becomes a chat without losing its options", () => {
    const { body } = write(
      ollamaChat,
      ollamaGenerate.readRequest({
        model: "m",
        prompt: "Hi",
        system: "Be brief.",
        images: [png],
        keep_alive: "1m",
        think: true,
        options: { num_ctx: 99, seed: 1 },
      }),
    );
    expect(body).toEqual({
      model: "m",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Hi", images: [png] },
      ],
      keep_alive: "1m",
      think: true,
      options: { num_ctx: 99, seed: 1 },
      stream: true,
    });
  });

  test("that asks for what only /api/generate can do is refused elsewhere", () => {
    const request = ollamaGenerate.readRequest({ model: "m", prompt: "def f(", suffix: "return x" });
    expect(() => write(ollamaChat, request)).toThrow(/suffix/);
  });

  test.each([
    [{ messages: "x" }, "messages"],
    [{ messages: [{ role: "wizard", content: "x" }] }, "messages[0].role"],
    [{ messages: [{ role: "user", content: ["x"] }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: "x", images: [1] }] }, "messages[0].images[0]"],
    [{ messages: [{ role: "assistant", tool_calls: [{}] }] }, "messages[0].tool_calls[0].function"],
    [{ options: { temperature: "hot" } }, "options.temperature"],
    [{ format: 7 }, "format"],
    [{ think: 7 }, "think"],
    [{ model: null }, "model"],
  ])("with %j is refused, naming the field", (fields, param) => {
    const body = { model: "m", messages: [{ role: "user", content: "x" }], ...fields } as JsonObject;
    expect(() => ollamaChat.readRequest(body)).toThrow(expect.objectContaining({ code: "invalid-request", param }));
  });
});

describe("a request of another protocol", () => {
  test("reaches Ollama with its tools, results, images and settings", () => {
    const request = openaiChat.readRequest({
      model: "llama3.2",
      messages: [
        { role: "developer", content: "Be brief." },
        {
          role: "user",
          content: [
            { type: "text", text: "Look: " },
            { type: "image_url", image_url: { url: `data:image/png;base64,${png}` } },
          ],
        },
        {
          role: "assistant",
          content: null,
          reasoning_content: "hm",
          tool_calls: [{ id: "c1", type: "function", function: { name: "look", arguments: '{"at":1}' } }],
        },
        { role: "tool", tool_call_id: "c1", content: "a cat" },
      ],
      tools: [{ type: "function", function: { name: "look", strict: true } }],
      max_tokens: 5,
      stop: "END",
      reasoning_effort: "minimal",
      response_format: { type: "json_object" },
      parallel_tool_calls: false,
    });
    const { body, warnings } = write(ollamaChat, request);
    expect(body).toEqual({
      model: "llama3.2",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Look: ", images: [png] },
        {
          role: "assistant",
          content: "",
          thinking: "hm",
          tool_calls: [{ id: "c1", function: { index: 0, name: "look", arguments: { at: 1 } } }],
        },
        { role: "tool", content: "a cat", tool_name: "look", tool_call_id: "c1" },
      ],
      tools: [{ type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } }],
      options: { num_predict: 5, stop: ["END"] },
      think: "low",
      format: "json",
      stream: true,
    });
    expect(warnings).toEqual([expect.stringContaining("parallel"), expect.stringContaining("strict")]);
  });

  test("only one message becomes a prompt", () => {
    const request = { model: "m", messages: [user("Hi")] };
    expect(write(ollamaGenerate, request).body).toEqual({ model: "m", prompt: "Hi", stream: true });
    const conversation = { model: "m", messages: [user("Hi"), user("again")] };
    expect(() => write(ollamaGenerate, conversation)).toThrow(expect.objectContaining({ param: "messages" }));
  });

  test.each([
    ["a forced call", { toolChoice: "required", tools: [{ kind: "function", name: "f" }] }, "tool_choice"],
    ["a tool of free text", { tools: [{ kind: "custom", name: "sql" }] }, "tools"],
    ["several answers", { choices: 2 }, "n"],
    [
      "an image behind a URL",
      {
        messages: [
          { role: "user", content: [{ type: "image", source: { kind: "url", url: "https://example.org/a.png" } }] },
        ],
      },
      "messages",
    ],
    [
      "sound",
      { messages: [{ role: "user", content: [{ type: "audio", source: { kind: "file-id", fileId: "a" } }] }] },
      "messages",
    ],
    [
      "a call whose arguments are broken",
      {
        messages: [
          {
            role: "assistant",
            content: [{ type: "tool-call", callId: "c", name: "f", argumentsText: "{", kind: "function" }],
          },
        ],
      },
      "messages",
    ],
  ] as [string, Partial<GenerateRequest>, string][])(
    "with %s is refused, since Ollama cannot be told",
    (_what, fields, param) => {
      const request = { model: "m", messages: [user("Hi")], ...fields };
      expect(() => write(ollamaChat, request)).toThrow(expect.objectContaining({ code: "invalid-request", param }));
    },
  );

  test("that must call no tool shows none", () => {
    const request: GenerateRequest = {
      model: "m",
      messages: [user("Hi")],
      tools: [{ kind: "function", name: "f" }],
      toolChoice: "none",
    };
    expect(write(ollamaChat, request).body["tools"]).toBeUndefined();
  });

  test("loses reasoning that another vendor signed, and says so", () => {
    const request: GenerateRequest = {
      model: "m",
      messages: [
        user("Hi"),
        {
          role: "assistant",
          content: [
            { type: "reasoning", text: "hm", signature: "s", from: "openai-chat" },
            { type: "text", text: "Yo" },
          ],
        },
      ],
      metadata: { a: "b" },
      endUser: "u",
    };
    const { body, warnings } = write(ollamaChat, request);
    expect(body["messages"]).toEqual([
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Yo" },
    ]);
    expect(warnings.map((warning) => warning.split(":")[0])).toEqual(["messages", "user", "metadata"]);
  });
});
