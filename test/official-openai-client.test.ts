import OpenAI from "openai";
import { describe, expect, test } from "vitest";

import { startGateway } from "./support/gateway.ts";

const messages = [{ role: "user" as const, content: "Why is the sky blue?" }];

async function connect() {
  const { url } = await startGateway();
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
}

describe("the official OpenAI client", () => {
  test("reads the same answer as a stream and as a whole", async () => {
    const openai = await connect();
    const stream = await openai.chat.completions.create({
      model: "sim/instant",
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    const whole = await openai.chat.completions.create({ model: "sim/instant", messages });
    expect(text.length).toBeGreaterThan(100);
    expect(whole.choices[0]?.message.content).toBe(text);
    expect(whole.choices[0]?.finish_reason).toBe("stop");
    expect(whole.usage).toEqual(usage);
  });

  test("gets no usage chunk that it did not ask for", async () => {
    const openai = await connect();
    for await (const chunk of await openai.chat.completions.create({ model: "sim/instant", messages, stream: true })) {
      expect(chunk.choices).toHaveLength(1);
      expect(chunk.usage ?? null).toBeNull();
    }
  });

  test("runs a tool and gets the final answer", async () => {
    const openai = await connect();
    let asked: unknown;
    const runner = openai.chat.completions.runTools({
      model: "sim/instant",
      messages: [{ role: "user", content: "What is the weather in Paris?" }],
      stream: true,
      tools: [
        {
          type: "function",
          function: {
            name: "get_weather",
            description: "Weather of a city",
            parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
            parse: JSON.parse,
            function: (input: { city: string }) => {
              asked = input;
              return "18 degrees and sunny";
            },
          },
        },
      ],
    });
    const final = await runner.finalContent();
    expect(asked).toEqual({ city: expect.any(String) });
    expect(final).toContain("18 degrees");
  });

  test("reads several choices", async () => {
    const openai = await connect();
    const stream = openai.chat.completions.stream({ model: "sim/instant", messages, n: 3 });
    const final = await stream.finalChatCompletion();
    expect(final.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    for (const { message } of final.choices) expect(message.content?.length).toBeGreaterThan(50);
  });

  test("raises its own error classes", async () => {
    const openai = await connect();
    await expect(openai.chat.completions.create({ model: "nobody/nothing", messages })).rejects.toThrow(
      OpenAI.NotFoundError,
    );
    await expect(openai.chat.completions.create({ model: "sim/instant", messages: [] })).rejects.toThrow(
      OpenAI.BadRequestError,
    );
  });

  test("raises when the stream is stopped in the middle, so that nobody takes it for complete", async () => {
    const openai = await connect();
    const { data, response } = await openai.chat.completions
      .create({
        model: "sim/gpt-4o-mini",
        messages: [{ role: "user", content: "Write 500 words about rivers" }],
        stream: true,
      })
      .withResponse();
    const id = response.headers.get("headrace-stream-id");
    let chunks = 0;
    await expect(async () => {
      for await (const _chunk of data) {
        if (++chunks === 3) await fetch(`${openai.baseURL}/streams/${id}`, { method: "DELETE" });
      }
    }).rejects.toThrow(OpenAI.APIError);
    expect(chunks).toBeGreaterThanOrEqual(3);
  });

  test("lists models", async () => {
    const openai = await connect();
    const ids = (await openai.models.list()).data.map(({ id }) => id);
    expect(ids).toContain("sim/gpt-4o");
  });
});
