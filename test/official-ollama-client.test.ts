import { readFileSync } from "node:fs";
import { Ollama, type ChatResponse, type GenerateResponse, type Tool } from "ollama";
import OpenAI from "openai";
import { describe, expect, test } from "vitest";

import { createSimulator } from "../src/providers/simulator/simulator.ts";
import { createVirtualClock } from "../src/testing.ts";
import { all } from "./support/simulator.ts";
import { scriptedModel, startGateway } from "./support/gateway.ts";

const messages = [{ role: "user", content: "Why is the sky blue?" }];
const weather: Tool = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather of a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

/** A gateway whose provider `box` is an Ollama server: the simulator, in Ollama's own protocol. */
async function start(fetch: (url: string, init: RequestInit) => Promise<Response> = simulator()) {
  const { url } = await startGateway({ providers: { box: { vendor: "ollama-native" } } }, { fetch });
  return {
    url,
    ollama: new Ollama({ host: url }),
    openai: new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 }),
  };
}

function simulator(): (url: string, init: RequestInit) => Promise<Response> {
  return createSimulator({ clock: createVirtualClock() });
}

/** A provider that answers every call with the bytes of a fixture. */
function replaying(name: string): () => Promise<Response> {
  const bytes = readFileSync(new URL(`fixtures/${name}.ndjson`, import.meta.url));
  return async () => new Response(bytes, { headers: { "content-type": "application/x-ndjson" } });
}

const textOf = (parts: readonly ChatResponse[]): string => parts.map(({ message }) => message.content).join("");
const clients = {
  "the gateway": async () => (await start()).ollama,
  "the simulator": async () => new Ollama({ host: "http://simulator.local", fetch: simulator() as typeof fetch }),
};
const modelAt = (where: string): string => (where === "the gateway" ? "box/instant" : "instant");

describe.each(Object.entries(clients))("Ollama's own client in front of %s", (where, connect) => {
  const model = modelAt(where);

  test("reads the same chat as a stream and as a whole", async () => {
    const ollama = await connect();
    const parts = await all(await ollama.chat({ model, messages, stream: true }));
    const whole = await ollama.chat({ model, messages });
    expect(parts.length).toBeGreaterThan(20);
    expect(textOf(parts).length).toBeGreaterThan(100);
    expect(whole.message.content).toBe(textOf(parts));
    expect(whole).toMatchObject({ done: true, done_reason: "stop", model: "instant" });
    const last = parts.at(-1) as ChatResponse;
    expect(last).toMatchObject({ done: true, done_reason: "stop", prompt_eval_count: whole.prompt_eval_count });
    expect(last.eval_count).toBe(whole.eval_count);
    expect(parts.filter(({ done }) => done)).toHaveLength(1);
  });

  test("reads the same completion of a prompt as a stream and as a whole", async () => {
    const ollama = await connect();
    const prompt = "Why is the sky blue?";
    const parts: GenerateResponse[] = await all(await ollama.generate({ model, prompt, stream: true }));
    const whole = await ollama.generate({ model, prompt });
    expect(whole.response?.length).toBeGreaterThan(100);
    expect(parts.map(({ response }) => response).join("")).toBe(whole.response);
    expect(parts.at(-1)).toMatchObject({ done: true, eval_count: whole.eval_count });
  });

  test("gets a call with its arguments as an object, and the answer that follows from its result", async () => {
    const ollama = await connect();
    const asked = [{ role: "user", content: "What is the weather in Oslo?" }];
    const parts = await all(await ollama.chat({ model, messages: asked, tools: [weather], stream: true }));
    const call = parts.flatMap(({ message }) => message.tool_calls ?? [])[0];
    expect(call?.function.name).toBe("get_weather");
    expect(call?.function.arguments).toEqual({ city: expect.any(String) });
    const answer = await ollama.chat({
      model,
      messages: [
        ...asked,
        { role: "assistant", content: "", tool_calls: call === undefined ? [] : [call] },
        { role: "tool", tool_name: "get_weather", content: "11 degrees, absorbing" },
      ],
      tools: [weather],
    });
    expect(answer.message.tool_calls).toBeUndefined();
    expect(answer.message.content).toContain("11 degrees");
  });

  test("gets JSON that fits the schema, an answer that is cut at its limit, and thinking apart from text", async () => {
    const ollama = await connect();
    const format = { type: "object", properties: { age: { type: "integer" } }, required: ["age"] };
    const structured = await ollama.chat({ model, messages, format });
    expect(JSON.parse(structured.message.content)).toEqual({ age: expect.any(Number) });
    const short = await ollama.chat({ model, messages, options: { num_predict: 3 } });
    expect(short).toMatchObject({ done_reason: "length", eval_count: 3 });
  });

  test("is told in its own words which model there is not", async () => {
    const ollama = await connect();
    await expect(ollama.chat({ model: `${model}-nope`, messages })).rejects.toMatchObject({
      name: "ResponseError",
      status_code: 404,
    });
  });
});

describe("Ollama's own client", () => {
  test.each(["error-line", "no-done", "cut"])("raises on a stream that breaks: %s", async (name) => {
    const { ollama } = await start(replaying(`ollama-chat/broken/${name}`));
    const stream = await ollama.chat({ model: "box/m", messages, stream: true });
    await expect(all(stream)).rejects.toThrow(/./);
    await expect(ollama.chat({ model: "box/m", messages })).rejects.toMatchObject({ status_code: 502 });
    await expect(all(await ollama.generate({ model: "box/m", prompt: "x", stream: true }))).rejects.toThrow(/./);
  });

  test("gets a provider's refusal as a status, and none of its prose", async () => {
    const refuse = async () => Response.json({ error: "SECRET server busy" }, { status: 503 });
    const { ollama } = await start(refuse);
    const refusal = await ollama.chat({ model: "box/m", messages, stream: true }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ status_code: 503, message: expect.stringContaining("overloaded") });
    expect(String(refusal)).not.toContain("SECRET");
  });

  test("gets from Ollama through the gateway what Ollama sent, durations and times included", async () => {
    const { url } = await start(replaying("ollama-chat/unknown-fields"));
    const body = JSON.stringify({ model: "box/m", messages });
    const response = await fetch(`${url}/api/chat`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    const sent = readFileSync(new URL("fixtures/ollama-chat/unknown-fields.ndjson", import.meta.url), "utf8");
    const parse = (text: string): unknown[] =>
      text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown);
    expect(parse(await response.text())).toEqual(parse(sent));
  });

  test("finds models, versions and what a model can do", async () => {
    const { ollama } = await start();
    const { models } = await ollama.list();
    expect(models.map(({ name }) => name)).toContain("sim/instant");
    expect(new Set(models.map(({ digest }) => digest)).size).toBe(models.length);
    expect(models[0]?.digest).toMatch(/^[0-9a-f]{64}$/);
    expect((await ollama.version()).version).toMatch(/^\d+\.\d+\.\d+$/);
    expect((await ollama.show({ model: "sim/instant" })).capabilities).toContain("completion");
    await expect(ollama.show({ model: "nope" })).rejects.toMatchObject({ status_code: 404 });
  });

  test("can ask for a model to be loaded, which takes no time here", async () => {
    const { ollama } = await start();
    expect(await ollama.generate({ model: "sim/instant", prompt: "" })).toMatchObject({
      done: true,
      done_reason: "load",
    });
    const unload = await ollama.chat({ model: "sim/instant", messages: [], keep_alive: 0 });
    expect(unload).toMatchObject({ done: true, done_reason: "unload" });
    await expect(ollama.generate({ model: "nope", prompt: "" })).rejects.toMatchObject({ status_code: 404 });
  });

  test("reads models of every kind: a provider of OpenAI's protocol, a generator of your own", async () => {
    const { url } = await startGateway({ models: { poet: scriptedModel(["Roses ", "are ", "red"]).model } });
    const ollama = new Ollama({ host: url });
    expect(textOf(await all(await ollama.chat({ model: "poet", messages, stream: true })))).toBe("Roses are red");
    const thoughtful = await ollama.chat({ model: "sim/o4-mini", messages, options: { num_predict: 4 } });
    expect(thoughtful.message.thinking?.length).toBeGreaterThan(0);
    const asked = [{ role: "user", content: "What is the weather in Oslo?" }];
    const call = await ollama.chat({ model: "sim/instant", messages: asked, tools: [weather] });
    expect(call.message.tool_calls?.[0]?.function.arguments).toEqual({ city: expect.any(String) });
  });

  test("aborts the model when it stops reading", async () => {
    const script = scriptedModel(["a", "b"]);
    script.hold(1);
    const { url } = await startGateway({
      models: { poet: script.model },
      reliability: { onDisconnect: "cancel", lingerMs: 0 },
    });
    const ollama = new Ollama({ host: url });
    const stream = await ollama.chat({ model: "poet", messages, stream: true });
    await expect(
      (async () => {
        for await (const { message } of stream) if (message.content === "a") ollama.abort();
      })(),
    ).rejects.toThrow(/abort/i);
    await expect.poll(() => script.aborted).toBe(true);
  });
});

describe("OpenAI's client in front of an Ollama server", () => {
  test("streams a text, with usage", async () => {
    const { openai, ollama } = await start();
    const stream = await openai.chat.completions.create({
      model: "box/instant",
      messages: [{ role: "user", content: "Why is the sky blue?" }],
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await all(stream);
    const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("");
    expect(text).toBe((await ollama.chat({ model: "box/instant", messages })).message.content);
    expect(chunks.at(-1)?.usage?.completion_tokens).toBeGreaterThan(10);
  });

  test("runs a tool and gets the final answer", async () => {
    const { openai } = await start();
    let asked: unknown;
    const runner = openai.chat.completions.runTools({
      model: "box/instant",
      stream: true,
      messages: [{ role: "user", content: "What is the weather in Oslo?" }],
      tools: [
        {
          type: "function",
          function: {
            name: "get_weather",
            description: "The weather of a city",
            parameters: weather.function.parameters as Record<string, unknown>,
            parse: JSON.parse,
            function: (input: unknown) => {
              asked = input;
              return "11 degrees";
            },
          },
        },
      ],
    });
    expect(await runner.finalContent()).toContain("11 degrees");
    expect(asked).toEqual({ city: expect.any(String) });
  });

  test("raises when Ollama breaks off or reports an error", async () => {
    for (const name of ["error-line", "no-done"]) {
      const { openai } = await start(replaying(`ollama-chat/broken/${name}`));
      const request = { model: "box/m", messages: [{ role: "user" as const, content: "x" }] };
      const stream = await openai.chat.completions.create({ ...request, stream: true });
      await expect(all(stream)).rejects.toThrow(OpenAI.APIError);
      await expect(openai.chat.completions.create(request)).rejects.toMatchObject({ status: 502 });
    }
  });
});

describe("a stream of one protocol", () => {
  test("can be followed in Ollama's lines, and one of Ollama's in any other", async () => {
    const { url } = await start();
    const post = (path: string, body: object): Promise<Response> =>
      fetch(url + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    for (const path of ["/api/chat", "/v1/chat/completions"]) {
      const response = await post(path, { model: "box/instant", messages, stream: true });
      await response.text();
      const id = response.headers.get("headrace-stream-id");
      const follow = async (as: string): Promise<string> => (await fetch(`${url}/v1/streams/${id}?as=${as}`)).text();
      const text = await follow("text");
      const lines = (await follow("ollama-generate")).trim().split("\n");
      expect(lines.map((line) => (JSON.parse(line) as GenerateResponse).response).join("")).toBe(text);
      const chat = (await follow("ollama-chat")).trim().split("\n");
      expect(textOf(chat.map((line) => JSON.parse(line) as ChatResponse))).toBe(text);
      expect(await follow("openai-chat")).toContain("[DONE]");
    }
  });

  test("of the AI SDK's own is not taken for one of Ollama's", async () => {
    const { url } = await start();
    const body = JSON.stringify({
      id: "c1",
      trigger: "submit-message",
      messages: [{ id: "m1", role: "user", parts: [{ type: "text", text: "Hi" }] }],
    });
    const response = await fetch(`${url}/api/chat`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    expect(response.headers.get("content-type")).not.toContain("ndjson");
  });
});
