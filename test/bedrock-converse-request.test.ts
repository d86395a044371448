import { describe, expect, test } from "vitest";
import type { HeadraceError } from "../src/core/errors.ts";
import type { JsonObject } from "../src/core/json.ts";
import type { GenerateRequest, Message } from "../src/core/request.ts";
import { bedrockConverse } from "../src/protocols/bedrock-converse.ts";

const hello: Message = { role: "user", content: [{ type: "text", text: "Hello" }] };

function write(request: Partial<GenerateRequest>): { body: JsonObject; warnings: string[] } {
  const warnings: string[] = [];
  const model = "anthropic.claude-sonnet-4-5-20250929-v1:0";
  const whole = { model, messages: [hello], ...request };
  const body = bedrockConverse.writeRequest(whole, {}, (message) => warnings.push(message));
  // As it goes over the wire: what is undefined is not there.
  return { body: JSON.parse(JSON.stringify(body)) as JsonObject, warnings };
}

const everything: JsonObject = {
  system: [{ text: "Be brief." }, { cachePoint: { type: "default", ttl: "1h" } }],
  messages: [
    {
      role: "user",
      content: [
        { text: "Look" },
        { image: { format: "png", source: { bytes: "iVBORw0KGgo=" } } },
        { document: { format: "pdf", name: "Report", source: { bytes: "JVBERi0=" } } },
        { cachePoint: { type: "default" } },
        { video: { format: "mp4", source: { s3Location: { uri: "s3://films/one.mp4" } } } },
        { guardContent: { text: { text: "guarded", qualifiers: ["query"] } } },
        { hologram: { bytes: "AAAA" } },
      ],
    },
    {
      role: "assistant",
      content: [
        { reasoningContent: { reasoningText: { text: "hm", signature: "EqoB" } } },
        { reasoningContent: { redactedContent: "/+8=" } },
        { toolUse: { toolUseId: "t1", name: "get_weather", input: { city: "Oslo" } } },
      ],
    },
    {
      role: "user",
      content: [
        {
          toolResult: { toolUseId: "t1", content: [{ json: { degrees: 4 } }, { text: "cold" }], status: "error" },
        },
      ],
    },
  ],
  toolConfig: {
    tools: [
      {
        toolSpec: {
          name: "get_weather",
          description: "Weather",
          inputSchema: { json: { type: "object", properties: { city: { type: "string" } } } },
          strict: true,
        },
      },
      { systemTool: { name: "nova_grounding" } },
      { cachePoint: { type: "default" } },
    ],
    toolChoice: { any: {} },
  },
  inferenceConfig: { maxTokens: 100, temperature: 0.5, topP: 0.9, stopSequences: ["END"] },
  additionalModelRequestFields: { top_k: 40, thinking: { type: "enabled", budget_tokens: 2048 } },
  outputConfig: {
    effort: "high",
    textFormat: {
      type: "json_schema",
      structure: { jsonSchema: { schema: '{"type":"object"}', name: "report", description: "A report" } },
    },
  },
  performanceConfig: { latency: "optimized" },
  serviceTier: { type: "flex" },
  requestMetadata: { team: "blue" },
  guardrailConfig: { guardrailIdentifier: "gr-1", guardrailVersion: "1" },
};

describe("a Converse request", () => {
  test("is understood", () => {
    const { original: _, ...read } = bedrockConverse.readRequest(everything, { model: "m", stream: false });
    expect(read).toEqual({
      model: "m",
      messages: [
        { role: "system", content: [{ type: "text", text: "Be brief.", cache: { ttl: "1h" } }] },
        {
          role: "user",
          content: [
            { type: "text", text: "Look" },
            { type: "image", source: { kind: "base64", mediaType: "image/png", data: "iVBORw0KGgo=" } },
            {
              type: "file",
              name: "Report",
              source: { kind: "base64", mediaType: "application/pdf", data: "JVBERi0=" },
              cache: {},
            },
            { type: "file", source: { kind: "url", url: "s3://films/one.mp4" } },
            { type: "text", text: "guarded" },
            { type: "untranslatable", what: "a content block of type hologram" },
          ],
        },
        {
          role: "assistant",
          content: [
            { type: "reasoning", text: "hm", signature: "EqoB", from: "bedrock-converse" },
            { type: "reasoning", text: "", signature: "/+8=", from: "bedrock-converse", redacted: true },
            {
              type: "tool-call",
              callId: "t1",
              name: "get_weather",
              argumentsText: '{"city":"Oslo"}',
              kind: "function",
            },
          ],
        },
        {
          role: "tool",
          content: [
            {
              type: "tool-result",
              callId: "t1",
              content: [
                { type: "text", text: '{"degrees":4}' },
                { type: "text", text: "cold" },
              ],
              isError: true,
            },
          ],
        },
      ],
      tools: [
        {
          kind: "function",
          name: "get_weather",
          description: "Weather",
          parameters: { type: "object", properties: { city: { type: "string" } } },
          strict: true,
          cache: {},
        },
      ],
      toolChoice: "required",
      maxOutputTokens: 100,
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      stop: ["END"],
      reasoningBudgetTokens: 2048,
      reasoningEffort: "high",
      responseFormat: { type: "json-schema", name: "report", schema: { type: "object" }, description: "A report" },
      serviceTier: "flex",
      metadata: { team: "blue" },
      untranslatable: ["guardrailConfig", "performanceConfig", "systemTool"],
      wantsStream: false,
      wantsUsage: true,
    });
  });

  test("goes on to Bedrock as it came", () => {
    const { body, warnings } = write(bedrockConverse.readRequest(everything, { model: "m" }));
    expect(body).toEqual(everything);
    expect(warnings).toEqual([]);
  });

  test("goes on with what was changed on the way, and nothing else", () => {
    const request = bedrockConverse.readRequest(everything, { model: "m" });
    const answer: Message = { role: "assistant", content: [{ type: "text", text: "So far " }] };
    const { body, warnings } = write({ ...request, maxOutputTokens: 7, messages: [...request.messages, answer] });
    expect(body).toEqual({
      ...everything,
      inferenceConfig: { ...(everything["inferenceConfig"] as JsonObject), maxTokens: 7 },
      messages: [...(everything["messages"] as JsonObject[]), { role: "assistant", content: [{ text: "So far" }] }],
    });
    expect(warnings).toEqual([
      "messages: white space at the end of the answer to be continued was left out; Bedrock refuses it",
    ]);
  });

  test("says the same when it is written from its parts alone", () => {
    const { original: _, ...read } = bedrockConverse.readRequest(everything, { model: "us.anthropic.claude-x" });
    const messages = read.messages.map((message) => ({
      ...message,
      content: message.content.filter(({ type }) => type !== "untranslatable"),
    }));
    const { body } = write({ ...read, messages });
    const { original: __, ...again } = bedrockConverse.readRequest(body, { model: "us.anthropic.claude-x" });
    const { untranslatable: ___, ...translated } = read;
    expect(again).toEqual({ ...translated, messages, wantsStream: true });
  });

  test.each([
    [{}, "messages"],
    [{ messages: [] }, "messages"],
    [{ messages: [{ role: "robot", content: [] }] }, "messages[0].role"],
    [{ messages: [{ role: "user", content: "text" }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: [{ text: 1 }] }] }, "messages[0].content[0].text"],
    [{ messages: [{ role: "user", content: [] }], inferenceConfig: { maxTokens: 0 } }, "inferenceConfig.maxTokens"],
    [
      { messages: [{ role: "user", content: [] }], toolConfig: { tools: [{ toolSpec: {} }] } },
      "toolConfig.tools[0].toolSpec.name",
    ],
  ])("%j is refused by the name of the field at fault", (body, param) => {
    expect(() => bedrockConverse.readRequest(body as JsonObject)).toThrowError(
      expect.objectContaining({ code: "invalid-request", param }) as HeadraceError,
    );
  });
});

describe("the address of a model", () => {
  test.each([
    ["anthropic.claude-v2:1", "/model/anthropic.claude-v2%3A1/converse-stream"],
    [
      "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-x",
      "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Ainference-profile%2Feu.anthropic.claude-x/converse-stream",
    ],
  ])("%s is one segment of the path, and comes back", (model, path) => {
    expect(bedrockConverse.endpoint?.write({ model, messages: [] })).toBe(path);
    expect(bedrockConverse.endpoint?.read(path, {})).toEqual({ model, stream: true });
    expect(bedrockConverse.endpoint?.read(path.replace("-stream", ""), {})).toEqual({ model, stream: false });
  });

  test("other paths are none", () => {
    expect(bedrockConverse.endpoint?.read("/v1/chat/completions", {})).toBeUndefined();
    expect(bedrockConverse.endpoint?.read("/model/a/b/converse", {})).toBeUndefined();
    expect(bedrockConverse.endpoint?.read("/model/%/converse", {})).toEqual({ model: "%", stream: false });
  });
});
