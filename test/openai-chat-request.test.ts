import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HeadraceError } from "../src/core/errors.ts";
import type { JsonObject } from "../src/core/json.ts";
import type { GenerateRequest, Message } from "../src/core/request.ts";
import { openaiChat } from "../src/protocols/openai-chat.ts";

const { readRequest, writeRequest } = openaiChat;
const asked = { stream: true, stream_options: { include_usage: true } };

const full: JsonObject = {
  model: "gpt-4o",
  messages: [
    { role: "developer", content: "Be brief." },
    { role: "system", content: [{ type: "text", text: "Rhyme." }], name: "boss" },
    {
      role: "user",
      content: [
        { type: "text", text: "What is this?" },
        { type: "image_url", image_url: { url: "https://example.org/a.png", detail: "low" } },
        { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
        { type: "input_audio", input_audio: { data: "BBBB", format: "wav" } },
        { type: "file", file: { file_id: "file-1" } },
        { type: "file", file: { file_data: "data:application/pdf;base64,CCCC", filename: "a.pdf" } },
        { type: "video_url", video_url: { url: "https://example.org/a.mp4" } },
      ],
    },
    {
      role: "assistant",
      content: null,
      refusal: null,
      tool_calls: [
        { id: "call_1", type: "function", function: { name: "look", arguments: '{"at":1}' } },
        { id: "call_2", type: "custom", custom: { name: "sql", input: "SELECT 1" } },
      ],
    },
    { role: "tool", tool_call_id: "call_1", content: "a cat" },
    { role: "tool", tool_call_id: "call_2", content: [{ type: "text", text: "1" }] },
    { role: "assistant", content: "A cat.", audio: { id: "audio_1" } },
    { role: "assistant", content: "", refusal: "No.", reasoning_content: "hm" },
    { role: "user", content: "Sure?" },
  ],
  tools: [
    {
      type: "function",
      function: { name: "look", description: "Looks.", parameters: { type: "object", properties: {} }, strict: true },
    },
    { type: "custom", custom: { name: "sql", format: { type: "text" } } },
    { type: "web_search" },
  ],
  tool_choice: { type: "function", function: { name: "look" } },
  parallel_tool_calls: false,
  max_completion_tokens: 100,
  temperature: 0.5,
  top_p: 0.9,
  presence_penalty: 1,
  frequency_penalty: -1,
  stop: "END",
  seed: 7,
  n: 2,
  logprobs: true,
  top_logprobs: 3,
  response_format: { type: "json_schema", json_schema: { name: "answer", schema: { type: "object" }, strict: true } },
  reasoning_effort: "low",
  verbosity: "low",
  service_tier: "flex",
  metadata: { a: "b" },
  store: false,
  logit_bias: { "50256": -100 },
  vendor_field: { anything: [1, null] },
};

describe("a request that nobody changed", () => {
  test("goes to the provider as it came, only as a stream with usage", () => {
    expect(writeRequest(readRequest(full), {}, () => {})).toEqual({ ...full, ...asked });
  });

  test("keeps other stream options", () => {
    const body = { ...full, stream: false, stream_options: { include_obfuscation: false } };
    expect(writeRequest(readRequest(body), {}, () => {})["stream_options"]).toEqual({
      include_obfuscation: false,
      include_usage: true,
    });
  });

  test("any body that is read comes back", () => {
    const part = fc.oneof(
      fc.record({ type: fc.constant("text"), text: fc.string() }),
      fc.record({ type: fc.constant("some_new_part"), whatever: fc.jsonValue() }),
    );
    const message = fc.record({
      role: fc.constantFrom("user", "system", "developer"),
      content: fc.oneof(fc.string(), fc.array(part)),
    });
    const body = fc.record(
      {
        model: fc.string(),
        messages: fc.array(message, { minLength: 1, maxLength: 4 }),
        temperature: fc.double({ min: 0, max: 2, noNaN: true }),
        max_tokens: fc.integer({ min: 1, max: 9999 }),
        stop: fc.oneof(fc.string(), fc.array(fc.string()), fc.constant(null)),
        top_k: fc.nat(9),
        unknown_field: fc.jsonValue(),
      },
      { requiredKeys: ["model", "messages"] },
    );
    fc.assert(
      fc.property(body, (sent) => {
        expect(writeRequest(readRequest(sent as JsonObject), {}, () => {})).toEqual({ ...sent, ...asked });
      }),
    );
  });
});

describe("a request that was changed on the way", () => {
  const request = readRequest(full);

  test("has the new model and the new fields, and everything else as it came", () => {
    const changed: GenerateRequest = { ...request, model: "other", temperature: 1, stop: ["A", "B"] };
    expect(writeRequest(changed, {}, () => {})).toEqual({
      ...full,
      ...asked,
      model: "other",
      temperature: 1,
      stop: ["A", "B"],
    });
  });

  test("a field that was taken out is gone", () => {
    const { maxOutputTokens: _, ...rest } = request;
    expect(writeRequest(rest, {}, () => {})).not.toHaveProperty("max_completion_tokens");
  });

  test("messages that were added stand beside those that were not touched", () => {
    const added: Message = { role: "assistant", content: [{ type: "text", text: "Because" }] };
    const written = writeRequest({ ...request, messages: [...request.messages, added] }, {}, () => {});
    expect(written["messages"]).toEqual([
      ...(full["messages"] as JsonObject[]),
      { role: "assistant", content: "Because" },
    ]);
  });
});

describe("a request that was made elsewhere", () => {
  test("is written whole", () => {
    // What only this protocol can say was in `original`.
    const { original: _, untranslatable, ...request } = readRequest(full);
    expect(untranslatable).toEqual(["logit_bias", "vendor_field", "tool web_search"]);
    const written = writeRequest(request, { knowsHints: true }, () => {});
    const { original: __, wantsStream, wantsUsage, ...again } = readRequest(written);
    const { wantsStream: ___, wantsUsage: ____, ...first } = request;
    expect({ wantsStream, wantsUsage }).toEqual({ wantsStream: true, wantsUsage: true });
    expect(again.tools).toEqual(first.tools);
    expect(again.messages.map(({ role }) => role)).toEqual(first.messages.map(({ role }) => role));
    expect({ ...again, messages: [], stop: first.stop }).toEqual({ ...first, messages: [] });
  });
});

describe("what this protocol has no words for", () => {
  const user = (...content: Message["content"]): Message => ({ role: "user", content });
  const write = (request: Partial<GenerateRequest>, quirks = {}) => {
    const warnings: string[] = [];
    const messages = request.messages ?? [user({ type: "text", text: "hi" })];
    const body = writeRequest({ model: "m", ...request, messages }, quirks, (message) => warnings.push(message));
    return { body, messages: body["messages"] as JsonObject[], warnings };
  };

  test("is left out with a warning that names it", () => {
    const { body, warnings } = write({ serviceTier: "auto", endUser: "u1", reasoningBudgetTokens: 2000 });
    expect(body).not.toHaveProperty("service_tier");
    expect(warnings.map((warning) => warning.split(":")[0])).toEqual(["service_tier", "safety_identifier", "thinking"]);
    expect(write({ endUser: "u1", topK: 4 }, { knowsHints: true })).toMatchObject({
      body: { safety_identifier: "u1" },
      warnings: ["top_k: OpenAI has no such setting"],
    });
  });

  test("thoughts of another model are not sent, and that is said", () => {
    const thought: Message = {
      role: "assistant",
      content: [
        { type: "reasoning", text: "hm", signature: "s", from: "anthropic-messages" },
        { type: "text", text: "Yes" },
      ],
    };
    const { messages, warnings } = write({ messages: [user({ type: "text", text: "hi" }), thought] });
    expect(messages[1]).toEqual({ role: "assistant", content: "Yes" });
    expect(warnings).toEqual(["messages[1]: reasoning of an earlier answer is left out"]);
  });

  test("the picture that a tool gave stands behind all results, and a failure is told in words", () => {
    const image = { type: "image", source: { kind: "url", url: "https://example.org/a.png" } } as const;
    const results = user(
      { type: "tool-result", callId: "a", content: [{ type: "text", text: "see" }, image] },
      { type: "tool-result", callId: "b", content: [{ type: "text", text: "no net" }], isError: true },
      { type: "text", text: "Well?" },
    );
    expect(write({ messages: [results] }).messages).toEqual([
      { role: "tool", tool_call_id: "a", content: "see" },
      { role: "tool", tool_call_id: "b", content: "The tool failed:\nno net" },
      {
        role: "user",
        content: [
          { type: "image_url", image_url: { url: "https://example.org/a.png" } },
          { type: "text", text: "Well?" },
        ],
      },
    ]);
  });

  test("signed thoughts of another vendor come back as they were, and are never sent to this one", () => {
    const details = [
      { type: "reasoning.text", text: "hm", signature: "headrace:anthropic-messages:S1" },
      { type: "reasoning.encrypted", data: "headrace:anthropic-messages:E1" },
    ];
    const own = { type: "reasoning.text", text: "own", signature: "S2" };
    const answer = { role: "assistant", content: "Yes", reasoning_content: "hm" };
    const body = (reasoning_details: JsonObject[]): JsonObject => ({
      model: "m",
      messages: [
        { role: "user", content: "hi" },
        { ...answer, reasoning_details },
      ],
    });
    expect(readRequest(body(details)).messages[1]?.content).toEqual([
      { type: "reasoning", text: "hm", signature: "S1", from: "anthropic-messages" },
      { type: "reasoning", text: "", signature: "E1", from: "anthropic-messages", redacted: true },
      { type: "text", text: "Yes" },
    ]);
    const written = writeRequest(readRequest(body([...details, own])), {}, () => {})["messages"] as JsonObject[];
    expect(written[1]).toEqual({ ...answer, reasoning_details: [own] });
    expect((writeRequest(readRequest(body(details)), {}, () => {})["messages"] as JsonObject[])[1]).toEqual(answer);
  });
});

describe("vendors that differ", () => {
  test.each([
    [{ maxTokensField: "max_tokens" } as const, { max_tokens: 100, max_completion_tokens: undefined }],
    [{ refusesStreamOptions: true } as const, { stream: true, stream_options: undefined }],
  ])("%j", (quirks, expected) => {
    const written = writeRequest(readRequest({ ...full, stream_options: { include_usage: true } }), quirks, () => {});
    for (const [key, value] of Object.entries(expected)) expect(written[key]).toEqual(value);
  });

  test("one that knows no developers gets system messages", () => {
    const written = writeRequest(readRequest(full), { noDeveloperRole: true }, () => {});
    expect((written["messages"] as JsonObject[])[0]).toEqual({ role: "system", content: "Be brief." });
  });
});

describe("a request that cannot be right is refused, and the field named", () => {
  const good: JsonObject = { model: "m", messages: [{ role: "user", content: "x" }] };
  test.each([
    [{ model: undefined }, "model"],
    [{ model: 5 }, "model"],
    [{ messages: undefined }, "messages"],
    [{ messages: [] }, "messages"],
    [{ messages: "hi" }, "messages"],
    [{ messages: ["hi"] }, "messages[0]"],
    [{ messages: [{ role: "robot", content: "x" }] }, "messages[0].role"],
    [{ messages: [{ role: "user" }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: 7 }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: [{ type: "text" }] }] }, "messages[0].content[0].text"],
    [
      { messages: [{ role: "user", content: [{ type: "image_url", image_url: "x" }] }] },
      "messages[0].content[0].image_url",
    ],
    [{ messages: [{ role: "tool", content: "x" }] }, "messages[0].tool_call_id"],
    [{ messages: [{ role: "assistant" }] }, "messages[0].content"],
    [
      { messages: [{ role: "assistant", tool_calls: [{ id: "a", function: {} }] }] },
      "messages[0].tool_calls[0].function.name",
    ],
    [{ temperature: "hot" }, "temperature"],
    [{ temperature: 3 }, "temperature"],
    [{ max_tokens: 0 }, "max_tokens"],
    [{ max_completion_tokens: 1.5 }, "max_completion_tokens"],
    [{ n: 1000 }, "n"],
    [{ stop: [1] }, "stop"],
    [{ stream: "yes" }, "stream"],
    [{ stream_options: { include_usage: 1 } }, "stream_options.include_usage"],
    [{ tools: [{ type: "function" }] }, "tools[0].function"],
    [{ tools: [{ type: "function", function: { name: "f", parameters: [] } }] }, "tools[0].function.parameters"],
    [{ tool_choice: "maybe" }, "tool_choice"],
    [{ response_format: { type: "yaml" } }, "response_format.type"],
    [{ response_format: { type: "json_schema" } }, "response_format.json_schema"],
    [{ top_logprobs: 21 }, "top_logprobs"],
    [{ metadata: "x" }, "metadata"],
  ])("%j", (change, param) => {
    const refused = () => readRequest({ ...good, ...change });
    expect(refused).toThrow(HeadraceError);
    expect(refused).toThrow(expect.objectContaining({ code: "invalid-request", param }) as Error);
    expect(refused).toThrow(`\`${param}\``);
  });
});
