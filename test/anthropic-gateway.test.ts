import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { createSimulator } from "../src/providers/simulator/simulator.ts";
import { createVirtualClock } from "../src/testing.ts";
import { allFrames, idOf, scriptedModel, startGateway } from "./support/gateway.ts";

type Fetch = (url: string | URL | Request, init?: RequestInit) => Promise<Response>;

const messages: Anthropic.MessageParam[] = [{ role: "user", content: "Why is the sky blue?" }];
const simulate = (): Fetch => createSimulator({ clock: createVirtualClock() });

/** A gateway with Anthropic behind it, and both official clients in front. A broken answer is left broken. */
async function connect(fetch: Fetch = simulate(), models = {}) {
  const providers = { claude: { vendor: "anthropic", apiKey: "sk-ant", baseUrl: "http://anthropic.local" } };
  const reliability = { maxAttempts: 1, recovery: "off" as const };
  const gateway = await startGateway({ providers, models, reliability }, { fetch, report: () => {} });
  const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: "none", maxRetries: 0 });
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "none", maxRetries: 0 });
  return { ...gateway, anthropic, openai };
}

/** All three ways of the official client to take an answer. */
async function takeAll(client: Anthropic, model: string): Promise<PromiseSettledResult<unknown>[]> {
  const params = { model, messages, max_tokens: 500 };
  const drain = async () => {
    for await (const event of await client.messages.create({ ...params, stream: true })) void event;
  };
  return Promise.allSettled([drain(), client.messages.stream(params).finalMessage(), client.messages.create(params)]);
}

describe("the official Anthropic client raises on a provider's broken stream", () => {
  const folder = join(import.meta.dirname, "fixtures/anthropic-messages/broken");
  test.each(readdirSync(folder))("%s", async (file) => {
    const bytes = new Uint8Array(readFileSync(join(folder, file)));
    const type = file === "html.sse" ? "text/html" : "text/event-stream";
    const { anthropic } = await connect(async () => new Response(bytes, { headers: { "content-type": type } }));
    for (const result of await takeAll(anthropic, "claude/m")) {
      expect(result.status).toBe("rejected");
      const { reason } = result as PromiseRejectedResult;
      expect(reason).toBeInstanceOf(Anthropic.APIError);
      expect(String(reason)).not.toContain("SECRET");
    }
  });

  test.each(["error@5", "reset@5"])("of the simulator itself: %s", async (fault) => {
    const client = new Anthropic({ baseURL: "http://simulator", apiKey: "none", maxRetries: 0, fetch: simulate() });
    const results = await takeAll(client, `instant?words=20&fault=${fault}`);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  });

  test("of the simulator itself, which merely ends: the message is never final", async () => {
    const client = new Anthropic({ baseURL: "http://simulator", apiKey: "none", maxRetries: 0, fetch: simulate() });
    const stream = client.messages.stream({ model: "instant?words=20&fault=eof@5", messages, max_tokens: 500 });
    await expect(stream.finalMessage()).rejects.toThrow(/without producing a Message/);
  });

  test.each(["error@5", "cut@5", "eof@5", "missing-end-marker", "malformed@5:extra"])(
    "of a simulated provider behind Headrace: %s",
    async (fault) => {
      const { anthropic } = await connect();
      const results = await takeAll(anthropic, `claude/instant?words=20&fault=${fault}`);
      const expected = fault.endsWith("extra") ? "fulfilled" : "rejected";
      expect(results.map(({ status }) => status)).toEqual([expected, expected, expected]);
    },
  );
});

describe("errors of a provider that speaks Anthropic's protocol", () => {
  const failing = (status: number, type: string): Fetch => {
    const body = { type: "error", error: { type, message: "SECRET" } };
    return async () => Response.json(body, { status, headers: { "retry-after": "7" } });
  };

  test("reach Anthropic's client as its own classes, with the wait and without the prose", async () => {
    const { anthropic } = await connect(failing(529, "overloaded_error"));
    const error = await anthropic.messages
      .create({ model: "claude/m", messages, max_tokens: 5 })
      .catch((error_: unknown) => error_);
    expect(error).toBeInstanceOf(Anthropic.InternalServerError);
    const { status, type, requestID, headers, message } = error as InstanceType<typeof Anthropic.APIError>;
    expect({ status, type, wait: headers?.get("retry-after") }).toEqual({
      status: 529,
      type: "overloaded_error",
      wait: "7",
    });
    expect(requestID).toMatch(/^req_/);
    expect(message).not.toContain("SECRET");
  });

  test("reach OpenAI's client in OpenAI's form", async () => {
    const { openai } = await connect(failing(429, "rate_limit_error"));
    const asking = openai.chat.completions.create({ model: "claude/m", messages: [{ role: "user", content: "x" }] });
    await expect(asking).rejects.toMatchObject({ status: 503, code: "provider_rate_limited" });
  });
});

describe("what Anthropic is sent", () => {
  const recording = () => {
    const calls: { url: string; headers: Headers; body: unknown }[] = [];
    const simulator = simulate();
    const fetch: Fetch = async (url, init) => {
      const request = new Request(url, init);
      calls.push({ url: request.url, headers: request.headers, body: await request.json() });
      return simulator(url, init);
    };
    return { calls, fetch };
  };

  test("is its own client's body, version and betas, with our key", async () => {
    const { calls, fetch } = recording();
    const { anthropic } = await connect(fetch);
    const system = [{ type: "text" as const, text: "Be brief.", cache_control: { type: "ephemeral" as const } }];
    await anthropic.messages.create(
      { model: "claude/instant", messages, max_tokens: 50, system, inference_geo: "eu" },
      { headers: { "anthropic-beta": "files-api-2025-04-14" } },
    );
    expect(calls).toHaveLength(1);
    const [{ url, headers, body } = { url: "", headers: new Headers(), body: {} }] = calls;
    expect(url).toBe("http://anthropic.local/v1/messages");
    expect(headers.get("x-api-key")).toBe("sk-ant");
    expect(headers.get("authorization")).toBeNull();
    expect(headers.get("anthropic-version")).toMatch(/^20\d\d-\d\d-\d\d$/);
    expect(headers.get("anthropic-beta")).toBe("files-api-2025-04-14");
    expect(body).toEqual({ model: "instant", messages, max_tokens: 50, system, inference_geo: "eu", stream: true });
  });

  test("is a version that its protocol has always had, when the client speaks another", async () => {
    const { calls, fetch } = recording();
    const { openai } = await connect(fetch);
    await openai.chat.completions.create({ model: "claude/instant", messages: [{ role: "user", content: "x" }] });
    expect(calls[0]?.headers.get("anthropic-version")).toBe("2023-06-01");
  });
});

describe("OpenAI's client in front of Anthropic", () => {
  const tools: OpenAI.ChatCompletionTool[] = [
    {
      type: "function",
      function: {
        name: "get_weather",
        parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
      },
    },
  ];

  test("runs a tool with thoughts in between, and the thoughts go back with their signature", async () => {
    const { openai, url } = await connect();
    const params = { model: "claude/instant", tools, reasoning_effort: "low" as const };
    const question = { role: "user" as const, content: "What is the weather in Paris?" };
    const asking = await openai.chat.completions.create({ ...params, messages: [question] });
    const message = asking.choices[0]?.message as OpenAI.ChatCompletionMessage & { reasoning_details: object[] };
    expect(message.reasoning_details).toEqual([
      {
        type: "reasoning.text",
        text: expect.stringMatching(/\w \w/),
        signature: expect.stringMatching(/^headrace:anthropic-messages:./),
      },
    ]);
    const call = message.tool_calls?.[0];
    const result = { role: "tool" as const, tool_call_id: call?.id ?? "", content: "18 degrees" };
    const final = await openai.chat.completions
      .create({ ...params, messages: [question, message, result] })
      .withResponse();
    expect(final.data.choices[0]?.message.content).toContain("18 degrees");
    const streamId = final.response.headers.get("headrace-stream-id");
    const log = await (await fetch(`${url}/v1/streams/${streamId}?as=events`)).text();
    expect(log).not.toContain('"type":"warning"');
  });

  test("streams the same thoughts and signature", async () => {
    const { openai } = await connect();
    const details: { text?: string; signature?: string }[] = [];
    let thoughts = "";
    const params = { model: "claude/instant", reasoning_effort: "low" as const, stream: true as const };
    for await (const chunk of await openai.chat.completions.create({
      ...params,
      messages: [{ role: "user", content: "Why is the sky blue?" }],
    })) {
      const delta = chunk.choices[0]?.delta as { reasoning_content?: string; reasoning_details?: typeof details };
      thoughts += delta?.reasoning_content ?? "";
      details.push(...(delta?.reasoning_details ?? []));
    }
    expect(details).toMatchObject([{ text: thoughts, signature: expect.stringContaining("headrace:") }]);
  });
});

describe("a client that is cut off in the middle of a message", () => {
  const ask = (url: string, headers = {}) =>
    fetch(`${url}/v1/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ model: "claude/instant", messages, max_tokens: 200, stream: true }),
    });

  test("gets the exact rest with its last id, wherever it was cut, also on the route that it asked on", async () => {
    const { url } = await connect();
    const whole = await allFrames(await ask(url));
    expect(whole.length).toBeGreaterThan(40);
    for (let cut = 0; cut < whole.length - 1; cut += 3) {
      const lastId = idOf(whole[cut] as string) as string;
      const rest = await allFrames(await ask(url, { "last-event-id": lastId }));
      expect([...whole.slice(0, cut + 1), ...rest].join("")).toBe(whole.join(""));
    }
  });

  test("and anyone else reads the stream in the protocol that they want", async () => {
    const { url, openai, anthropic } = await connect();
    const { data: message, response } = await anthropic.messages
      .create({ model: "claude/instant", messages, max_tokens: 200 })
      .withResponse();
    const said = message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
    const follow = async (id: string | null, as: string) => (await fetch(`${url}/v1/streams/${id}?as=${as}`)).text();
    const chat = await follow(response.headers.get("headrace-stream-id"), "openai-chat");
    const deltas = [...chat.matchAll(/^data: (\{.*)$/gm)].map(
      ([, json]) => (JSON.parse(json as string) as OpenAI.ChatCompletionChunk).choices[0]?.delta.content ?? "",
    );
    expect(deltas.join("")).toBe(said);
    const started = await openai.chat.completions
      .create({ model: "sim/instant", messages: [{ role: "user", content: "x" }] })
      .withResponse();
    const asMessages = await follow(started.response.headers.get("headrace-stream-id"), "anthropic-messages");
    expect(asMessages).toMatch(/^id: .*\nevent: message_start\n/);
    expect(asMessages).toMatch(/event: message_stop\ndata: {"type":"message_stop"}\n\n$/);
  });
});

test("heartbeats while a model is silent do not disturb the official client", async () => {
  const clock = createVirtualClock();
  const script = scriptedModel(["Hello", " there"]);
  const release = script.hold(1);
  const { url } = await startGateway({ models: { poet: script.model }, server: { heartbeatMs: 1000 } }, { clock });
  const params = { model: "poet", messages, max_tokens: 50, stream: true };
  const response = await fetch(`${url}/v1/messages`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(params),
  });
  let body = "";
  let silence: Promise<void> | undefined;
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    body += decoder.decode(bytes, { stream: true });
    if (body.includes("Hello")) silence ??= clock.advance(3500).then(release);
  }
  await silence;
  expect(body.match(/^: heartbeat$/gm)?.length).toBeGreaterThanOrEqual(2);
  const served = async () => new Response(body, { headers: { "content-type": "text/event-stream" } });
  const client = new Anthropic({ baseURL: "http://gateway", apiKey: "none", maxRetries: 0, fetch: served });
  const message = await client.messages.stream({ model: "poet", messages, max_tokens: 50 }).finalMessage();
  expect(message.content).toMatchObject([{ type: "text", text: "Hello there" }]);
});

describe("counting tokens", () => {
  test("gives an estimate that grows with the prompt", async () => {
    const { anthropic } = await connect();
    const count = async (content: string) => {
      const params = { model: "claude/instant", messages: [{ role: "user" as const, content }] };
      return (await anthropic.messages.countTokens(params)).input_tokens;
    };
    const one = await count("Why is the sky blue?");
    expect(one).toBeGreaterThan(4);
    expect(one).toBeLessThan(30);
    expect(await count("Why is the sky blue? ".repeat(100))).toBeGreaterThan(400);
  });

  test("says that it is one, and knows which models there are", async () => {
    const { anthropic } = await connect();
    const { response } = await anthropic.messages.countTokens({ model: "claude/x", messages }).withResponse();
    expect(response.headers.get("headrace-estimated")).toBe("true");
    await expect(anthropic.messages.countTokens({ model: "nobody", messages })).rejects.toThrow(
      Anthropic.NotFoundError,
    );
    await expect(anthropic.messages.countTokens({ model: "claude/x", messages: [] })).rejects.toThrow(
      Anthropic.BadRequestError,
    );
  });
});
