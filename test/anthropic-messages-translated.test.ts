import { describe, expect, test } from "vitest";
import { HeadraceError } from "../src/core/errors.ts";
import type { JsonObject } from "../src/core/json.ts";
import type { GenerateRequest, Part } from "../src/core/request.ts";
import { anthropicMessages } from "../src/protocols/anthropic-messages.ts";
import { openaiChat } from "../src/protocols/openai-chat.ts";

function write(request: GenerateRequest) {
  const warnings: string[] = [];
  const body = anthropicMessages.writeRequest(request, {}, (message) => warnings.push(message));
  return { body, messages: body["messages"] as JsonObject[], warnings };
}

describe("a chat request", () => {
  const chat = (body: JsonObject) =>
    write(openaiChat.readRequest({ model: "claude-sonnet-4-5", messages: [{ role: "user", content: "hi" }], ...body }));

  test("brings an inline image along whose address has more than a type", () => {
    const url = "data:image/png;name=cat.png;base64,AAAA";
    const { messages } = chat({ messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }] });
    const source = { type: "base64", media_type: "image/png", data: "AAAA" };
    expect(messages[0]?.["content"]).toEqual([{ type: "image", source }]);
  });

  test("becomes system text and messages in turn, results first", () => {
    const call = (id: string) => ({ id, type: "function", function: { name: "look", arguments: '{"at":1}' } });
    const { body, warnings } = chat({
      messages: [
        { role: "system", content: "Be brief." },
        { role: "developer", content: "Rhyme." },
        { role: "user", content: "One" },
        { role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }] },
        { role: "assistant", content: null, tool_calls: [call("call_1"), call("call:2/é")] },
        { role: "tool", tool_call_id: "call_1", content: "a cat" },
        { role: "tool", tool_call_id: "call:2/é", content: "" },
        { role: "user", content: "Well?" },
      ],
      tools: [{ type: "function", function: { name: "look", parameters: { type: "object" } } }],
    });
    const second = expect.stringMatching(/^call_2___[a-z0-9]+$/) as unknown;
    expect(body).toEqual({
      model: "claude-sonnet-4-5",
      max_tokens: 32_000,
      stream: true,
      system: [
        { type: "text", text: "Be brief." },
        { type: "text", text: "Rhyme." },
      ],
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "One" },
            { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
          ],
        },
        {
          role: "assistant",
          content: [
            { type: "tool_use", id: "call_1", name: "look", input: { at: 1 } },
            { type: "tool_use", id: second, name: "look", input: { at: 1 } },
          ],
        },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "call_1", content: [{ type: "text", text: "a cat" }] },
            { type: "tool_result", tool_use_id: second },
            { type: "text", text: "Well?" },
          ],
        },
      ],
      tools: [{ name: "look", input_schema: { type: "object" } }],
    });
    const [calls, results] = (body["messages"] as JsonObject[]).slice(1).map(({ content }) => content as JsonObject[]);
    expect(calls?.[1]?.["id"]).toBe(results?.[1]?.["tool_use_id"]);
    expect(warnings).toEqual([]);
  });

  test.each<[JsonObject, JsonObject]>([
    [{ tool_choice: "required" }, { tool_choice: { type: "any" } }],
    [{ tool_choice: "none", parallel_tool_calls: false }, { tool_choice: { type: "none" } }],
    [{ parallel_tool_calls: false }, { tool_choice: { type: "auto", disable_parallel_tool_use: true } }],
    [
      { tool_choice: { type: "function", function: { name: "f" } }, parallel_tool_calls: false },
      { tool_choice: { type: "tool", name: "f", disable_parallel_tool_use: true } },
    ],
    [
      { max_completion_tokens: 7, stop: "END", top_k: 3 },
      { max_tokens: 7, stop_sequences: ["END"], top_k: 3 },
    ],
    [
      { user: "u1", service_tier: "auto" },
      { metadata: { user_id: "u1" }, service_tier: "auto" },
    ],
    [
      { response_format: { type: "json_schema", json_schema: { name: "a", schema: { type: "object" } } } },
      { output_config: { format: { type: "json_schema", schema: { type: "object" } } } },
    ],
    [{ reasoning_effort: "low" }, { thinking: { type: "enabled", budget_tokens: 2048 } }],
    [{ reasoning_effort: "none" }, { thinking: undefined }],
    [
      { model: "claude-opus-4-7", reasoning_effort: "high" },
      { thinking: { type: "adaptive", display: "summarized" }, output_config: { effort: "high" } },
    ],
    [{ model: "claude-opus-4-7", reasoning_effort: "none" }, { thinking: { type: "disabled" } }],
    [{ model: "claude-3-haiku-20240307" }, { max_tokens: 4096 }],
    [
      { model: "claude-opus-4-5-20251101", reasoning_effort: "medium" },
      { thinking: { type: "enabled", budget_tokens: 8192 } },
    ],
    [{ model: "minimax-m2" }, { max_tokens: 8192 }],
  ])("%j is said as %j", (change, expected) => {
    const tools = [{ type: "function", function: { name: "f" } }];
    const { body, warnings } = chat({ tools, ...change });
    for (const [key, value] of Object.entries(expected)) expect(body[key]).toEqual(value);
    expect(warnings).toEqual([]);
  });

  test.each<[JsonObject, RegExp]>([
    [{ temperature: 1.5 }, /^temperature: 1 is the most/],
    [{ temperature: 0.2, reasoning_effort: "high" }, /^temperature: not possible together with thinking/],
    [{ seed: 1 }, /^seed: /],
    [{ presence_penalty: 1 }, /^presence_penalty: /],
    [{ logprobs: true }, /^logprobs: /],
    [{ verbosity: "low" }, /^verbosity: /],
    [{ prompt_cache_key: "k" }, /^prompt_cache_key: /],
    [{ service_tier: "flex" }, /^service_tier: /],
    [{ stop: ["\n\n"] }, /^stop: /],
    [{ reasoning_effort: "high", max_tokens: 500 }, /^reasoning_effort: thinking takes 1024 tokens/],
    [{ reasoning_effort: "high", tool_choice: "required" }, /^reasoning_effort: a model that has to call/],
    [{ response_format: { type: "json_object" } }, /^response_format: /],
    [{ messages: [{ role: "system", content: "hi" }] }, /^messages: there is no user message/],
    [
      {
        messages: [
          { role: "user", content: "hi" },
          { role: "system", content: "Be brief." },
        ],
      },
      /^messages\[1\]: a system message in mid-conversation/,
    ],
    [
      {
        messages: [
          { role: "user", content: "hi" },
          { role: "assistant", content: "Well, " },
        ],
      },
      /^messages: white space at the end/,
    ],
  ])("%j cannot be said in full, and that is told", (change, warning) => {
    const tools = [{ type: "function", function: { name: "f" } }];
    const { warnings, messages } = chat({ tools, ...change });
    expect(warnings).toEqual([expect.stringMatching(warning)]);
    expect(messages.length).toBeGreaterThan(0);
  });

  test("thoughts are not asked for behind calls whose own thoughts are not Anthropic's", () => {
    const call = { id: "call_1", type: "function", function: { name: "look", arguments: "{}" } };
    const { body, warnings } = chat({
      reasoning_effort: "high",
      messages: [
        { role: "user", content: "hi" },
        { role: "assistant", content: null, tool_calls: [call] },
        { role: "tool", tool_call_id: "call_1", content: "x" },
      ],
    });
    expect(body).not.toHaveProperty("thinking");
    expect(warnings).toEqual([expect.stringMatching(/^reasoning_effort: the thoughts behind the last tool calls/)]);
  });

  test.each<[JsonObject, string]>([
    [{ n: 2 }, "n"],
    [{ tools: [{ type: "custom", custom: { name: "sql" } }] }, "tools[0]"],
    [
      {
        messages: [{ role: "user", content: [{ type: "input_audio", input_audio: { data: "AAAA", format: "wav" } }] }],
      },
      "messages[0]",
    ],
  ])("%j would mean something else, and is refused", (change, param) => {
    expect(() => chat(change)).toThrow(expect.objectContaining({ code: "invalid-request", param }) as Error);
  });
});

describe("what a chat client got of Anthropic goes back to it", () => {
  test("signed thoughts in front of the calls that they led to", () => {
    const details = [
      { type: "reasoning.text", text: "hm", signature: "headrace:anthropic-messages:SIG" },
      { type: "reasoning.encrypted", data: "headrace:anthropic-messages:ENC" },
    ];
    const call = { id: "toolu_1", type: "function", function: { name: "look", arguments: "{}" } };
    const { messages } = write(
      openaiChat.readRequest({
        model: "claude-sonnet-4-5",
        reasoning_effort: "low",
        messages: [
          { role: "user", content: "hi" },
          { role: "assistant", content: null, reasoning_content: "hm", reasoning_details: details, tool_calls: [call] },
          { role: "tool", tool_call_id: "toolu_1", content: "x" },
        ],
      }),
    );
    expect(messages[1]?.["content"]).toEqual([
      { type: "thinking", thinking: "hm", signature: "SIG" },
      { type: "redacted_thinking", data: "ENC" },
      { type: "tool_use", id: "toolu_1", name: "look", input: {} },
    ]);
  });
});

describe("files", () => {
  const fileOf = (part: Part) => write({ model: "m", messages: [{ role: "user", content: [part] }] }).messages[0];
  test.each<[Part, JsonObject]>([
    [
      { type: "file", source: { kind: "base64", mediaType: "application/pdf", data: "AA" }, name: "a.pdf" },
      { type: "document", source: { type: "base64", media_type: "application/pdf", data: "AA" }, title: "a.pdf" },
    ],
    [
      { type: "file", source: { kind: "base64", mediaType: "text/csv", data: "w6QsYg==" } },
      { type: "document", source: { type: "text", media_type: "text/plain", data: "ä,b" } },
    ],
    [
      { type: "file", source: { kind: "url", url: "https://example.org/a.pdf" }, cache: { ttl: "1h" } },
      {
        type: "document",
        source: { type: "url", url: "https://example.org/a.pdf" },
        cache_control: { type: "ephemeral", ttl: "1h" },
      },
    ],
  ])("%j", (part, block) => {
    expect(fileOf(part)).toEqual({ role: "user", content: [block] });
  });

  test("of a kind that Claude cannot read are refused", () => {
    const source = { kind: "base64", mediaType: "application/zip", data: "AA" } as const;
    expect(() => fileOf({ type: "file", source })).toThrow(HeadraceError);
  });
});
