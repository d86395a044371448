import type { ServerResponse } from "node:http";

import OpenAI from "openai";
import { describe, expect, test } from "vitest";

import { createSimulator } from "../src/providers/simulator/simulator.ts";
import { createVirtualClock } from "../src/testing.ts";
import { eventually, scriptedModel, startGateway } from "./support/gateway.ts";
import { json, startWithProvider } from "./support/passing-provider.ts";
import { all } from "./support/simulator.ts";

describe("what is passed through", () => {
  test("arrives as it was, with the provider's key and its own model name, and comes back byte for byte", async () => {
    const answer = '{ "object":"list",\n "data":[],"model":"embed-1","usage":{"prompt_tokens":1},"odd":1.50 }';
    const { post, received } = await startWithProvider((_request, response) => json(response, 200, answer));
    const body = { model: "box/embed-1", input: ["a"], encoding_format: "base64", new_field: { x: [1] } };
    const response = await post("/v1/embeddings", { ...body, headrace: { onDisconnect: "cancel" } });
    expect(await response.text()).toBe(answer);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("x-request-id")).toMatch(/^req_/);
    expect(received[0]).toMatchObject({
      path: "/v1/embeddings",
      headers: { authorization: "Bearer sk-SECRET", "x-team": "blue" },
      body: { ...body, model: "embed-1" },
    });
    expect(received[0]?.body["headrace"]).toBeUndefined();
  });

  test("is found by a route's name, too", async () => {
    const { post, received } = await startWithProvider((_request, response) => json(response, 200, "{}"));
    expect((await post("/v1/embeddings", { model: "find", input: "a" })).status).toBe(200);
    expect(received[0]?.body["model"]).toBe("embed-1");
  });

  test("reaches Azure's deployments at their own address, with the key where Azure wants it", async () => {
    const { received, baseUrl } = await startWithProvider((_request, response) => json(response, 200, "{}"));
    const azure = { vendor: "azure-openai-deployments", baseUrl: baseUrl.replace("/v1", ""), apiKey: "k" };
    const { url } = await startGateway({ providers: { azure: { ...azure, apiVersion: "2024-10-21" } } });
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
    await openai.embeddings.create({ model: "azure/my embeddings", input: "x", encoding_format: "float" });
    expect(received[0]).toMatchObject({
      path: "/openai/deployments/my%20embeddings/embeddings?api-version=2024-10-21",
      headers: { "api-key": "k" },
    });
  });

  test("streams as the provider streams: each piece when it comes, to the last byte", async () => {
    const first = 'data: {"choices":[{"text":"a","index":0}],  "odd":1}\r\n\r\n: a comment\n\n';
    const rest = "data: [DONE]\n\n";
    let goOn = (): void => {};
    const { post } = await startWithProvider((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
      response.write(first);
      goOn = () => response.end(rest);
    });
    const response = await post("/v1/completions", { model: "box/m", prompt: "x", stream: true });
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    let text = "";
    for await (const bytes of response.body ?? []) {
      text += new TextDecoder().decode(bytes);
      if (text === first) goOn();
    }
    expect(text).toBe(first + rest);
  });

  test("is visibly broken when the provider's connection breaks", async () => {
    const { post } = await startWithProvider((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: {}\n\n", () => response.destroy());
    });
    const response = await post("/v1/completions", { model: "box/m", prompt: "x", stream: true });
    await expect(response.text()).rejects.toThrow(/terminated/);
  });

  test("stops at the provider when the client goes away, before the answer and within it", async () => {
    let gone = 0;
    const { post, received } = await startWithProvider((_request, response) => {
      response.on("close", () => gone++);
      if (received.length === 1) return;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: {}\n\n");
    });
    const ask = (signal: AbortSignal): Promise<Response> =>
      post("/v1/completions", { model: "box/m", prompt: "x" }, { signal });
    const impatient = new AbortController();
    const unanswered = ask(impatient.signal);
    await eventually(() => received.length === 1, "the provider's first call");
    impatient.abort();
    await expect(unanswered).rejects.toThrow(/abort/);
    await eventually(() => gone === 1, "the end of the first call");
    const leaving = new AbortController();
    expect((await ask(leaving.signal)).status).toBe(200);
    leaving.abort();
    await eventually(() => gone === 2, "the end of the second call");
  });
});

describe("a refusal that is passed through", () => {
  test.each([
    [401, '{"error":{"message":"SECRET sk-SECRET is wrong","code":"invalid_api_key"}}', 502, "provider_auth", 1],
    [429, '{"error":{"message":"SECRET","code":"rate_limit_exceeded"}}', 503, "provider_rate_limited", 1],
    [404, '{"error":{"message":"SECRET","code":"model_not_found"}}', 404, "model_not_found", 1],
    [400, '{"error":{"message":"SECRET","param":"input","type":"invalid_request_error"}}', 400, "provider_rejected", 1],
    [500, "<html>SECRET</html>", 502, "provider_error", 1],
  ])("a provider's %i has our shape and none of its words", async (status, body, expected, code, calls) => {
    const { post, received } = await startWithProvider((_request, response) =>
      json(response, status, body, { "retry-after": "30" }),
    );
    const response = await post("/v1/embeddings", { model: "box/m", input: "x" });
    expect(response.status).toBe(expected);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ error: { code, message: expect.any(String) } });
    expect(text).not.toContain("SECRET");
    expect(["30", ...(expected < 500 ? [null] : [])]).toContain(response.headers.get("retry-after"));
    // Where it made sense it was tried again here.
    expect(response.headers.get("x-should-retry")).toBe(expected >= 500 ? "false" : null);
    expect(received).toHaveLength(calls);
  });

  test("a page where JSON was expected is an error", async () => {
    const { post } = await startWithProvider((_request, response) =>
      json(response, 200, "<html>SECRET</html>", { "content-type": "text/html" }),
    );
    const response = await post("/v1/embeddings", { model: "box/m", input: "x" });
    expect(response.status).toBe(502);
    expect(await response.text()).not.toContain("SECRET");
  });

  test("a model whose provider has no such thing is told apart from one that there is not", async () => {
    const { post } = await startWithProvider((_request, response) => json(response, 200, "{}"), {
      models: { poet: scriptedModel(["a"]).model },
      providers: {
        claude: { vendor: "anthropic", apiKey: "k" },
        box: { vendor: "openai-compatible", baseUrl: "http://127.0.0.1:9/v1" },
      },
      routes: {},
    });
    for (const model of ["poet", "claude/claude-x"]) {
      const response = await post("/v1/embeddings", { model, input: "x" });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        error: { param: "model", message: expect.stringMatching(/has no \/embeddings; .*box\/\.\.\., sim\/\.\.\./) },
      });
    }
    expect((await post("/v1/embeddings", { model: "nope", input: "x" })).status).toBe(404);
    expect((await post("/v1/embeddings", { input: "x" })).status).toBe(400);
  });

  test("a provider that never answers is given up after the longest time that a call may take", async () => {
    const clock = createVirtualClock();
    const { post, received } = await startWithProvider(() => {}, {}, { clock });
    const asked = post("/v1/embeddings", { model: "box/m", input: "x" });
    await eventually(() => received.length === 1, "the provider's call");
    await clock.advance(900_000);
    const response = await asked;
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ error: { code: "total_timeout" } });
  });

  test("more calls of one key than allowed are refused until one has ended", async () => {
    const waiting: ServerResponse[] = [];
    const key = "ann-key-0123456789";
    const { post, received } = await startWithProvider((_request, response) => waiting.push(response), {
      access: { keys: [{ name: "ann", key }] },
      limits: { streamsPerKey: 1 },
    });
    const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
    const ask = () => post("/v1/embeddings", { model: "box/m", input: "x" }, { headers });
    const first = ask();
    await eventually(() => received.length === 1, "the provider's call");
    expect((await ask()).status).toBe(429);
    json(waiting[0] as ServerResponse, 200, "{}");
    await (await first).text();
    const third = ask();
    await eventually(() => waiting.length === 2, "the next call");
    json(waiting[1] as ServerResponse, 200, "{}");
    expect((await third).status).toBe(200);
    expect((await post("/v1/embeddings", { model: "box/m", input: "x" })).status).toBe(401);
  });
});

describe.each(["the gateway", "the simulator"])("OpenAI's own client in front of %s", (where) => {
  const prefix = where === "the gateway" ? "sim/" : "";
  const connect = async (): Promise<OpenAI> => {
    if (where === "the gateway") {
      const { url } = await startGateway();
      return new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
    }
    const fetch = createSimulator({ clock: createVirtualClock() });
    return new OpenAI({ baseURL: "http://simulator.local/v1", apiKey: "none", maxRetries: 0, fetch });
  };
  const model = `${prefix}text-embedding-3-small`;
  const dot = (a: number[] = [], b: number[] = []): number =>
    a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

  test("gets vectors of length one, always the same, close when the texts have words in common", async () => {
    const openai = await connect();
    const input = ["The sky is blue today", "Why is the sky blue?", "Zwei Kilo Kartoffeln"];
    const { data, usage } = await openai.embeddings.create({ model, input });
    const [sky, question, potatoes] = data.map(({ embedding }) => embedding);
    expect(data.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(sky).toHaveLength(1536);
    expect(dot(sky, sky)).toBeCloseTo(1, 4);
    expect(dot(sky, question)).toBeGreaterThan(0.5);
    expect(dot(sky, potatoes)).toBeLessThan(0.2);
    expect(usage.prompt_tokens).toBeGreaterThan(10);
    const again = await openai.embeddings.create({ model, input: input[1] as string });
    expect(again.data[0]?.embedding).toEqual(question);
    // The client asks for base64 by itself; written out, the numbers are the same.
    const floats = await openai.embeddings.create({ model, input: input[1] as string, encoding_format: "float" });
    expect(floats.data[0]?.embedding.map(Math.fround)).toEqual(question);
  });

  test("gets as many dimensions as it asks for, and tokens instead of text are welcome", async () => {
    const openai = await connect();
    const small = await openai.embeddings.create({ model, input: [[1, 2, 3], [4]], dimensions: 8 });
    expect(small.data.map(({ embedding }) => embedding.length)).toEqual([8, 8]);
    expect(dot(small.data[0]?.embedding, small.data[0]?.embedding)).toBeCloseTo(1, 4);
  });

  test.each([
    [{ input: [] }, 400],
    [{ input: "" }, 400],
    [{ input: "x", dimensions: 9999 }, 400],
    [{ input: "x", model: `${prefix}text-embedding-nope` }, 404],
  ])("is refused %j", async (fields, status) => {
    const openai = await connect();
    await expect(openai.embeddings.create({ model, ...fields } as never)).rejects.toMatchObject({ status });
  });

  test("completes a prompt the old way, as a stream and as a whole", async () => {
    const openai = await connect();
    const request = { model: `${prefix}instant`, prompt: "Why is the sky blue?", max_tokens: 30 };
    const whole = await openai.completions.create(request);
    const chunks = await all(
      await openai.completions.create({ ...request, stream: true, stream_options: { include_usage: true } }),
    );
    const text = chunks.map(({ choices }) => choices[0]?.text ?? "").join("");
    expect(text.length).toBeGreaterThan(30);
    expect(whole.choices[0]?.text).toBe(text);
    expect(whole.choices[0]?.finish_reason).toBe("length");
    expect(whole.usage?.completion_tokens).toBe(30);
    expect(chunks.at(-1)?.usage).toEqual(whole.usage);
    const many = await openai.completions.create({ model: `${prefix}instant`, prompt: ["a", "b"], n: 2 });
    expect(many.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
  });
});
