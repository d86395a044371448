import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HeadraceError } from "../src/core/errors.ts";
import type { JsonObject } from "../src/core/json.ts";
import type { GenerateRequest, Message } from "../src/core/request.ts";
import { gemini } from "../src/protocols/gemini.ts";

const target = { model: "gemini-3-pro", stream: true };
const readRequest = (body: JsonObject) => gemini.readRequest(body, target);
const nothingToWarn = (message: string): never => {
  throw new Error(`warned: ${message}`);
};
const writeRequest = (request: GenerateRequest) => gemini.writeRequest(request, {}, nothingToWarn);

const user = (text: string): Message => ({ role: "user", content: [{ type: "text", text }] });

const full: JsonObject = {
  systemInstruction: { parts: [{ text: "Be brief." }, { text: "Rhyme." }] },
  contents: [
    {
      role: "user",
      parts: [
        { text: "What is this?" },
        { inlineData: { mimeType: "image/png", data: "AAAA" } },
        { fileData: { mimeType: "image/png", fileUri: "https://example.org/a.png" } },
        { inlineData: { mimeType: "audio/wav", data: "BBBB" } },
        { inlineData: { mimeType: "application/pdf", data: "CCCC", displayName: "a.pdf" } },
        { fileData: { mimeType: "video/mp4", fileUri: "https://generativelanguage.googleapis.com/v1beta/files/x" } },
        { text: "and this", videoMetadata: { fps: 1 } },
      ],
    },
    {
      role: "model",
      parts: [
        { text: "Let me ", thought: true },
        { text: "look.", thought: true },
        { functionCall: { name: "look", args: { at: 1 } }, thoughtSignature: "c2lnbmVk" },
        { functionCall: { name: "look", args: { at: 2 } } },
      ],
    },
    {
      role: "user",
      parts: [
        { functionResponse: { name: "look", response: { output: "a cat" } } },
        { functionResponse: { name: "look", response: { error: "too dark" } } },
      ],
    },
    { role: "model", parts: [{ text: "A " }] },
    { role: "model", parts: [{ text: "cat." }] },
    { role: "model", parts: [{ text: "", thoughtSignature: "bGFzdA==" }] },
    { role: "user", parts: [{ text: "Sure?" }] },
  ],
  tools: [
    { functionDeclarations: [{ name: "look", description: "Looks.", parametersJsonSchema: { type: "object" } }] },
    { googleSearch: {} },
  ],
  toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["look"] }, retrievalConfig: { a: 1 } },
  safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }],
  cachedContent: "cachedContents/x",
  serviceTier: "flex",
  generationConfig: {
    maxOutputTokens: 100,
    temperature: 0.5,
    topP: 0.9,
    topK: 40,
    stopSequences: ["END"],
    seed: 7,
    candidateCount: 2,
    presencePenalty: 1,
    frequencyPenalty: -1,
    responseMimeType: "application/json",
    responseJsonSchema: { type: "object", properties: { a: { type: "string" } } },
    responseLogprobs: true,
    logprobs: 3,
    thinkingConfig: { thinkingLevel: "LOW", includeThoughts: true },
    mediaResolution: "MEDIA_RESOLUTION_LOW",
  },
  somethingNew: { anything: [1, null] },
};

describe("a request that nobody changed", () => {
  test("goes to the provider as it came", () => {
    expect(writeRequest(readRequest(full))).toEqual(full);
  });

  test("any body that is read comes back", () => {
    // Names in snake case come back in camel case, which is the same to Google.
    const anything = fc.jsonValue().filter((value) => !/"[a-z][a-z0-9]*_/.test(JSON.stringify(value)));
    const part = fc.oneof(
      fc.record(
        { text: fc.string(), thought: fc.boolean(), thoughtSignature: fc.string() },
        { requiredKeys: ["text"] },
      ),
      fc.record({ functionCall: fc.record({ name: fc.string(), args: fc.dictionary(fc.string(), fc.jsonValue()) }) }),
      fc.record({
        functionResponse: fc.record({ name: fc.string(), response: fc.dictionary(fc.string(), fc.jsonValue()) }),
      }),
      fc.record({ someNewPart: anything }),
    );
    const content = fc.record({ role: fc.constantFrom("user", "model"), parts: fc.array(part) });
    const body = fc.record(
      {
        systemInstruction: fc.oneof(fc.string(), fc.record({ parts: fc.array(fc.record({ text: fc.string() })) })),
        contents: fc.array(content, { minLength: 1, maxLength: 5 }),
        generationConfig: fc.record(
          { temperature: fc.double({ min: 0, max: 2, noNaN: true }), topK: fc.nat(9), unknownField: anything },
          { requiredKeys: [] },
        ),
        unknownField: fc.constantFrom("x", 1, null),
      },
      { requiredKeys: ["contents"] },
    );
    fc.assert(
      fc.property(body, (sent) => {
        expect(writeRequest(readRequest(sent as JsonObject))).toEqual(sent);
      }),
    );
  });

  test("may be in snake case, which Google takes as well; names of the caller's own stay", () => {
    const read = readRequest({
      system_instruction: { parts: [{ text: "Be brief." }] },
      contents: [
        { role: "user", parts: [{ inline_data: { mime_type: "image/png", data: "AAAA" } }] },
        { role: "model", parts: [{ function_call: { name: "f", args: { some_arg: { in_it: 1 } } } }] },
        { role: "user", parts: [{ function_response: { name: "f", response: { some_result: 1 } } }] },
      ],
      tools: [{ function_declarations: [{ name: "f", parameters: { type: "OBJECT", properties: { some_arg: {} } } }] }],
      tool_config: { function_calling_config: { mode: "auto", allowed_function_names: [] } },
      generation_config: { max_output_tokens: 5, stop_sequences: ["a_b"], thinking_config: { thinking_budget: 9 } },
    });
    expect(read).toMatchObject({ maxOutputTokens: 5, stop: ["a_b"], reasoningBudgetTokens: 9, toolChoice: "auto" });
    expect(read.messages[2]).toMatchObject({
      content: [{ type: "tool-call", argumentsText: '{"some_arg":{"in_it":1}}' }],
    });
    expect(read.tools?.[0]?.parameters).toEqual({ type: "object", properties: { some_arg: {} } });
    expect(JSON.stringify(writeRequest(read))).not.toMatch(/system_instr|inline_data|max_output|thinking_budget/);
  });
});

describe("what a request says is understood", () => {
  const read = readRequest(full);

  test("model and stream are in the address", () => {
    expect(read).toMatchObject({ model: "gemini-3-pro", wantsStream: true, wantsUsage: true });
    expect(gemini.readRequest(full, { model: "x", stream: false }).wantsStream).toBe(false);
  });

  test("messages, with what was streamed in pieces as one", () => {
    expect(read.messages).toEqual([
      {
        role: "system",
        content: [
          { type: "text", text: "Be brief." },
          { type: "text", text: "Rhyme." },
        ],
      },
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image", source: { kind: "base64", mediaType: "image/png", data: "AAAA" } },
          { type: "image", source: { kind: "url", url: "https://example.org/a.png" } },
          { type: "audio", source: { kind: "base64", mediaType: "audio/wav", data: "BBBB" } },
          { type: "file", source: { kind: "base64", mediaType: "application/pdf", data: "CCCC" }, name: "a.pdf" },
          {
            type: "file",
            source: { kind: "file-id", fileId: "https://generativelanguage.googleapis.com/v1beta/files/x" },
          },
          { type: "text", text: "and this" },
        ],
      },
      {
        role: "assistant",
        content: [
          { type: "reasoning", text: "Let me look.", signature: "c2lnbmVk", from: "gemini" },
          { type: "tool-call", kind: "function", callId: "call_0", name: "look", argumentsText: '{"at":1}' },
          { type: "tool-call", kind: "function", callId: "call_1", name: "look", argumentsText: '{"at":2}' },
        ],
      },
      {
        role: "tool",
        content: [
          { type: "tool-result", callId: "call_0", name: "look", content: [{ type: "text", text: "a cat" }] },
          {
            type: "tool-result",
            callId: "call_1",
            name: "look",
            content: [{ type: "text", text: "too dark" }],
            isError: true,
          },
        ],
      },
      {
        role: "assistant",
        content: [
          { type: "text", text: "A cat." },
          { type: "reasoning", text: "", signature: "bGFzdA==", from: "gemini" },
        ],
      },
      user("Sure?"),
    ]);
  });

  test("tools, limits and format", () => {
    const { original: _, messages: __, ...rest } = read;
    expect(rest).toEqual({
      model: "gemini-3-pro",
      tools: [{ kind: "function", name: "look", description: "Looks.", parameters: { type: "object" } }],
      toolChoice: { name: "look" },
      maxOutputTokens: 100,
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      presencePenalty: 1,
      frequencyPenalty: -1,
      stop: ["END"],
      seed: 7,
      choices: 2,
      logprobs: true,
      topLogprobs: 3,
      responseFormat: {
        type: "json-schema",
        name: "response",
        schema: { type: "object", properties: { a: { type: "string" } } },
      },
      reasoningEffort: "low",
      reasoningSummary: "auto",
      serviceTier: "flex",
      untranslatable: [
        "safetySettings",
        "cachedContent",
        "somethingNew",
        "generationConfig.mediaResolution",
        "tool googleSearch",
      ],
      wantsStream: true,
      wantsUsage: true,
    });
  });

  test("a choice among some tools leaves the others out", () => {
    const declarations = ["a", "b", "c"].map((name) => ({ name }));
    const { tools, toolChoice } = readRequest({
      ...full,
      tools: [{ functionDeclarations: declarations }],
      toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["a", "c"] } },
    });
    expect(toolChoice).toBe("required");
    expect(tools?.map(({ name }) => name)).toEqual(["a", "c"]);
  });

  test("Google's own schemas are JSON Schema for everybody else", () => {
    const schema = {
      type: "OBJECT",
      propertyOrdering: ["a"],
      properties: {
        a: { type: "STRING", nullable: true, enum: ["x"], format: "enum" },
        type: { type: "ARRAY", items: { type: "INTEGER", format: "int32" }, minItems: "2" },
        either: { anyOf: [{ type: "NUMBER" }, { type: "BOOLEAN" }], nullable: true },
      },
      required: ["a"],
    };
    const { responseFormat } = readRequest({
      contents: [{ parts: [{ text: "x" }] }],
      generationConfig: { responseMimeType: "application/json", responseSchema: schema },
    });
    expect(responseFormat).toMatchObject({
      schema: {
        type: "object",
        properties: {
          a: { type: ["string", "null"], enum: ["x", null] },
          type: { type: "array", items: { type: "integer", format: "int32" }, minItems: 2 },
          either: { anyOf: [{ anyOf: [{ type: "number" }, { type: "boolean" }] }, { type: "null" }] },
        },
        required: ["a"],
      },
    });
  });
});

describe("a request that was changed on the way", () => {
  const request = readRequest(full);

  test("has the new fields, and everything else as it came", () => {
    const changed: GenerateRequest = { ...request, model: "other", temperature: 1, stop: ["A", "B"] };
    const generationConfig = { ...(full["generationConfig"] as JsonObject), temperature: 1, stopSequences: ["A", "B"] };
    expect(writeRequest(changed)).toEqual({ ...full, generationConfig });
  });

  test("a field that was taken out is gone, tools of Google's own stay", () => {
    const { maxOutputTokens: _, tools: __, toolChoice: ___, ...rest } = request;
    const written = writeRequest(rest);
    expect(written["generationConfig"]).not.toHaveProperty("maxOutputTokens");
    expect(written["tools"]).toEqual([{ googleSearch: {} }]);
    expect(written["toolConfig"]).toEqual({ retrievalConfig: { a: 1 } });
  });

  test("messages that were added stand beside those that were not touched", () => {
    const added: Message = { role: "assistant", content: [{ type: "text", text: "Because" }] };
    const written = writeRequest({ ...request, messages: [...request.messages, added] });
    expect(written["contents"]).toEqual([
      ...(full["contents"] as JsonObject[]),
      { role: "model", parts: [{ text: "Because" }] },
    ]);
    expect(written["systemInstruction"]).toEqual(full["systemInstruction"]);
  });
});

describe("a request that has lost its body", () => {
  test("is written whole", () => {
    const { original: _, untranslatable: __, ...rest } = readRequest(full);
    const messages = rest.messages.filter(({ role }) => role !== "user");
    const body = writeRequest({ ...rest, messages: [...messages, user("Sure?")] });
    const { original: ___, ...again } = readRequest(body);
    expect({ ...again, messages: [] }).toEqual({ ...rest, messages: [] });
    expect(again.messages.slice(0, -1)).toEqual(messages);
  });
});

describe("addresses", () => {
  test.each([
    ["gemini-3-pro", "/models/gemini-3-pro:streamGenerateContent?alt=sse"],
    ["models/gemini-3-pro", "/models/gemini-3-pro:streamGenerateContent?alt=sse"],
    ["tunedModels/my-model", "/tunedModels/my-model:streamGenerateContent?alt=sse"],
    ["a b?c#d", "/models/a%20b%3Fc%23d:streamGenerateContent?alt=sse"],
  ])("%s is asked at %s", (model, path) => {
    expect(gemini.endpoint?.write({ model, messages: [] })).toBe(path);
  });

  test.each(["..", "a/../../x", "", "a//b", "./x"])("a model called %j is no path to somewhere else", (model) => {
    expect(() => gemini.endpoint?.write({ model, messages: [] })).toThrow(HeadraceError);
  });

  test.each([
    ["/v1beta/models/gemini-3-pro:generateContent", "gemini-3-pro", false],
    ["/v1/models/sim/instant:streamGenerateContent", "sim/instant", true],
    ["/v1beta/sim/instant:streamGenerateContent", "sim/instant", true],
    ["/v1beta/models/sim%2Finstant:generateContent", "sim/instant", false],
    ["/v1beta/tunedModels/x:generateContent", "tunedModels/x", false],
    ["/v1/projects/p/locations/l/publishers/google/models/g:generateContent", "g", false],
    ["/v1beta/models/100%:generateContent", "100%", false],
  ])("%s asks for %s", (path, model, stream) => {
    expect(gemini.endpoint?.read(path, {})).toEqual({ model, stream });
  });

  test.each(["/v1beta/models", "/v1beta/models/x", "/v1/chat/completions", "/v1beta/models/x:embedContent"])(
    "%s asks for none",
    (path) => {
      expect(gemini.endpoint?.read(path, {})).toBeUndefined();
    },
  );
});

describe("a request that cannot be right is refused, and the field named", () => {
  const good: JsonObject = { contents: [{ role: "user", parts: [{ text: "x" }] }] };
  test.each([
    [{ contents: undefined }, "contents"],
    [{ contents: [] }, "contents"],
    [{ contents: "hi" }, "contents"],
    [{ contents: ["hi"] }, "contents[0]"],
    [{ contents: [{ role: "robot", parts: [] }] }, "contents[0].role"],
    [{ contents: [{ parts: "x" }] }, "contents[0].parts"],
    [{ contents: [{ parts: [{ text: 5 }] }] }, "contents[0].parts[0].text"],
    [{ contents: [{ parts: [{ inlineData: { data: "x" } }] }] }, "contents[0].parts[0].inlineData.mimeType"],
    [{ contents: [{ parts: [{ functionCall: { args: {} } }] }] }, "contents[0].parts[0].functionCall.name"],
    [{ contents: [{ parts: [{ functionResponse: {} }] }] }, "contents[0].parts[0].functionResponse.name"],
    [{ systemInstruction: 5 }, "systemInstruction"],
    [{ tools: [{ functionDeclarations: [{}] }] }, "tools[0].functionDeclarations[0].name"],
    [
      { toolConfig: { functionCallingConfig: { allowedFunctionNames: "f" } } },
      "toolConfig.functionCallingConfig.allowedFunctionNames",
    ],
    [{ generationConfig: [] }, "generationConfig"],
    [{ generationConfig: { temperature: "hot" } }, "generationConfig.temperature"],
    [{ generationConfig: { maxOutputTokens: 0 } }, "generationConfig.maxOutputTokens"],
    [{ generationConfig: { stopSequences: "END" } }, "generationConfig.stopSequences"],
    [{ generationConfig: { candidateCount: 1000 } }, "generationConfig.candidateCount"],
    [
      { generationConfig: { thinkingConfig: { thinkingBudget: -2 } } },
      "generationConfig.thinkingConfig.thinkingBudget",
    ],
  ])("%j", (change, param) => {
    const refused = () => readRequest({ ...good, ...(change as JsonObject) });
    expect(refused).toThrow(expect.objectContaining({ code: "invalid-request", param }) as Error);
    expect(refused).toThrow(`\`${param}\``);
  });
});
