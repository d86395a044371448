import { describe, expect, test } from "vitest";
import type { JsonObject } from "../src/core/json.ts";
import type { GenerateRequest, Message } from "../src/core/request.ts";
import { gemini } from "../src/protocols/gemini.ts";
import { openaiChat } from "../src/protocols/openai-chat.ts";

/** The body, and what was warned of. */
function write(request: Partial<GenerateRequest>) {
  const warnings: string[] = [];
  const whole: GenerateRequest = { model: "gemini-3-pro", messages: [user("hi")], ...request };
  return { body: gemini.writeRequest(whole, {}, (message) => warnings.push(message)), warnings };
}

const user = (text: string): Message => ({ role: "user", content: [{ type: "text", text }] });

describe("a request that was made elsewhere", () => {
  test("OpenAI's tool round trip has Google's form", () => {
    const chat = openaiChat.readRequest({
      model: "gemini-3-pro",
      messages: [
        { role: "developer", content: "Be brief." },
        { role: "user", content: "Weather?" },
        {
          role: "assistant",
          content: null,
          tool_calls: [
            { id: "call_a", type: "function", function: { name: "get", arguments: '{"city":"Oslo"}' } },
            { id: "call_b", type: "function", function: { name: "get", arguments: "" } },
          ],
        },
        { role: "tool", tool_call_id: "call_a", content: '{"degrees":18}' },
        { role: "tool", tool_call_id: "call_b", content: "unknown" },
      ],
      tools: [{ type: "function", function: { name: "get", parameters: { type: "object", $schema: "x" } } }],
      tool_choice: "required",
      response_format: { type: "json_object" },
    });
    expect(write(chat).body).toEqual({
      systemInstruction: { parts: [{ text: "Be brief." }] },
      contents: [
        { role: "user", parts: [{ text: "Weather?" }] },
        {
          role: "model",
          parts: [
            {
              functionCall: { id: "call_a", name: "get", args: { city: "Oslo" } },
              thoughtSignature: "skip_thought_signature_validator",
            },
            { functionCall: { id: "call_b", name: "get", args: {} } },
          ],
        },
        {
          role: "user",
          parts: [
            { functionResponse: { id: "call_a", name: "get", response: { degrees: 18 } } },
            { functionResponse: { id: "call_b", name: "get", response: { output: "unknown" } } },
          ],
        },
      ],
      tools: [{ functionDeclarations: [{ name: "get", parametersJsonSchema: { type: "object" } }] }],
      toolConfig: { functionCallingConfig: { mode: "ANY" } },
      generationConfig: { responseMimeType: "application/json" },
    });
  });

  test("a signature of Gemini's own goes back to the part it came with, another's is left out and told", () => {
    const call = { type: "tool-call", kind: "function", callId: "a", name: "f", argumentsText: "{}" } as const;
    const turn = (from: "gemini" | "anthropic-messages"): Message => ({
      role: "assistant",
      content: [{ type: "reasoning", text: "Hm", signature: "S", from }, call],
    });
    const functionCall = { id: "a", name: "f", args: {} };
    const own = write({ messages: [user("x"), turn("gemini")] });
    expect(own.warnings).toEqual([]);
    expect((own.body["contents"] as JsonObject[])[1]?.["parts"]).toEqual([
      { text: "Hm", thought: true },
      { functionCall, thoughtSignature: "S" },
    ]);
    const other = write({ messages: [user("x"), turn("anthropic-messages")] });
    expect(other.warnings).toEqual([expect.stringContaining("reasoning")]);
    expect((other.body["contents"] as JsonObject[])[1]?.["parts"]).toEqual([
      { functionCall, thoughtSignature: "skip_thought_signature_validator" },
    ]);
    const older = write({ model: "gemini-2.5-flash", messages: [user("x"), { role: "assistant", content: [call] }] });
    expect((older.body["contents"] as JsonObject[])[1]?.["parts"]).toEqual([{ functionCall }]);
  });

  test.each([
    ["gemini-3-pro", { reasoningEffort: "low" }, { thinkingLevel: "LOW" }, 0],
    ["gemini-3-pro", { reasoningEffort: "none" }, { thinkingLevel: "MINIMAL" }, 1],
    ["gemini-3-pro", { reasoningEffort: "xhigh" }, { thinkingLevel: "HIGH" }, 1],
    ["gemini-2.5-flash", { reasoningEffort: "none" }, { thinkingBudget: 0 }, 0],
    ["gemini-2.5-flash", { reasoningEffort: "medium" }, { thinkingBudget: 8192 }, 0],
    ["gemini-2.5-flash", { reasoningBudgetTokens: 99 }, { thinkingBudget: 99, includeThoughts: true }, 0],
    ["gemini-3-pro", { reasoningSummary: "none" }, { includeThoughts: false }, 0],
  ])("%s with %j is asked for %j", (model, asked, thinkingConfig, warned) => {
    const { body, warnings } = write({ model, ...asked });
    expect(body["generationConfig"]).toEqual({ thinkingConfig });
    expect(warnings).toHaveLength(warned);
  });

  test.each([
    [{ parallelToolCalls: false }, "parallel_tool_calls"],
    [{ verbosity: "low" }, "verbosity"],
    [{ cacheKey: "k" }, "prompt_cache_key"],
    [{ endUser: "u" }, "user"],
    [{ metadata: { a: "b" } }, "metadata"],
    [{ serviceTier: "ultrafast" }, "service_tier"],
    [{ messages: [user("a"), { ...user("b"), role: "system" as const }, user("c")] }, "messages"],
    [
      { messages: [{ role: "user" as const, content: [{ type: "text" as const, text: "x", cache: {} }] }] },
      "messages: cache",
    ],
    [
      {
        messages: [
          {
            role: "user" as const,
            content: [
              { type: "image" as const, detail: "low", source: { kind: "url" as const, url: "https://a/b.png" } },
            ],
          },
        ],
      },
      "messages: `detail`",
    ],
    [{ tools: [{ kind: "function" as const, name: "f", strict: true }] }, "tools: `strict`"],
  ])("%j is told to be left out", (change, field) => {
    const { warnings } = write(change);
    expect(warnings).toEqual([expect.stringMatching(new RegExp(`^${field}`))]);
  });

  test.each([
    [{ tools: [{ kind: "custom", name: "sql" }] }, "tools"],
    [{ messages: [{ role: "user", content: [{ type: "untranslatable", what: "a video" }] }] }, "messages"],
    [
      { messages: [{ role: "user", content: [{ type: "file", source: { kind: "file-id", fileId: "file-1" } }] }] },
      "messages",
    ],
    [
      {
        messages: [
          {
            role: "assistant",
            content: [{ type: "tool-call", kind: "function", callId: "a", name: "f", argumentsText: '{"x":' }],
          },
        ],
      },
      "messages",
    ],
  ])("%j is refused, since it would be another request without it", (change, param) => {
    const refused = () => write(change as Partial<GenerateRequest>);
    expect(refused).toThrow(expect.objectContaining({ code: "invalid-request", param }) as Error);
  });
});
