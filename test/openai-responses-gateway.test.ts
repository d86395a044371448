import OpenAI from "openai";
import { describe, expect, test } from "vitest";

import { createSimulator } from "../src/providers/simulator/simulator.ts";
import { createVirtualClock } from "../src/testing.ts";
import { allFrames, eventually, readFrames, scriptedModel } from "./support/gateway.ts";
import { allEvents as all, instant as model, openResponses as open } from "./support/responses.ts";

const withoutFrame = (frame: string): unknown => JSON.parse(frame.slice(frame.indexOf("data: ") + 6));
const weather = {
  type: "function" as const,
  name: "get_weather",
  strict: true,
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  },
};
describe("the official client", () => {
  test("gets a whole response from a provider of another protocol", async () => {
    const { client } = await open();
    const response = await client.responses.create({ model, input: "Why is the sky blue?", metadata: { a: "b" } });
    expect(response).toMatchObject({ status: "completed", store: true, metadata: { a: "b" }, model: "instant" });
    expect(response.output_text).toContain("Rayleigh");
    expect(response.usage?.output_tokens).toBeGreaterThan(10);
  });

  test("reads a stream whose events are numbered without gaps", async () => {
    const { client } = await open();
    const events = await all(await client.responses.create({ model, input: "Why is the sky blue?", stream: true }));
    expect(events.map((event) => event.sequence_number)).toEqual([...events.keys()]);
    expect(events[0]?.type).toBe("response.created");
    expect(events.at(-1)?.type).toBe("response.completed");
  });

  test("goes through a tool with its stream helper", async () => {
    const { client } = await open();
    const first = client.responses.stream({ model, input: "What is the weather in Paris?", tools: [weather] });
    const asked = await first.finalResponse();
    const call = asked.output.find((item) => item.type === "function_call");
    expect(call).toMatchObject({ name: "get_weather", status: "completed", parsed_arguments: { city: "Paris" } });
    const second = client.responses.stream({
      model,
      previous_response_id: asked.id,
      input: [{ type: "function_call_output", call_id: call?.call_id ?? "", output: '{"degrees": 21}' }],
      tools: [weather],
    });
    const answer = await second.finalResponse();
    expect(answer.status).toBe("completed");
    expect(answer.output_text).toContain("21");
  });

  test("gets structured output that its helper can parse", async () => {
    const { client } = await open();
    const format = {
      type: "json_schema" as const,
      name: "answer",
      strict: true,
      schema: {
        type: "object",
        properties: { city: { type: "string" }, population: { type: "integer" } },
        required: ["city", "population"],
        additionalProperties: false,
      },
    };
    const response = await client.responses.create({ model, input: "The capital of France?", text: { format } });
    expect(JSON.parse(response.output_text)).toMatchObject({ city: expect.any(String) });
    expect(response.text?.format).toEqual(format);
  });

  test("speaks to the simulator itself in the same words", async () => {
    const simulator = createSimulator({ clock: createVirtualClock() });
    const client = new OpenAI({
      baseURL: "http://simulator.local/v1",
      apiKey: "none",
      maxRetries: 0,
      fetch: simulator,
    });
    const whole = await client.responses.create({ model: "instant", input: "Why is the sky blue?" });
    const streamed = await client.responses.stream({ model: "instant", input: "Why is the sky blue?" }).finalResponse();
    expect(streamed.output_text).toBe(whole.output_text);
    expect(streamed.id).toBe(whole.id);
  });
});

describe("a response that was started", () => {
  test("can be fetched while it is written, and when it is done", async () => {
    const script = scriptedModel(["One", " two"]);
    const goOn = script.hold(1);
    const { client } = await open({ models: { poet: script.model } });
    const started = await client.responses.create({ model: "poet", input: "Hi", background: true });
    expect(["queued", "in_progress"]).toContain(started.status);
    expect(started.background).toBe(true);
    await eventually(async () => (await client.responses.retrieve(started.id)).output.length > 0);
    const running = await client.responses.retrieve(started.id);
    expect(running).toMatchObject({ id: started.id, status: "in_progress", output_text: "One" });
    goOn();
    await eventually(async () => (await client.responses.retrieve(started.id)).status === "completed");
    expect((await client.responses.retrieve(started.id)).output_text).toBe("One two");
  });

  test("in the background goes on when its creator leaves", async () => {
    const script = scriptedModel(["One", " two"]);
    const goOn = script.hold(1);
    const { client } = await open({
      models: { poet: script.model },
      reliability: { onDisconnect: "cancel", lingerMs: 0 },
    });
    const stream = await client.responses.create({ model: "poet", input: "Hi", background: true, stream: true });
    let id = "";
    let last = -1;
    for await (const event of stream) {
      if ("response" in event) id = event.response.id;
      last = event.sequence_number;
      if (event.type === "response.output_text.delta") break;
    }
    goOn();
    const rest = await all(await client.responses.retrieve(id, { stream: true, starting_after: last }));
    expect(rest[0]?.sequence_number).toBe(last + 1);
    expect(rest.at(-1)).toMatchObject({ type: "response.completed", response: { id, output: [{ type: "message" }] } });
    expect(script.aborted).toBe(false);
  });

  test.each(["What is the weather in Paris?", "Hello"])(
    "read after any number gives exactly the rest: %s",
    async (input) => {
      const { client, url } = await open();
      const { id } = await client.responses.create({ model, input, tools: [weather] });
      const read = async (query: string) =>
        (await allFrames(await fetch(`${url}/v1/responses/${id}?stream=true${query}`))).filter(
          (frame) => !frame.includes("[DONE]"),
        );
      const whole = await read("");
      expect(whole.length).toBeGreaterThan(8);
      for (const [number] of whole.entries()) {
        expect(await read(`&starting_after=${number}`)).toEqual(whole.slice(number + 1));
      }
    },
  );

  test("read after any number while it is written gives the same rest", async () => {
    const script = scriptedModel(["One", " two", " three"]);
    const goOn = script.hold(2);
    const { client, url } = await open({ models: { poet: script.model } });
    const { id } = await client.responses.create({ model: "poet", input: "Hi", background: true });
    await eventually(async () => (await client.responses.retrieve(id)).output_text === "One two");
    const readers = await Promise.all(
      [0, 1, 2, 3, 4, 5].map((number) => fetch(`${url}/v1/responses/${id}?stream=true&starting_after=${number}`)),
    );
    goOn();
    const whole = await allFrames(await fetch(`${url}/v1/responses/${id}?stream=true`));
    for (const [number, response] of readers.entries()) {
      expect(await allFrames(response)).toEqual(whole.slice(number + 1));
    }
  });

  test("cannot be read after a number that it has not reached", async () => {
    const { client } = await open();
    const { id } = await client.responses.create({ model, input: "Hello" });
    await expect(client.responses.retrieve(id, { stream: true, starting_after: 9_999 })).rejects.toMatchObject({
      status: 400,
      param: "starting_after",
    });
  });

  test("can be resumed with the client's own helper", async () => {
    const { client } = await open();
    const { id, output_text: text } = await client.responses.create({ model, input: "Hello" });
    const resumed = client.responses.stream({ response_id: id, starting_after: 3 });
    const numbers: number[] = [];
    for await (const event of resumed) numbers.push(event.sequence_number);
    expect(numbers[0]).toBe(4);
    expect((await resumed.finalResponse()).output_text).toBe(text);
  });

  test("can be cancelled, more than once, and never looks complete", async () => {
    const script = scriptedModel(["One", " two"]);
    script.hold(1);
    const { client, url } = await open({ models: { poet: script.model } });
    const { id } = await client.responses.create({ model: "poet", input: "Hi", background: true });
    await eventually(async () => (await client.responses.retrieve(id)).output_text === "One");
    const following = client.responses
      .retrieve(id, { stream: true })
      .then(all)
      .then(
        () => "it looked complete",
        (error: unknown) => String(error),
      );
    expect(await client.responses.cancel(id)).toMatchObject({
      id,
      status: "cancelled",
      output: [{ status: "incomplete", content: [{ text: "One" }] }],
    });
    expect(await client.responses.cancel(id)).toMatchObject({ id, status: "cancelled" });
    expect(await following).toContain("stopped");
    expect((await client.responses.retrieve(id)).status).toBe("cancelled");
    const frames = await allFrames(await fetch(`${url}/v1/responses/${id}?stream=true`));
    expect(frames.join("")).not.toMatch(/response\.completed|\[DONE\]/);
  });

  test("can be deleted, and is gone then", async () => {
    const { client } = await open();
    const { id } = await client.responses.create({ model, input: "Hello" });
    await client.responses.delete(id);
    await expect(client.responses.retrieve(id)).rejects.toMatchObject({ status: 404 });
    await expect(client.responses.delete(id)).rejects.toMatchObject({ status: 404 });
  });

  test("is followed in any protocol under its stream's id, and a chat as a response", async () => {
    const { client, url } = await open();
    const { id, output_text: text } = await client.responses.create({ model, input: "Hello" });
    const asText = await fetch(`${url}/v1/streams/st_${id.slice(5)}?as=text`);
    expect(await asText.text()).toBe(text);
    const chat = await client.chat.completions
      .create({ model, messages: [{ role: "user", content: "Hello" }], stream: true })
      .withResponse();
    const streamId = chat.response.headers.get("headrace-stream-id");
    const frames = await allFrames(await fetch(`${url}/v1/streams/${streamId}?as=openai-responses`));
    expect(frames[0]).not.toContain("id: st_");
    expect(withoutFrame(frames.at(-2) ?? "")).toMatchObject({
      type: "response.completed",
      response: { id: `resp_${streamId?.slice(3)}` },
    });
  });
});

describe("what cannot be done is said", () => {
  test.each([
    [{ input: [{ type: "item_reference", id: "msg_1" }] }, "input[0].type"],
    [{ input: "Hi", conversation: "conv_1" }, "conversation"],
    [{ input: [] }, "input"],
    [{ input: 5 }, "input"],
    [{}, "input"],
    [{ input: [{ role: "wizard", content: "Hi" }] }, "input[0].role"],
    [{ input: [{ type: "function_call_output", output: "x" }] }, "input[0].call_id"],
    [{ input: "Hi", tools: [{ type: "function" }] }, "tools[0].name"],
    [{ input: "Hi", max_output_tokens: 0 }, "max_output_tokens"],
    [{ input: "Hi", store: "no" }, "store"],
  ])("%j", async (body, param) => {
    const { client } = await open();
    const asked = client.responses.create({ model, ...body } as OpenAI.Responses.ResponseCreateParamsNonStreaming);
    await expect(asked).rejects.toMatchObject({ status: 400, param });
  });
});

describe("a stream that breaks", () => {
  const failing = async function* () {
    yield "One";
    throw new Error("boom");
  };

  test("makes the client raise, streamed or not, and is stored as failed", async () => {
    const { client, url } = await open({ models: { failing } });
    await expect(client.responses.create({ model: "failing", input: "Hi" })).rejects.toMatchObject({ status: 500 });
    const asked = client.responses.create({ model: "failing", input: "Hi", stream: true }).then(all);
    await expect(asked).rejects.toThrow("Headrace failed unexpectedly");
    await expect(client.responses.stream({ model: "failing", input: "Hi" }).finalResponse()).rejects.toThrow(
      "Headrace failed",
    );
    const raw = await fetch(`${url}/v1/responses`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "failing", input: "Hi", stream: true }),
    });
    const frames: string[] = [];
    for await (const frame of readFrames(raw)) frames.push(frame);
    expect(frames.slice(-2).map((frame) => frame.split("\n")[0])).toEqual(["event: error", "event: response.failed"]);
    const { response } = withoutFrame(frames.at(-1) ?? "") as { response: { id: string } };
    expect(await client.responses.retrieve(response.id)).toMatchObject({
      status: "failed",
      output_text: "One",
      error: { code: "server_error" },
    });
  });
});
