import { describe, expect, test } from "vitest";
import type { HeadraceError } from "../src/core/errors.ts";
import type { JsonObject } from "../src/core/json.ts";
import type { GenerateRequest, Message, Part } from "../src/core/request.ts";
import { bedrockConverse } from "../src/protocols/bedrock-converse.ts";
import { openaiChat } from "../src/protocols/openai-chat.ts";

const hello: Message = { role: "user", content: [{ type: "text", text: "Hello" }] };

function write(request: Partial<GenerateRequest>): { body: JsonObject; warnings: string[] } {
  const warnings: string[] = [];
  const model = "anthropic.claude-sonnet-4-5-20250929-v1:0";
  const whole = { model, messages: [hello], ...request };
  const body = bedrockConverse.writeRequest(whole, {}, (message) => warnings.push(message));
  // As it goes over the wire: what is undefined is not there.
  return { body: JSON.parse(JSON.stringify(body)) as JsonObject, warnings };
}

describe("a request of another protocol, sent to Bedrock", () => {
  const chat = (body: JsonObject) => write({ ...openaiChat.readRequest({ model: "m", ...body }), model: "meta.llama" });

  test("has its system messages at the front, its turns alternate, and all results of a turn together", () => {
    const call = (id: string) => ({ id, type: "function", function: { name: "look", arguments: '{"at":1}' } });
    const { body, warnings } = chat({
      messages: [
        { role: "system", content: "Be kind." },
        { role: "user", content: "One" },
        { role: "user", content: "Two" },
        { role: "assistant", content: null, tool_calls: [call("a"), call("call|2!")] },
        { role: "tool", tool_call_id: "a", content: "A" },
        { role: "tool", tool_call_id: "call|2!", content: "B" },
        { role: "developer", content: "Be quick." },
        { role: "user", content: "So?" },
      ],
      tools: [{ type: "function", function: { name: "look", parameters: { type: "object" } } }],
      tool_choice: { type: "function", function: { name: "look" } },
    });
    expect(body).toEqual({
      system: [{ text: "Be kind." }, { text: "Be quick." }],
      messages: [
        { role: "user", content: [{ text: "One" }, { text: "Two" }] },
        {
          role: "assistant",
          content: [
            { toolUse: { toolUseId: "a", name: "look", input: { at: 1 } } },
            { toolUse: { toolUseId: "call_0_call_2_", name: "look", input: { at: 1 } } },
          ],
        },
        {
          role: "user",
          content: [
            { toolResult: { toolUseId: "a", content: [{ text: "A" }] } },
            { toolResult: { toolUseId: "call_0_call_2_", content: [{ text: "B" }] } },
            { text: "So?" },
          ],
        },
      ],
      toolConfig: {
        tools: [{ toolSpec: { name: "look", inputSchema: { json: { type: "object" } } } }],
        toolChoice: { tool: { name: "look" } },
      },
    });
    expect(warnings).toEqual([
      "messages: a system message from the middle was moved to the front, where Bedrock has its place",
    ]);
  });

  test("keeps its settings, and tells which it had to leave out", () => {
    const { body, warnings } = chat({
      messages: [{ role: "user", content: "Hi", name: "Ann" }],
      max_completion_tokens: 9,
      temperature: 0.2,
      top_p: 0.3,
      top_k: 4,
      stop: "END",
      seed: 1,
      presence_penalty: 0,
      frequency_penalty: 0.5,
      logprobs: true,
      n: 1,
      parallel_tool_calls: false,
      reasoning_effort: "low",
      response_format: { type: "json_schema", json_schema: { name: "x", schema: { type: "object" } } },
    });
    expect(body).toEqual({
      messages: [{ role: "user", content: [{ text: "Hi" }] }],
      inferenceConfig: { maxTokens: 9, temperature: 0.2, topP: 0.3, stopSequences: ["END"] },
      outputConfig: {
        effort: "low",
        textFormat: { type: "json_schema", structure: { jsonSchema: { schema: '{"type":"object"}', name: "x" } } },
      },
    });
    expect(warnings.map((warning) => warning.split(":")[0])).toEqual([
      "topK",
      "parallelToolCalls",
      "frequencyPenalty",
      "seed",
      "logprobs",
      "messages",
    ]);
  });

  test.each([
    ["anthropic.claude-x", { top_k: 5, thinking: { type: "enabled", budget_tokens: 1024 } }],
    ["eu.anthropic.claude-x", { top_k: 5, thinking: { type: "enabled", budget_tokens: 1024 } }],
    [
      "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-x",
      { top_k: 5, thinking: { type: "enabled", budget_tokens: 1024 } },
    ],
    ["us.amazon.nova-pro-v1:0", { inferenceConfig: { topK: 5 } }],
    ["cohere.command-r-v1:0", { k: 5 }],
    ["meta.llama3", undefined],
  ])("gives %s its own names for top-k and the reasoning budget", (model, fields) => {
    const { body } = write({ model, topK: 5, reasoningBudgetTokens: 1024 });
    expect(body["additionalModelRequestFields"]).toEqual(fields);
  });

  test("has media as bytes or in S3, each document under a name of its own", () => {
    const data = { kind: "base64", data: "AAAA" } as const;
    const content: Part[] = [
      { type: "image", source: { ...data, mediaType: "image/jpg" } },
      { type: "file", name: "Q3 report (final).pdf", source: { ...data, mediaType: "application/pdf" } },
      {
        type: "file",
        name: "notes.md",
        source: { ...data, mediaType: "application/octet-stream" },
        cache: { ttl: "5m" },
      },
      { type: "file", source: { ...data, mediaType: "text/plain; charset=utf-8" } },
      { type: "file", source: { ...data, mediaType: "text/csv" } },
      { type: "file", source: { ...data, mediaType: "video/mp4" } },
      { type: "audio", source: { ...data, mediaType: "audio/mpeg" } },
      { type: "image", source: { kind: "url", url: "s3://pictures/cat.jpg" } },
    ];
    const { body } = write({ messages: [{ role: "user", content }] });
    const source = { bytes: "AAAA" };
    expect((body["messages"] as JsonObject[])[0]?.["content"]).toEqual([
      { image: { format: "jpeg", source } },
      { document: { format: "pdf", name: "Q3 report (final) pdf", source } },
      { document: { format: "md", name: "notes md", source } },
      { cachePoint: { type: "default", ttl: "5m" } },
      { document: { format: "txt", name: "document", source } },
      { document: { format: "csv", name: "document 2", source } },
      { video: { format: "mp4", source } },
      { audio: { format: "mp3", source } },
      { image: { format: "jpeg", source: { s3Location: { uri: "s3://pictures/cat.jpg" } } } },
    ]);
  });

  test("keeps only reasoning that Bedrock itself has signed", () => {
    const content: Part[] = [
      { type: "reasoning", text: "mine", signature: "s", from: "bedrock-converse" },
      { type: "reasoning", text: "", signature: "/+8=", from: "bedrock-converse", redacted: true },
      { type: "reasoning", text: "foreign", signature: "s", from: "openai-chat" },
      { type: "reasoning", text: "unsigned" },
      { type: "text", text: "Hello" },
    ];
    const { body, warnings } = write({ messages: [hello, { role: "assistant", content }, hello] });
    expect((body["messages"] as JsonObject[])[1]?.["content"]).toEqual([
      { reasoningContent: { reasoningText: { text: "mine", signature: "s" } } },
      { reasoningContent: { redactedContent: "/+8=" } },
      { text: "Hello" },
    ]);
    expect(warnings).toEqual(["messages: earlier reasoning was left out; only who signed it can read it"]);
  });

  test("describes tools that were called before, because Bedrock wants to be told of them", () => {
    const messages: Message[] = [
      hello,
      {
        role: "assistant",
        content: [{ type: "tool-call", callId: "c", name: "a", argumentsText: "oops", kind: "function" }],
      },
      { role: "tool", content: [{ type: "tool-result", callId: "c", content: [], isError: true }] },
    ];
    const { body, warnings } = write({ messages });
    expect(body["toolConfig"]).toEqual({
      tools: [{ toolSpec: { name: "a", inputSchema: { json: { type: "object" } } } }],
    });
    expect((body["messages"] as JsonObject[]).slice(1)).toEqual([
      { role: "assistant", content: [{ toolUse: { toolUseId: "c", name: "a", input: { INVALID_JSON: "oops" } } }] },
      { role: "user", content: [{ toolResult: { toolUseId: "c", content: [], status: "error" } }] },
    ]);
    expect(warnings).toHaveLength(2);
  });

  test("has no tools when none may be called", () => {
    const tools = [{ kind: "function" as const, name: "a" }];
    expect(write({ tools, toolChoice: "none" })).toEqual({
      body: { messages: [{ role: "user", content: [{ text: "Hello" }] }] },
      warnings: [],
    });
  });

  test.each<[string, Partial<GenerateRequest>, string]>([
    ["several answers", { choices: 2 }, "n"],
    ["a tool with free text", { tools: [{ kind: "custom", name: "sql" }] }, "tools"],
    [
      "the address of an image",
      {
        messages: [
          { role: "user", content: [{ type: "image", source: { kind: "url", url: "https://x.example/a.png" } }] },
        ],
      },
      "messages",
    ],
    [
      "an uploaded file",
      { messages: [{ role: "user", content: [{ type: "file", source: { kind: "file-id", fileId: "f" } }] }] },
      "messages",
    ],
    [
      "a file of a type without a block",
      {
        messages: [
          {
            role: "user",
            content: [{ type: "file", source: { kind: "base64", mediaType: "application/zip", data: "" } }],
          },
        ],
      },
      "messages",
    ],
    [
      "what only another protocol can say",
      { messages: [{ role: "user", content: [{ type: "untranslatable", what: "a dance" }] }] },
      "messages",
    ],
  ])("is refused when leaving %s out would change its meaning", (_what, request, param) => {
    expect(() => write(request)).toThrowError(
      expect.objectContaining({ code: "invalid-request", param }) as HeadraceError,
    );
  });

  test.each([
    [{ serviceTier: "auto" }, undefined, 0],
    [{ serviceTier: "flex" }, { type: "flex" }, 0],
    [{ serviceTier: "scale" }, undefined, 1],
  ])("%j asks for the tier %j", (request, serviceTier, count) => {
    const { body, warnings } = write(request);
    expect(body["serviceTier"]).toEqual(serviceTier);
    expect(warnings).toHaveLength(count);
  });

  test("carries metadata and the end user where Bedrock takes their letters", () => {
    const { body, warnings } = write({ metadata: { team: "blue", mood: "🙂" }, endUser: "u-1" });
    expect(body["requestMetadata"]).toEqual({ team: "blue", user_id: "u-1" });
    expect(warnings).toEqual(["metadata: entries that Bedrock does not take were left out"]);
  });
});
