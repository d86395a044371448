import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { FunctionDeclaration, GenerateContentResponse, Part } from "@google/genai";
import { ApiError, GoogleGenAI, ThinkingLevel } from "@google/genai";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../src/core/json.ts";
import { createSimulator } from "../src/providers/simulator/simulator.ts";
import { createVirtualClock } from "../src/testing.ts";
import { dataOf, readFixtures } from "./conformance/protocol.ts";
import { scriptedModel, startGateway } from "./support/gateway.ts";
import { all } from "./support/simulator.ts";

const contents = "Why is the sky blue?";
const weather: FunctionDeclaration = {
  name: "get_weather",
  description: "Weather of a city",
  parametersJsonSchema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const question = "What is the weather in Paris?";

interface Connection {
  client: GoogleGenAI;
  model: string;
}

type Fetch = typeof globalThis.fetch;

function createClient(baseUrl: string, fetch?: Fetch): GoogleGenAI {
  return new GoogleGenAI({ apiKey: "none", httpOptions: { baseUrl, ...(fetch && { fetch }) } });
}

/** A gateway whose provider `google` speaks Gemini, and is what `fetch` makes of it. */
async function connect(model: string, fetch: Fetch = createSimulator({ clock: createVirtualClock() })) {
  const { url } = await startGateway(
    {
      providers: { google: { vendor: "gemini", apiKey: "none", baseUrl: "http://simulator.local" } },
      reliability: { maxAttempts: 1 },
    },
    { fetch: (target, init) => fetch(target, init), report: () => {} },
  );
  return { client: createClient(url), model, url };
}

/** Who answers: the gateway with a provider of either protocol behind it, or a simulated provider itself. */
const connections: readonly [string, (model?: string) => Promise<Connection>][] = [
  ["Headrace over a chat provider", async (model = "instant") => connect(`sim/${model}`)],
  ["Headrace over Gemini", async (model = "instant") => connect(`google/${model}`)],
  [
    "the simulator itself",
    async (model = "instant") => {
      const fetch = createSimulator({ clock: createVirtualClock() });
      return { client: createClient("http://simulator.local", fetch), model };
    },
  ],
];

function thoughtsIn(responses: readonly GenerateContentResponse[]): string {
  const parts = responses.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? []);
  return parts.map(({ thought, text }) => (thought === true ? (text ?? "") : "")).join("");
}

const textIn = (responses: readonly GenerateContentResponse[]): string =>
  responses.map(({ text }) => text ?? "").join("");

describe.each(connections)("the official Google client, in front of %s,", (_name, open) => {
  test("reads the same answer as a stream and as a whole, with its usage", async () => {
    const { client, model } = await open();
    const chunks = await all(await client.models.generateContentStream({ model, contents }));
    const whole = await client.models.generateContent({ model, contents });
    expect(whole.text?.length).toBeGreaterThan(100);
    expect(textIn(chunks)).toBe(whole.text);
    expect(chunks.at(-1)?.candidates?.[0]?.finishReason).toBe("STOP");
    expect(chunks.at(-1)?.usageMetadata).toEqual(whole.usageMetadata);
    expect(whole.usageMetadata?.candidatesTokenCount).toBeGreaterThan(20);
    expect(new Set(chunks.map(({ responseId }) => responseId)).size).toBe(1);
  });

  test("has its functions called, and gives the results back", async () => {
    const { client, model } = await open();
    const config = { tools: [{ functionDeclarations: [weather] }] };
    const asked = await all(await client.models.generateContentStream({ model, contents: question, config }));
    const [call] = asked.flatMap(({ functionCalls }) => functionCalls ?? []);
    expect(call).toMatchObject({ name: "get_weather", args: { city: expect.any(String) as string } });
    const answer = await client.models.generateContent({
      model,
      config,
      contents: [
        { role: "user", parts: [{ text: question }] },
        { role: "model", parts: asked.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? []) },
        {
          role: "user",
          parts: [
            { functionResponse: { id: call?.id ?? "", name: "get_weather", response: { output: "18 degrees" } } },
          ],
        },
      ],
    });
    expect(answer.text).toContain("18 degrees");
  });

  test("is read by its own tool runner", async () => {
    const { client, model } = await open();
    const asked: unknown[] = [];
    const answer = await client.models.generateContent({
      model,
      contents: question,
      config: {
        tools: [
          {
            tool: async () => ({ functionDeclarations: [weather] }),
            callTool: async (calls) => {
              asked.push(...calls.map(({ args }) => args));
              return calls.map(({ id = "" }): Part => {
                return { functionResponse: { id, name: "get_weather", response: { output: "18 degrees" } } };
              });
            },
          },
        ],
      },
    });
    expect(asked).toHaveLength(1);
    expect(answer.text).toContain("18 degrees");
  });

  test("goes on with a chat that was streamed, which it keeps only when every chunk is whole", async () => {
    const { client, model } = await open();
    const chat = client.chats.create({ model });
    const first = textIn(await all(await chat.sendMessageStream({ message: "Hello" })));
    expect(first).not.toBe("");
    const second = await chat.sendMessage({ message: contents });
    expect(second.text?.length).toBeGreaterThan(50);
    const history = chat.getHistory(true);
    expect(history.filter(({ role }) => role === "user")).toHaveLength(2);
    const said = history.slice(
      0,
      history.findLastIndex(({ role }) => role === "user"),
    );
    expect(
      said
        .flatMap(({ role, parts = [] }) => (role === "model" ? parts : []))
        .map(({ text }) => text)
        .join(""),
    ).toBe(first);
  });

  test("sees thoughts apart from the answer", async () => {
    const { client, model } = await open();
    const config = { thinkingConfig: { includeThoughts: true, thinkingLevel: ThinkingLevel.LOW } };
    const chunks = await all(await client.models.generateContentStream({ model, contents, config }));
    expect(thoughtsIn(chunks).length).toBeGreaterThan(20);
    expect(textIn(chunks)).not.toContain(thoughtsIn(chunks));
    expect(chunks.at(-1)?.usageMetadata?.thoughtsTokenCount).toBeGreaterThan(5);
  });

  test("gets objects of a schema, in Google's words and in JSON Schema's", async () => {
    const { client, model } = await open();
    const responseMimeType = "application/json";
    const city = { type: "object", properties: { city: { type: "string" }, age: { type: "integer" } } };
    const inCapitals = { type: "OBJECT", properties: { city: { type: "STRING" }, age: { type: "INTEGER" } } };
    for (const schema of [{ responseJsonSchema: city }, { responseSchema: inCapitals as object }]) {
      const config = { responseMimeType, ...schema };
      const { text = "" } = await client.models.generateContent({ model, contents: "Name a city", config });
      expect(JSON.parse(text)).toEqual({ city: expect.any(String) as string, age: expect.any(Number) as number });
    }
  });

  test("gets several candidates, and log probabilities", async () => {
    const { client, model } = await open();
    const config = { candidateCount: 2, responseLogprobs: true, logprobs: 2, maxOutputTokens: 5 };
    const { candidates = [] } = await client.models.generateContent({ model, contents, config });
    expect(candidates.map(({ index, finishReason }) => [index, finishReason])).toEqual([
      [0, "MAX_TOKENS"],
      [1, "MAX_TOKENS"],
    ]);
    for (const { logprobsResult } of candidates) {
      expect(logprobsResult?.chosenCandidates).toHaveLength(5);
      expect(logprobsResult?.topCandidates?.[0]?.candidates).toHaveLength(2);
    }
  });

  test("raises its own error", async () => {
    const { client, model } = await open();
    const error = (status: number) => expect.objectContaining({ name: "ApiError", status }) as Error;
    await expect(client.models.generateContentStream({ model: `${model}-no-such`, contents })).rejects.toThrow(
      error(404),
    );
    const config = { temperature: 9 };
    await expect(client.models.generateContent({ model, contents, config })).rejects.toThrow(error(400));
  });
});

describe("behind Headrace, a provider's answer", () => {
  const bodyOf = (bytes: Uint8Array) =>
    new Response(bytes.slice(), { headers: { "content-type": "text/event-stream" } });

  test.each(readFixtures("gemini"))("$name reaches the official client as it was", async ({ bytes }) => {
    const { client, model } = await connect("google/gemini-3-pro", async () => bodyOf(bytes));
    const chunks = await all(await client.models.generateContentStream({ model, contents }));
    const sent = dataOf(new TextDecoder().decode(bytes)) as JsonObject[];
    const isAnswer = (chunk: JsonObject) => chunk["heartbeat"] === undefined;
    const seen = chunks.map(({ candidates, usageMetadata }) => JSON.stringify([candidates, usageMetadata]));
    const direct = createClient("http://google.local", async () => bodyOf(bytes));
    const expected = await all(await direct.models.generateContentStream({ model, contents }));
    expect(sent.filter(isAnswer).length).toBeGreaterThan(0);
    expect(seen).toEqual(expected.map(({ candidates, usageMetadata }) => JSON.stringify([candidates, usageMetadata])));
  });

  const folder = join(import.meta.dirname, "fixtures/gemini/broken");
  test.each(readdirSync(folder))("that broke as in %s raises, as a stream and as a whole", async (file) => {
    const bytes = new Uint8Array(readFileSync(join(folder, file)));
    const { client, model } = await connect("google/gemini-3-pro", async () => bodyOf(bytes));
    const request = { model, contents, config: { candidateCount: file.startsWith("one-of-two") ? 2 : 1 } };
    const reading = async () => all(await client.models.generateContentStream(request));
    for (const asked of [reading, () => client.models.generateContent(request)]) {
      const error: unknown = await asked().catch((error_: unknown) => error_);
      expect(error).toBeInstanceOf(ApiError);
      expect((error as Error).message).not.toContain("SECRET");
    }
  });

  test("keeps in one piece what a stream has in many", async () => {
    const bytes = readFixtures("gemini").find(({ name }) => name === "grounding")?.bytes as Uint8Array;
    const { url } = await connect("google/gemini-3-pro", async () => bodyOf(bytes));
    const response = await post(`${url}/v1beta/models/google/gemini-3-pro:generateContent`, ask("hi"));
    const last = (dataOf(new TextDecoder().decode(bytes)) as { candidates: JsonObject[] }[]).at(-1);
    const { candidates, ...rest } = (await response.json()) as { candidates: JsonObject[] };
    expect(candidates).toEqual([
      { ...last?.candidates[0], content: { parts: [{ text: "Älv: the Nile. It is 6650 km ≈ long." }], role: "model" } },
    ]);
    expect({ candidates: [], ...rest }).toEqual({ ...last, candidates: [] });
  });
});

describe("the gateway, as Google's clients see it", () => {
  test("raises when an answer is stopped in the middle, so that nobody takes it for complete", async () => {
    const script = scriptedModel(["The ", "quick ", "fox"]);
    script.hold(2);
    const { url } = await startGateway({ models: { poet: script.model } });
    const stream = await createClient(url).models.generateContentStream({ model: "poet", contents });
    let text = "";
    await expect(async () => {
      for await (const chunk of stream) {
        text += chunk.text ?? "";
        if (text !== "The quick ") continue;
        const { data } = (await (await fetch(`${url}/v1/streams`)).json()) as { data: { id: string }[] };
        await fetch(`${url}/v1/streams/${data[0]?.id}`, { method: "DELETE" });
      }
    }).rejects.toThrow(expect.objectContaining({ name: "ApiError", status: 499 }) as Error);
    expect(text).toBe("The quick ");
  });

  test("says that it is still there without disturbing them", async () => {
    const script = scriptedModel(["The ", "quick ", "fox"]);
    const goOn = script.hold(1);
    const { url } = await startGateway({ models: { poet: script.model }, server: { heartbeatMs: 20 } });
    const response = await post(`${url}/v1beta/models/poet:streamGenerateContent?alt=sse`, ask("hi"));
    const seen: string[] = [];
    const fetched: Fetch = async () =>
      new Response(
        response.body
          ?.pipeThrough(new TextDecoderStream())
          .pipeThrough(
            new TransformStream<string, string>({
              transform(text, controller) {
                seen.push(text);
                if (text.startsWith(":")) goOn();
                controller.enqueue(text);
              },
            }),
          )
          .pipeThrough(new TextEncoderStream()),
        response,
      );
    const client = createClient(url, fetched);
    const chunks = await all(await client.models.generateContentStream({ model: "poet", contents }));
    expect(textIn(chunks)).toBe("The quick fox");
    expect(seen).toContain(": heartbeat\n\n");
    expect(seen.join("")).not.toMatch(/^id:/m);
  });

  test("lists the models, in pages, and counts tokens", async () => {
    const { client, url } = await connect("sim/instant");
    const names: (string | undefined)[] = [];
    for await (const { name } of await client.models.list({ config: { pageSize: 2 } })) names.push(name);
    expect(names).toContain("models/sim/instant");
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(2);
    const asOpenAi = (await (await fetch(`${url}/v1/models`)).json()) as { data: unknown[] };
    expect(asOpenAi.data).toHaveLength(names.length);
    const found = await client.models.get({ model: "sim/instant" });
    expect(found.supportedActions).toContain("generateContent");
    const few = await client.models.countTokens({ model: "sim/instant", contents: "Hi" });
    const many = await client.models.countTokens({ model: "sim/instant", contents: contents.repeat(20) });
    expect(few.totalTokens).toBeGreaterThan(0);
    expect(many.totalTokens).toBeGreaterThan(80);
  });

  test("answers with one list where no server-sent events are asked for", async () => {
    const { url } = await connect("sim/instant");
    const path = `${url}/v1beta/models/sim%2Finstant:streamGenerateContent`;
    const response = await post(path, ask("Why is the sky blue?"));
    expect(response.headers.get("content-type")).toBe("application/json");
    const chunks = (await response.json()) as GenerateContentResponse[];
    expect(chunks.length).toBeGreaterThan(10);
    const events = dataOf(await (await post(`${path}?alt=sse`, ask("Why is the sky blue?"))).text());
    expect(textOf(chunks)).toBe(textOf(events as GenerateContentResponse[]));
    expect(chunks.at(-1)?.candidates?.[0]?.finishReason).toBe("STOP");
  });

  test("ends that list with an error when the answer breaks", async () => {
    const broken: Fetch = async () =>
      new Response('data: {"candidates":[{"content":{"parts":[{"text":"Half"}]}}]}\n\n', {
        headers: { "content-type": "text/event-stream" },
      });
    const { url } = await connect("google/x", broken);
    const response = await post(`${url}/v1beta/models/google/x:streamGenerateContent`, ask("hi"));
    expect(await response.json()).toMatchObject([
      { candidates: [{ content: { parts: [{ text: "Half" }] } }] },
      { error: { code: 502, status: "INTERNAL" } },
    ]);
  });

  test("follows any stream as Gemini, and Gemini's streams as anything", async () => {
    const { url, client } = await connect("google/instant");
    const chat = { model: "sim/instant", stream: true, messages: [{ role: "user", content: contents }] };
    const started = await post(`${url}/v1/chat/completions`, chat);
    await started.text();
    const id = started.headers.get("headrace-stream-id");
    const followed = await (await fetch(`${url}/v1/streams/${id}?as=gemini`)).text();
    const whole = await client.models.generateContent({ model: "sim/instant", contents });
    expect(textOf(dataOf(followed) as GenerateContentResponse[])).toBe(whole.text);

    const other = await post(`${url}/v1beta/models/google/instant:streamGenerateContent?alt=sse`, ask(contents));
    await other.text();
    const asChat = await fetch(`${url}/v1/streams/${other.headers.get("headrace-stream-id")}?as=openai-chat`);
    const chunks = dataOf(await asChat.text()) as { choices: { delta: { content?: string } }[] }[];
    expect(chunks.map(({ choices }) => choices?.[0]?.delta.content ?? "").join("")).toBe(whole.text);
  });

  test("takes the key from Google's header or from the address, and repeats it nowhere", async () => {
    const reported: string[] = [];
    const { url } = await startGateway(
      { access: { keys: [{ name: "ada", key: "canary-key-1" }] } },
      { report: (error) => reported.push(JSON.stringify(error) + error.message) },
    );
    const path = `${url}/v1beta/models/sim/instant:generateContent`;
    expect((await post(path, ask("hi"))).status).toBe(401);
    expect((await post(`${path}?key=wrong`, ask("hi"))).status).toBe(401);
    expect((await post(`${path}?key=canary-key-1`, ask("hi"))).status).toBe(200);
    expect((await post(path, ask("hi"), { "x-goog-api-key": "canary-key-1" })).status).toBe(200);
    expect((await post(`${url}/v1/chat/completions?key=canary-key-1`, {})).status).toBe(401);
    const addresses = [`${path}-no?key=canary-key-1`, `${url}/v1beta/nothing?key=canary-key-1`];
    for (const address of [...addresses, `${path}?key=canary-key-1`]) {
      const response = await post(address, { contents: 5 });
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect((await response.text()) + JSON.stringify([...response.headers])).not.toContain("canary");
    }
    expect(reported.join()).not.toContain("canary");
  });
});

const ask = (text: string) => ({ contents: [{ role: "user", parts: [{ text }] }] });

const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

function textOf(chunks: readonly GenerateContentResponse[]): string {
  const parts = chunks.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? []);
  return parts.map(({ text }) => text ?? "").join("");
}
