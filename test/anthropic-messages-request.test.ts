import { describe, expect, test } from "vitest";
import type { JsonObject } from "../src/core/json.ts";
import type { GenerateRequest, Message } from "../src/core/request.ts";
import { anthropicMessages } from "../src/protocols/anthropic-messages.ts";

const { readRequest } = anthropicMessages;

function write(request: GenerateRequest) {
  const warnings: string[] = [];
  const body = anthropicMessages.writeRequest(request, {}, (message) => warnings.push(message));
  return { body, messages: body["messages"] as JsonObject[], warnings };
}

const full: JsonObject = {
  model: "claude-sonnet-4-5",
  max_tokens: 5000,
  system: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral", ttl: "1h" } }],
  messages: [
    {
      role: "user",
      content: [
        { type: "text", text: "What is this?", cache_control: { type: "ephemeral" } },
        { type: "image", source: { type: "url", url: "https://example.org/a.png" } },
        { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
        { type: "document", source: { type: "file", file_id: "file_1" }, title: "Notes", citations: { enabled: true } },
        {
          type: "document",
          source: { type: "text", media_type: "text/plain", data: "Grass is green." },
          title: "Fact",
        },
        { type: "search_result", source: "https://e.org", title: "E", content: [{ type: "text", text: "It is." }] },
        { type: "novelty", whatever: [1] },
      ],
    },
    {
      role: "assistant",
      content: [
        { type: "thinking", thinking: "hm", signature: "SIG" },
        { type: "redacted_thinking", data: "ENC" },
        { type: "text", text: "Let me look." },
        { type: "tool_use", id: "toolu_1", name: "look", input: { at: 1 } },
        { type: "tool_use", id: "toolu_2", name: "look", input: {} },
      ],
    },
    {
      role: "user",
      content: [
        {
          type: "tool_result",
          tool_use_id: "toolu_1",
          content: [
            { type: "text", text: "a cat" },
            { type: "image", source: { type: "base64", media_type: "image/png", data: "BBBB" } },
          ],
        },
        { type: "tool_result", tool_use_id: "toolu_2", content: "no net", is_error: true },
        { type: "text", text: "Well?" },
      ],
    },
    { role: "system", content: "Answer in French." },
    { role: "assistant", content: "C'est" },
  ],
  tools: [
    { name: "look", description: "Looks.", input_schema: { type: "object", properties: {} }, strict: true },
    { type: "web_search_20250305", name: "web_search", max_uses: 3 },
  ],
  tool_choice: { type: "auto", disable_parallel_tool_use: true },
  thinking: { type: "enabled", budget_tokens: 2000 },
  temperature: 1,
  top_p: 0.99,
  top_k: 5,
  stop_sequences: ["END"],
  output_config: { effort: "high", format: { type: "json_schema", schema: { type: "object" } } },
  service_tier: "standard_only",
  metadata: { user_id: "u1" },
  container: "c_1",
  mcp_servers: [{ type: "url", url: "https://example.org/mcp" }],
};

describe("a request that nobody changed", () => {
  test("goes to Anthropic as it came, only as a stream", () => {
    const { body, warnings } = write(readRequest(full));
    expect(body).toEqual({ ...full, stream: true });
    expect(warnings).toEqual([]);
  });

  test("is understood in neutral words", () => {
    const { original: _, messages, ...rest } = readRequest(full);
    expect(rest).toEqual({
      model: "claude-sonnet-4-5",
      maxOutputTokens: 5000,
      tools: [
        {
          kind: "function",
          name: "look",
          description: "Looks.",
          parameters: { type: "object", properties: {} },
          strict: true,
        },
      ],
      toolChoice: "auto",
      parallelToolCalls: false,
      temperature: 1,
      topP: 0.99,
      topK: 5,
      stop: ["END"],
      reasoningEffort: "high",
      reasoningBudgetTokens: 2000,
      reasoningSummary: "auto",
      responseFormat: { type: "json-schema", name: "answer", schema: { type: "object" }, strict: true },
      serviceTier: "default",
      endUser: "u1",
      untranslatable: ["container", "mcp_servers", "tool web_search_20250305"],
      wantsStream: false,
      wantsUsage: true,
    });
    expect(messages.map(({ role }) => role)).toEqual(["system", "user", "assistant", "user", "system", "assistant"]);
    expect(messages[1]?.content.at(-1)).toEqual({ type: "untranslatable", what: "a content block of type novelty" });
    expect(messages[2]?.content.slice(0, 2)).toEqual([
      { type: "reasoning", text: "hm", signature: "SIG", from: "anthropic-messages" },
      { type: "reasoning", text: "", signature: "ENC", from: "anthropic-messages", redacted: true },
    ]);
    expect(messages[3]?.content[1]).toMatchObject({ type: "tool-result", callId: "toolu_2", isError: true });
  });
});

describe("a request that was changed on the way", () => {
  const request = readRequest(full);

  test("has the new model and fields, and everything else as it came", () => {
    const { body } = write({ ...request, model: "claude-opus-4-1", maxOutputTokens: 700, stop: ["A"] });
    expect(body).toEqual({ ...full, stream: true, model: "claude-opus-4-1", max_tokens: 700, stop_sequences: ["A"] });
  });

  test("messages that were added stand beside those that were not touched", () => {
    const added: Message = { role: "user", content: [{ type: "text", text: "Go on." }] };
    const { body, messages } = write({ ...request, messages: [...request.messages, added] });
    expect(body["system"]).toEqual(full["system"]);
    expect(messages).toEqual([
      ...(full["messages"] as JsonObject[]),
      { role: "user", content: [{ type: "text", text: "Go on." }] },
    ]);
  });

  test("thoughts that came from another vendor are taken out, though nothing else is touched", () => {
    const foreign = { type: "thinking", thinking: "hm", signature: "headrace:openai-responses:S" };
    const unsigned = { type: "thinking", thinking: "hm", signature: "" };
    const answer = { role: "assistant", content: [foreign, unsigned, { type: "text", text: "Yes" }] };
    const user = { role: "user", content: "hi" };
    const { messages, warnings } = write(readRequest({ model: "m", max_tokens: 9, messages: [user, answer, user] }));
    expect(messages).toEqual([user, { role: "assistant", content: [{ type: "text", text: "Yes" }] }, user]);
    expect(warnings).toHaveLength(2);
  });
});

describe("a request that cannot be right is refused, and the field named", () => {
  const good: JsonObject = { model: "m", max_tokens: 9, messages: [{ role: "user", content: "x" }] };
  const message = (content: unknown) => ({ messages: [{ role: "user", content }] }) as JsonObject;
  test.each<[JsonObject, string]>([
    [{ model: undefined }, "model"],
    [{ max_tokens: undefined }, "max_tokens"],
    [{ max_tokens: 1.5 }, "max_tokens"],
    [{ messages: [] }, "messages"],
    [{ messages: [{ role: "robot", content: "x" }] }, "messages[0].role"],
    [{ messages: [{ role: "user" }] }, "messages[0].content"],
    [{ system: 5 }, "system"],
    [message([{ type: "text" }]), "messages[0].content[0].text"],
    [message([{ type: "image", source: { type: "carrier-pigeon" } }]), "messages[0].content[0].source.type"],
    [message([{ type: "tool_result" }]), "messages[0].content[0].tool_use_id"],
    [{ tools: [{ input_schema: {} }] }, "tools[0].name"],
    [{ tool_choice: { type: "maybe" } }, "tool_choice.type"],
    [{ tool_choice: { type: "tool" } }, "tool_choice.name"],
    [{ temperature: 1.5 }, "temperature"],
    [{ stop_sequences: "END" }, "stop_sequences"],
    [{ output_config: { format: { type: "yaml" } } }, "output_config.format.type"],
    [{ thinking: { type: "enabled", budget_tokens: "many" } }, "thinking.budget_tokens"],
    [{ stream: "yes" }, "stream"],
  ])("%j", (change, param) => {
    const refused = () => readRequest({ ...good, ...change });
    expect(refused).toThrow(expect.objectContaining({ code: "invalid-request", param }) as Error);
    expect(refused).toThrow(`\`${param}\``);
  });
});
