import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { LanguageModel } from "ai";
import {
  APICallError,
  generateObject,
  generateText,
  jsonSchema,
  Output,
  stepCountIs,
  streamObject,
  streamText,
  tool,
} from "ai";
import { describe, expect, test } from "vitest";

import type { UserModel } from "../src/index.ts";
import { scriptedModel, startGateway } from "./support/gateway.ts";
import { all } from "./support/simulator.ts";

// `generateObject` and `streamObject` are on their way out, and say so.
globalThis.AI_SDK_LOG_WARNINGS = false;

/** The AI SDK's providers that can point at a gateway, and how they do it. */
const providers: Record<string, (url: string, model: string) => LanguageModel> = {
  "@ai-sdk/openai with chat": (url, model) => createOpenAI({ baseURL: `${url}/v1`, apiKey: "none" }).chat(model),
  "@ai-sdk/openai with responses": (url, model) => createOpenAI({ baseURL: `${url}/v1`, apiKey: "none" })(model),
  "@ai-sdk/anthropic": (url, model) => createAnthropic({ baseURL: `${url}/v1`, apiKey: "none" })(model),
  "@ai-sdk/google": (url, model) => createGoogle({ baseURL: `${url}/v1beta`, apiKey: "none" })(model),
  "@ai-sdk/openai-compatible": (url, model) =>
    createOpenAICompatible({
      baseURL: `${url}/v1`,
      name: "headrace",
      includeUsage: true,
      supportsStructuredOutputs: true,
    })(model),
};

/** OpenAI's own chat has no reasoning to read, so its provider does not look for any. */
const showsReasoning = (name: string): boolean => name !== "@ai-sdk/openai with chat";

const prompt = "Why is the sky blue?";
const maxRetries = 0;

const city = jsonSchema<{ city: string }>({
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
});

/** A tool that notes what it was asked, and an answer that needs it. */
function weather() {
  const asked: string[] = [];
  const get_weather = tool({
    description: "Weather of a city",
    inputSchema: city,
    execute: async (input) => {
      asked.push(input.city);
      return "18 degrees and sunny";
    },
  });
  return { asked, prompt: "What is the weather in Paris?", tools: { get_weather }, stopWhen: stepCountIs(4) };
}

describe.each(Object.entries(providers))("the AI SDK through %s", (name, provider) => {
  async function connect(model?: UserModel) {
    const { url, headrace } = await startGateway(model === undefined ? {} : { models: { poet: model } });
    return { url, headrace, model: provider(url, model === undefined ? "sim/instant" : "poet") };
  }

  /** What streamText hands on of a stream: its text, and the error that it raised. */
  async function read(model: LanguageModel, onText: (text: string) => unknown = () => {}) {
    const errors: unknown[] = [];
    const result = streamText({ model, prompt, maxRetries, onError: ({ error }) => void errors.push(error) });
    let text = "";
    for await (const part of result.stream) {
      if (part.type !== "text-delta") continue;
      text += part.text;
      await onText(text);
    }
    return { text, errors, finishReason: result.finishReason };
  }

  test("streams and generates the same text, with usage", async () => {
    const { model } = await connect();
    const result = streamText({ model, prompt });
    const text = await result.text;
    expect(text.length).toBeGreaterThan(100);
    expect(await result.finishReason).toBe("stop");
    const whole = await generateText({ model, prompt });
    expect(whole.text).toBe(text);
    expect(whole.usage.outputTokens).toBeGreaterThan(10);
    expect((await result.usage).outputTokens).toBe(whole.usage.outputTokens);
  });

  test("shows reasoning apart from the answer, or not at all", async () => {
    const { model } = await connect(async function* () {
      yield { type: "reasoning-delta", text: "Let me think." };
      yield "Blue.";
    });
    const result = streamText({ model, prompt });
    expect(await result.text).toBe("Blue.");
    expect(await result.reasoningText).toBe(showsReasoning(name) ? "Let me think." : undefined);
  });

  test("runs tools in as many steps as the model needs", async () => {
    const { model } = await connect();
    const streamed = weather();
    const result = streamText({ model, ...streamed });
    expect(await result.text).toContain("18 degrees");
    expect(streamed.asked).toHaveLength(1);
    expect(await result.steps).toHaveLength(2);
    const generated = weather();
    const whole = await generateText({ model, ...generated });
    expect(whole.text).toContain("18 degrees");
    expect(generated.asked).toEqual(streamed.asked);
    expect(whole.steps.map(({ finishReason }) => finishReason)).toEqual(["tool-calls", "stop"]);
  });

  test("gets objects of a schema, in one piece and as they grow", async () => {
    const { model } = await connect();
    const output = Output.object({ schema: city });
    const { object } = await generateObject({ model, schema: city, prompt: "Name a city" });
    expect(object).toEqual({ city: expect.any(String) as string });
    expect((await generateText({ model, output, prompt: "Name a city" })).output).toEqual(object);
    for (const pieces of [
      streamObject({ model, schema: city, prompt: "Name a city" }).partialObjectStream,
      streamText({ model, output, prompt: "Name a city" }).partialOutputStream,
    ]) {
      const states = await all<object>(pieces);
      expect(states.length).toBeGreaterThan(1);
      expect(states.at(-1)).toEqual(object);
    }
  });

  test("raises when the model fails in mid-answer", async () => {
    const { model } = await connect(async function* () {
      yield "Half an";
      throw new Error("SECRET");
    });
    const { text, errors, finishReason } = await read(model);
    expect(text).toBe("Half an");
    expect(errors.length).toBeGreaterThan(0);
    expect(JSON.stringify(errors)).not.toContain("SECRET");
    await expect(Promise.resolve(finishReason)).resolves.not.toBe("stop");
  });

  test("raises when the answer is stopped in the middle", async () => {
    const script = scriptedModel(["The ", "quick ", "fox"]);
    script.hold(2);
    const { url, model } = await connect(script.model);
    const { errors } = await read(model, async (text) => {
      if (!text.endsWith("quick ")) return;
      const { data } = (await (await fetch(`${url}/v1/streams`)).json()) as { data: { id: string }[] };
      await fetch(`${url}/v1/streams/${data[0]?.id}`, { method: "DELETE" });
    });
    expect(errors.length).toBeGreaterThan(0);
  });

  test("raises when the connection is cut", async () => {
    const script = scriptedModel(["The ", "quick ", "fox"]);
    script.hold(2);
    const { url, close } = await startGateway({ models: { poet: script.model } });
    const { errors } = await read(provider(url, "poet"), (text) => (text.endsWith("quick ") ? close() : undefined));
    expect(errors.length).toBeGreaterThan(0);
  });

  test("raises the gateway's own words when the model does not exist", async () => {
    const { url } = await startGateway();
    const error: unknown = await generateText({ model: provider(url, "nobody/nothing"), prompt, maxRetries }).catch(
      (error_: unknown) => error_,
    );
    expect(APICallError.isInstance(error) && error.statusCode).toBe(404);
    expect((error as Error).message).toContain("nobody/nothing");
  });
});
