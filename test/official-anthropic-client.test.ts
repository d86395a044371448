import Anthropic from "@anthropic-ai/sdk";
import { describe, expect, test } from "vitest";
import { createSimulator } from "../src/providers/simulator/simulator.ts";
import { createVirtualClock } from "../src/testing.ts";
import { startGateway } from "./support/gateway.ts";

const messages: Anthropic.MessageParam[] = [{ role: "user", content: "Why is the sky blue?" }];
const weather: Anthropic.Tool = {
  name: "get_weather",
  description: "Weather of a city",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

interface Connection {
  client: Anthropic;
  model: string;
}

/** Who answers: the gateway with a provider of either protocol behind it, or a simulated provider itself. */
const connections: readonly [string, () => Promise<Connection>][] = [
  ["Headrace over a chat provider", async () => connect("sim/instant")],
  ["Headrace over Anthropic", async () => connect("claude/instant")],
  [
    "the simulator itself",
    async () => {
      const fetch = createSimulator({ clock: createVirtualClock() });
      return { client: createClient("http://simulator", fetch), model: "instant" };
    },
  ],
];

async function connect(model: string): Promise<Connection> {
  const fetch = createSimulator({ clock: createVirtualClock() });
  const { url } = await startGateway(
    { providers: { claude: { vendor: "anthropic", apiKey: "none", baseUrl: "http://simulator" } } },
    { fetch },
  );
  return { client: createClient(url), model };
}

function createClient(baseURL: string, fetch?: typeof globalThis.fetch): Anthropic {
  return new Anthropic({ baseURL, apiKey: "none", maxRetries: 0, ...(fetch && { fetch }) });
}

describe.each(connections)("the official Anthropic client, in front of %s,", (_name, open) => {
  test("reads the same answer as a stream and as a whole", async () => {
    const { client, model } = await open();
    const streamed = await client.messages.stream({ model, messages, max_tokens: 2000 }).finalMessage();
    const whole = await client.messages.create({ model, messages, max_tokens: 2000 });
    expect(textOf(whole).length).toBeGreaterThan(100);
    expect(textOf(streamed)).toBe(textOf(whole));
    expect(streamed.stop_reason).toBe("end_turn");
    expect(whole).toMatchObject({ type: "message", role: "assistant", stop_reason: "end_turn" });
    expect(whole.usage.input_tokens).toBeGreaterThan(5);
    expect(streamed.usage).toEqual(whole.usage);
  });

  test("gets the pieces in the order that its protocol has", async () => {
    const { client, model } = await open();
    const types: string[] = [];
    for await (const event of await client.messages.create({ model, messages, max_tokens: 2000, stream: true })) {
      if (types.at(-1) !== event.type) types.push(event.type);
    }
    expect(types).toEqual([
      "message_start",
      "content_block_start",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
  });

  test("runs a tool and gets the final answer", async () => {
    const { client, model } = await open();
    const question: Anthropic.MessageParam = { role: "user", content: "What is the weather in Paris?" };
    const params = { model, max_tokens: 2000, tools: [weather] };
    const asking = await client.messages.stream({ ...params, messages: [question] }).finalMessage();
    expect(asking.stop_reason).toBe("tool_use");
    const call = asking.content.find((block) => block.type === "tool_use");
    expect(call).toMatchObject({ name: "get_weather", input: { city: expect.any(String) } });
    const results: Anthropic.MessageParam = {
      role: "user",
      content: [{ type: "tool_result", tool_use_id: call?.id ?? "", content: "18 degrees and sunny" }],
    };
    const history: Anthropic.MessageParam[] = [question, { role: "assistant", content: asking.content }, results];
    const final = await client.messages.stream({ ...params, messages: history }).finalMessage();
    expect(textOf(final)).toContain("18 degrees");
    expect(final.stop_reason).toBe("end_turn");
  });

  test("gets several calls in blocks of their own, one after the other", async () => {
    const { client, model } = await open();
    const question = "What is the weather in Paris and what is the weather in Rome?";
    const order: string[] = [];
    const stream = client.messages.stream({
      model,
      max_tokens: 2000,
      tools: [weather],
      messages: [{ role: "user", content: question }],
    });
    for await (const event of stream) {
      if (event.type === "content_block_start" || event.type === "content_block_stop") {
        order.push(`${event.type} ${event.index}`);
      }
    }
    expect(order).toEqual([0, 1].flatMap((index) => [`content_block_start ${index}`, `content_block_stop ${index}`]));
    const input = { city: expect.any(String) };
    const { content } = await stream.finalMessage();
    expect(content).toMatchObject([
      { type: "tool_use", input },
      { type: "tool_use", input },
    ]);
  });

  test("is told when the answer is cut at its limit", async () => {
    const { client, model } = await open();
    const { stop_reason, usage } = await client.messages.create({ model, messages, max_tokens: 5 });
    expect(stop_reason).toBe("max_tokens");
    expect(usage.output_tokens).toBe(5);
  });

  test("gets an answer in the schema that it asked for", async () => {
    const { client, model } = await open();
    const schema = { type: "object", properties: { colour: { type: "string" } }, required: ["colour"] };
    const format = { type: "json_schema" as const, schema };
    const whole = await client.messages.create({ model, messages, max_tokens: 2000, output_config: { format } });
    expect(JSON.parse(textOf(whole))).toEqual({ colour: expect.any(String) });
  });

  test("raises its own error classes", async () => {
    const { client } = await open();
    const ask = (change: object) =>
      client.messages.create({ model: "sim/instant", messages, max_tokens: 10, ...change });
    await expect(ask({ model: "nobody" })).rejects.toThrow(Anthropic.NotFoundError);
    await expect(ask({ messages: [] })).rejects.toThrow(Anthropic.BadRequestError);
    await expect(ask({ max_tokens: undefined })).rejects.toMatchObject({ status: 400, type: "invalid_request_error" });
  });
});

describe.each(connections.slice(1))("the official Anthropic client, in front of %s,", (_name, open) => {
  test("sees thoughts with their signature, and can send them back", async () => {
    const { client, model } = await open();
    const thinking = { type: "enabled" as const, budget_tokens: 1024 };
    const question: Anthropic.MessageParam = { role: "user", content: "What is the weather in Paris?" };
    const params = { model, max_tokens: 4000, thinking, tools: [weather] };
    const asking = await client.messages.stream({ ...params, messages: [question] }).finalMessage();
    expect(asking.content.map(({ type }) => type)).toEqual(["thinking", "tool_use"]);
    expect(asking.content[0]).toMatchObject({
      thinking: expect.stringMatching(/\w+ \w+/),
      signature: expect.any(String),
    });
    expect(asking.usage.output_tokens_details?.thinking_tokens).toBeGreaterThan(0);
    const call = asking.content[1] as Anthropic.ToolUseBlock;
    const final = await client.messages
      .stream({
        ...params,
        messages: [
          question,
          { role: "assistant", content: asking.content },
          { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "18 degrees" }] },
        ],
      })
      .finalMessage();
    expect(textOf(final)).toContain("18 degrees");
  });

  test("sees that there were thoughts which it did not want to see", async () => {
    const { client, model } = await open();
    const thinking = { type: "adaptive" as const, display: "omitted" as const };
    const { content } = await client.messages.stream({ model, messages, max_tokens: 4000, thinking }).finalMessage();
    expect(content[0]).toEqual({ type: "thinking", thinking: "", signature: expect.stringMatching(/.{20}/) });
    expect(content[1]?.type).toBe("text");
  });

  test("is told which of its stop sequences it was", async () => {
    const { client, model } = await open();
    const whole = await client.messages.create({ model, messages, max_tokens: 4000 });
    const stop = textOf(whole).slice(30, 36);
    const stopped = await client.messages.create({ model, messages, max_tokens: 4000, stop_sequences: ["@@", stop] });
    expect(stopped).toMatchObject({ stop_reason: "stop_sequence", stop_sequence: stop });
    expect(textOf(whole).startsWith(textOf(stopped) + stop)).toBe(true);
  });

  test("knows the size of its prompt from the beginning", async () => {
    const { client, model } = await open();
    const counts: unknown[] = [];
    for await (const event of await client.messages.create({ model, messages, max_tokens: 50, stream: true })) {
      if (event.type === "message_start") counts.push(event.message.usage.input_tokens);
      if (event.type === "message_delta") counts.push(event.usage.input_tokens);
    }
    expect(counts[0]).toBeGreaterThan(5);
    expect(counts[1]).toBe(counts[0]);
  });
});

test("the official Anthropic client lists models", async () => {
  const { client } = await connect("sim/instant");
  const ids: string[] = [];
  for await (const { id, type } of client.models.list()) ids.push(`${type} ${id}`);
  expect(ids).toContain("model sim/gpt-4o");
});

function textOf({ content }: Anthropic.Message): string {
  return content.map((block) => (block.type === "text" ? block.text : "")).join("");
}
