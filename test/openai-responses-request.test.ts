import OpenAI from "openai";
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../src/core/json.ts";
import type { GenerateRequest } from "../src/core/request.ts";
import { openaiChat } from "../src/protocols/openai-chat.ts";
import { openaiResponses } from "../src/protocols/openai-responses.ts";
import { readFixtures } from "./conformance/protocol.ts";
import { startGateway } from "./support/gateway.ts";
import { allEvents } from "./support/responses.ts";

function write(request: GenerateRequest) {
  const warnings: string[] = [];
  const body = openaiResponses.writeRequest(request, {}, (warning) => warnings.push(warning));
  return { body, warnings };
}

const everything: JsonObject = {
  model: "gpt-5",
  instructions: "Be brief.",
  input: [
    { role: "user", content: "Hello" },
    {
      type: "message",
      role: "user",
      content: [
        { type: "input_text", text: "Look:" },
        { type: "input_image", image_url: "data:image/png;base64,AAAA", detail: "low" },
        { type: "input_image", file_id: "file-1", detail: "auto" },
        { type: "input_file", file_url: "https://example.com/a.pdf", filename: "a.pdf" },
        { type: "input_audio", input_audio: { data: "BBBB", format: "wav" } },
        { type: "input_hologram", depth: 3 },
      ],
    },
    { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "Hm" }], encrypted_content: "sealed" },
    { type: "function_call", id: "fc_1", call_id: "call_1", name: "f", arguments: "{}", status: "completed" },
    { type: "custom_tool_call", id: "ctc_1", call_id: "call_2", name: "g", input: "ls" },
    { type: "function_call_output", call_id: "call_1", output: "one" },
    { type: "custom_tool_call_output", call_id: "call_2", output: [{ type: "input_text", text: "two" }] },
    { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "q" } },
    {
      type: "message",
      id: "msg_1",
      role: "assistant",
      status: "completed",
      content: [{ type: "output_text", text: "So.", annotations: [] }],
    },
  ],
  tools: [
    { type: "function", name: "f", parameters: { type: "object" }, strict: true, defer_loading: true },
    { type: "custom", name: "g", format: { type: "text" } },
    { type: "web_search" },
  ],
  tool_choice: { type: "function", name: "f" },
  parallel_tool_calls: false,
  text: { format: { type: "json_object" }, verbosity: "low" },
  reasoning: { effort: "high", summary: "auto", mode: "pro" },
  max_output_tokens: 100,
  metadata: { a: "b" },
  service_tier: "flex",
  prompt_cache_key: "key",
  safety_identifier: "who",
  include: ["reasoning.encrypted_content", "message.output_text.logprobs"],
  top_logprobs: 2,
  temperature: 0.5,
  top_p: 0.9,
  truncation: "auto",
  novelty: { kept: true },
};

describe("a request to a provider of the same protocol", () => {
  test("is the caller's own, but that it is streamed now and here", () => {
    const { body, warnings } = write(openaiResponses.readRequest({ ...everything, background: true, store: true }));
    expect(body).toEqual({ ...everything, store: true, stream: true });
    expect(warnings).toEqual([]);
  });

  test("is changed where something was changed, and nowhere else", () => {
    const read = openaiResponses.readRequest(everything);
    const { body } = write({
      ...read,
      model: "other",
      maxOutputTokens: 5,
      verbosity: "high",
      messages: [...read.messages, { role: "user", content: [{ type: "text", text: "More" }] }],
    });
    expect(body).toEqual({
      ...everything,
      model: "other",
      max_output_tokens: 5,
      text: { format: { type: "json_object" }, verbosity: "high" },
      stream: true,
      input: [
        ...(everything["input"] as JsonObject[]),
        { type: "message", role: "user", content: [{ type: "input_text", text: "More" }] },
      ],
    });
  });

  test("keeps tools that the provider runs itself when others are taken away", () => {
    const read = openaiResponses.readRequest(everything);
    expect(write({ ...read, tools: [] }).body["tools"]).toEqual([{ type: "web_search" }]);
  });
});

describe("a request of this protocol", () => {
  const read = openaiResponses.readRequest(everything);

  test("says the same in neutral words", () => {
    expect(read).toMatchObject({
      model: "gpt-5",
      reasoningEffort: "high",
      reasoningSummary: "auto",
      verbosity: "low",
      maxOutputTokens: 100,
      serviceTier: "flex",
      cacheKey: "key",
      endUser: "who",
      metadata: { a: "b" },
      logprobs: true,
      topLogprobs: 2,
      parallelToolCalls: false,
      toolChoice: { name: "f" },
      responseFormat: { type: "json" },
      tools: [
        { kind: "function", name: "f", strict: true },
        { kind: "custom", name: "g" },
      ],
    });
    expect(read.messages.map(({ role, content }) => [role, ...content.map(({ type }) => type)])).toEqual([
      ["system", "text"],
      ["user", "text"],
      ["user", "text", "image", "image", "file", "audio", "untranslatable"],
      ["assistant", "reasoning", "tool-call", "tool-call"],
      ["tool", "tool-result"],
      ["tool", "tool-result"],
      ["assistant", "untranslatable", "text"],
    ]);
  });

  test("names what only its own providers can do", () => {
    expect(read.untranslatable).toEqual(["tools: a tool of type web_search", "truncation"]);
  });

  test("keeps calls of one turn together, as Chat Completions wants them", () => {
    const { messages } = openaiChat.writeRequest(read, {}, () => {}) as { messages: JsonObject[] };
    expect(messages[3]?.["tool_calls"]).toHaveLength(2);
    expect(messages.slice(4, 6).map((message) => message["tool_call_id"])).toEqual(["call_1", "call_2"]);
  });
});

describe("a request of another protocol", () => {
  test("is said in this one, and nothing is kept for it at the provider", () => {
    const chat = openaiChat.readRequest({
      model: "gpt-5",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: [{ type: "image_url", image_url: { url: "https://example.com/a.png" } }] },
        {
          role: "assistant",
          content: "Let me look.",
          tool_calls: [
            { id: "a", type: "function", function: { name: "f", arguments: "{}" } },
            { id: "b", type: "custom", custom: { name: "g", input: "ls" } },
          ],
        },
        { role: "tool", tool_call_id: "a", content: "one" },
        { role: "tool", tool_call_id: "b", content: "two" },
        { role: "developer", content: "And kind." },
      ],
      tools: [{ type: "function", function: { name: "f", parameters: { type: "object" } } }],
      reasoning_effort: "low",
    });
    expect(write(chat).body).toEqual({
      model: "gpt-5",
      instructions: "Be brief.",
      input: [
        {
          type: "message",
          role: "user",
          content: [{ type: "input_image", image_url: "https://example.com/a.png", detail: "auto" }],
        },
        { type: "message", role: "assistant", content: [{ type: "output_text", text: "Let me look." }] },
        { type: "function_call", call_id: "a", name: "f", arguments: "{}" },
        { type: "custom_tool_call", call_id: "b", name: "g", input: "ls" },
        { type: "function_call_output", call_id: "a", output: "one" },
        { type: "custom_tool_call_output", call_id: "b", output: "two" },
        { type: "message", role: "developer", content: [{ type: "input_text", text: "And kind." }] },
      ],
      tools: [{ type: "function", name: "f", parameters: { type: "object" }, strict: false }],
      reasoning: { effort: "low" },
      include: ["reasoning.encrypted_content"],
      store: false,
      stream: true,
    });
  });

  test("says of everything that it leaves out that it did", () => {
    const request: GenerateRequest = {
      model: "m",
      stop: ["x"],
      seed: 1,
      topK: 2,
      messages: [
        { role: "user", name: "Ann", content: [{ type: "text", text: "Hi", cache: {} }] },
        { role: "assistant", content: [{ type: "reasoning", text: "Hm", signature: "s", from: "openai-chat" }] },
        { role: "user", content: [{ type: "untranslatable", what: "a dance" }] },
      ],
    };
    const { body, warnings } = write(request);
    expect(warnings.map((warning) => warning.split(":")[0])).toEqual([
      "messages",
      "messages",
      "messages",
      "messages",
      "stop",
      "seed",
      "topK",
    ]);
    expect(JSON.stringify(body)).not.toContain("Hm");
  });

  test("for several answers at once is refused", () => {
    expect(() => write({ model: "m", messages: [], choices: 2 })).toThrow("one answer per request");
  });

  test("gives its own reasoning back to the model that made it", () => {
    const part = { type: "reasoning" as const, text: "Hm", signature: "sealed", from: "openai-responses" as const };
    expect(write({ model: "m", messages: [{ role: "assistant", content: [part] }] }).body["input"]).toEqual([
      { type: "reasoning", summary: [{ type: "summary_text", text: "Hm" }], encrypted_content: "sealed" },
    ]);
  });
});

describe("a provider that is called over the Responses API", () => {
  const bodies = new Map(
    readFixtures("openai-responses").map(({ name, bytes }) => [name, new TextDecoder().decode(bytes)]),
  );

  /** A gateway before a provider that answers with these bodies, and what the provider was asked. */
  async function open(...answers: string[]) {
    const asked: JsonObject[] = [];
    const fetch = async (_url: string, init: RequestInit) => {
      asked.push(JSON.parse(init.body as string) as JsonObject);
      return new Response(bodies.get(answers[asked.length - 1] ?? ""), {
        headers: { "content-type": "text/event-stream" },
      });
    };
    const providers = { box: { vendor: "openai-responses", apiKey: "none" } };
    const { url } = await startGateway({ providers }, { fetch });
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
    return { client, asked };
  }

  test("is passed on event by event, under an id that can be asked for here", async () => {
    const { client, asked } = await open("web-search");
    const stream = await client.responses.create({
      model: "box/gpt-5",
      input: "Hi",
      stream: true,
      background: true,
      tools: [{ type: "web_search" }],
    });
    const events = await allEvents(stream);
    expect(events.map(({ type }) => type)).toContain("response.web_search_call.searching");
    const created = events[0] as OpenAI.Responses.ResponseCreatedEvent;
    expect(created.response.id).not.toBe("resp_test");
    const kept = await client.responses.retrieve(created.response.id);
    expect(kept).toMatchObject({ status: "completed", background: true, store: true });
    expect(kept.output.map(({ type }) => type)).toEqual(["web_search_call", "message"]);
    expect(asked[0]).toEqual({ model: "gpt-5", input: "Hi", stream: true, tools: [{ type: "web_search" }] });
  });

  test("is given its own reasoning again when a conversation goes on", async () => {
    const { client, asked } = await open("reasoning-encrypted", "plain");
    const one = await client.responses.create({ model: "box/gpt-5", input: "A" });
    expect(one.output[0]).toMatchObject({ type: "reasoning", encrypted_content: "gAAAAABo-final==" });
    await client.responses.create({ model: "box/gpt-5", input: "B", previous_response_id: one.id });
    expect(asked[1]).not.toHaveProperty("previous_response_id");
    expect(asked[1]?.["input"]).toMatchObject([
      { role: "user", content: "A" },
      { type: "reasoning", encrypted_content: "gAAAAABo-final==" },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "Done." }] },
      { role: "user", content: "B" },
    ]);
  });

  test("serves clients of Chat Completions, with its calls and token counts", async () => {
    const { client } = await open("tools-parallel");
    const answer = await client.chat.completions.create({
      model: "box/gpt-5",
      messages: [{ role: "user", content: "A" }],
    });
    expect(answer.choices[0]).toMatchObject({ finish_reason: "tool_calls", message: { tool_calls: [{}, {}] } });
    expect(answer.usage).toMatchObject({ prompt_tokens: 12, completion_tokens: 7 });
  });
});
