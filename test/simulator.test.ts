import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { SimulatorOptions } from "../src/providers/simulator/simulator.ts";
import { createSimulator, simulatorModels } from "../src/providers/simulator/simulator.ts";
import { countTokens } from "../src/providers/simulator/tokens.ts";
import { createVirtualClock } from "../src/testing.ts";

type ChatRequest = Omit<OpenAI.ChatCompletionCreateParamsNonStreaming, "model" | "messages" | "stream"> & {
  model?: string;
};

function open(options: Partial<SimulatorOptions> = {}) {
  const clock = createVirtualClock();
  const simulator = createSimulator({ clock, ...options });
  const client = new OpenAI({ baseURL: "http://simulator.local/v1", apiKey: "none", maxRetries: 0, fetch: simulator });
  const complete = (
    messages: string | OpenAI.ChatCompletionMessageParam[],
    { model = "instant", ...fields }: ChatRequest = {},
  ) =>
    client.chat.completions.create({
      model,
      messages: typeof messages === "string" ? [{ role: "user", content: messages }] : messages,
      ...fields,
    });
  const ask = async (...request: Parameters<typeof complete>) =>
    (await complete(...request)).choices[0]?.message.content ?? "";
  return { clock, simulator, client, complete, ask };
}

function post(body: unknown, init: RequestInit = {}): RequestInit {
  return { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body), ...init };
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const url = "http://simulator.local/v1/chat/completions";
const sky = [{ role: "user", content: "Why is the sky blue?" }] as const;

describe("the official client, directly against the simulator", () => {
  test("reads the same answer as a stream and in one piece", async () => {
    const { client, complete, clock } = open();
    const whole = await complete([...sky]);
    const stream = await client.chat.completions.create({
      model: "instant",
      messages: [...sky],
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await all(stream);

    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe(
      whole.choices[0]?.message.content,
    );
    expect(whole.choices[0]?.message.content).toContain("Rayleigh");
    expect(chunks.at(-1)?.usage).toEqual(whole.usage);
    expect(chunks.at(-1)?.choices).toEqual([]);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("stop");
    expect(new Set(chunks.map(({ id }) => id))).toEqual(new Set([whole.id]));
    expect(whole.created).toBe(Math.floor(clock.now() / 1000));
    expect(whole.usage?.completion_tokens).toBe(countTokens(whole.choices[0]?.message.content ?? ""));
    // A frame for the role, one per token, one for the finish, one for usage.
    expect(chunks.length).toBe((whole.usage?.completion_tokens ?? 0) + 3);
  });

  test("leaves usage out of the stream unless asked", async () => {
    const { client } = open();
    const stream = await client.chat.completions.create({ model: "instant", messages: [...sky], stream: true });
    for await (const chunk of stream) expect(chunk.usage ?? undefined).toBeUndefined();
  });

  test("collects a stream with its helper", async () => {
    const { client, ask } = open();
    const runner = client.chat.completions.stream({ model: "instant", messages: [...sky] });
    expect(await runner.finalContent()).toBe(await ask([...sky]));
  });

  for (const stream of [false, true]) {
    test(`runs tools until there is an answer${stream ? ", streaming" : ""}`, async () => {
      const { client } = open();
      const asked: string[] = [];
      const tool = {
        type: "function" as const,
        function: {
          name: "get_weather",
          description: "The weather somewhere",
          parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
          parse: (text: string) => z.object({ city: z.string() }).parse(JSON.parse(text)),
          function: ({ city }: { city: string }) => {
            asked.push(city);
            return JSON.stringify({ temperature: city === "Paris" ? 18 : 12 });
          },
        },
      };
      const request = {
        model: "instant",
        messages: [{ role: "user" as const, content: "What's the weather in Paris and London?" }],
        tools: [tool],
      };
      const runner = stream
        ? client.chat.completions.runTools({ ...request, stream: true })
        : client.chat.completions.runTools(request);

      const answer = await runner.finalContent();
      expect(asked).toEqual(["Paris", "London"]);
      expect(answer).toContain("temperature 18");
      expect(answer).toContain("temperature 12");
    });
  }

  test("parses structured output", async () => {
    const { client } = open();
    const Event = z.object({
      name: z.string(),
      date: z.iso.date(),
      participants: z.array(z.string()).min(1),
      online: z.boolean(),
    });
    const messages = [{ role: "user" as const, content: "Alice and Bob are going to a science fair on Friday." }];
    const format = { model: "instant", messages, response_format: zodResponseFormat(Event, "event") };

    const parsed = (await client.chat.completions.parse(format)).choices[0]?.message.parsed;
    expect(Event.parse(parsed).participants).toEqual(["Alice", "Bob"]);
    expect((await client.chat.completions.stream(format).finalChatCompletion()).choices[0]?.message.parsed).toEqual(
      parsed,
    );
  });

  test("lists and finds the models", async () => {
    const { client } = open();
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(simulatorModels);
    expect((await client.models.retrieve("gpt-4o")).id).toBe("gpt-4o");
  });
});

describe("the same request", () => {
  test("gets the same answer, to the byte and the millisecond", async () => {
    const play = async () => {
      const { clock, simulator } = open();
      const response = await simulator(url, post({ model: "o4-mini", messages: sky, stream: true, seed: 7, n: 2 }));
      const times: number[] = [];
      let text = "";
      const reading = (async () => {
        for await (const bytes of response.body ?? []) {
          times.push(clock.elapsed());
          text += new TextDecoder().decode(bytes);
        }
      })();
      await clock.runAll();
      await reading;
      return { times, text };
    };
    const first = await play();
    expect(first.times.length).toBeGreaterThan(100);
    expect(await play()).toEqual(first);
  });

  test("is another one with another prompt, model or seed, and the request's seed wins", async () => {
    const prompt = "Explain how glaciers move";
    const { ask } = open();
    const other = open({ seed: 2 });
    const texts = [
      await ask(prompt),
      await ask("Explain how rivers move"),
      await ask(prompt, { seed: 1 }),
      await ask(prompt, { seed: 2 }),
      await other.ask(prompt),
    ];
    expect(new Set(texts).size).toBe(texts.length);
    expect(await other.ask(prompt, { seed: 1 })).toBe(texts[2]);
    const slow = other.ask(prompt, { model: "claude-3-haiku" });
    await other.clock.runAll();
    expect(await slow).not.toBe(texts[4]);
  });

  test("gets new answers when randomness is given", async () => {
    let draws = 0;
    const { ask } = open({ random: () => draws++ / 10 });
    expect(await ask("Explain tidal power")).not.toBe(await ask("Explain tidal power"));
    expect(await ask("Explain tidal power", { seed: 1 })).toBe(await ask("Explain tidal power", { seed: 1 }));
  });
});

describe("limits", () => {
  test("max_tokens stops after exactly so many tokens", async () => {
    const { complete, ask } = open();
    const text = await ask([...sky]);
    for (const limit of [{ max_tokens: 7 }, { max_completion_tokens: 7 }]) {
      const { choices, usage } = await complete([...sky], limit);
      expect(choices[0]?.finish_reason).toBe("length");
      expect(usage?.completion_tokens).toBe(7);
      expect(text.startsWith(choices[0]?.message.content ?? "?")).toBe(true);
    }
    const enough = (await complete([...sky])).usage?.completion_tokens ?? 0;
    expect((await complete([...sky], { max_tokens: enough })).choices[0]?.finish_reason).toBe("stop");
  });

  test("a stop string cuts exactly before itself, also inside a word", async () => {
    const { complete, ask } = open();
    const text = await ask([...sky]);
    for (const stop of ["leigh", " mix of", "\n"]) {
      const { choices } = await complete([...sky], { stop: ["not in there", stop] });
      expect(choices[0]?.message.content).toBe(text.slice(0, text.indexOf(stop)));
      expect(choices[0]?.finish_reason).toBe("stop");
    }
  });

  test("n answers are different ones, counted together", async () => {
    const { complete } = open();
    const { choices, usage } = await complete("Explain tidal power", { n: 3 });
    const texts = choices.map(({ message }) => message.content ?? "");
    expect(new Set(texts).size).toBe(3);
    expect(usage?.completion_tokens).toBe(texts.reduce((sum, text) => sum + countTokens(text), 0));
  });
});

describe("a begun answer", () => {
  test("is continued exactly where it stops, wherever that is", async () => {
    const { ask } = open();
    const text = await ask([...sky]);
    for (let length = 1; length <= text.length; length += 7) {
      const rest = await ask([...sky, { role: "assistant", content: text.slice(0, length) }]);
      expect(text.slice(0, length) + rest).toBe(text);
    }
    expect(await ask([...sky, { role: "assistant", content: text }])).toBe("");
  });

  test("may have been begun by another simulated model", async () => {
    const { ask } = open();
    const text = await ask("Explain tidal power", { model: "instant" });
    const { clock, complete } = open();
    const continued = complete(
      [
        { role: "user", content: "Explain tidal power" },
        { role: "assistant", content: text.slice(0, 50) },
      ],
      {
        model: "claude-3-haiku",
      },
    );
    await clock.runAll();
    expect((await continued).choices[0]?.message.content).toBe(text.slice(50));
  });

  test("of unknown origin gets something that fits behind it", async () => {
    const { ask } = open();
    expect(await ask([...sky, { role: "assistant", content: "It is all done with mirrors" }])).toMatch(/^ and so on/);
    expect(await ask([...sky, { role: "assistant", content: "With mirrors. " }])).toMatch(/^There is more/);
  });
});

describe("tools", () => {
  const schema = { type: "object", properties: { query: { type: "string" } }, required: ["query"] };
  const tool = (name: string) => ({ type: "function" as const, function: { name, parameters: schema } });
  const callsOf = ({ choices }: OpenAI.ChatCompletion) =>
    (choices[0]?.message.tool_calls ?? []).map((call) =>
      call.type === "function" ? [call.function.name, JSON.parse(call.function.arguments)] : [],
    );

  test("the first one is called, or the one that is named, or none", async () => {
    const { complete } = open();
    const tools = [tool("search"), tool("look_up")];
    const answer = await complete("Find larks", { tools });
    expect(callsOf(answer)).toEqual([["search", { query: "Find larks" }]]);
    expect(answer.choices[0]?.finish_reason).toBe("tool_calls");
    const named = await complete("Find larks", {
      tools,
      tool_choice: { type: "function", function: { name: "look_up" } },
    });
    expect(callsOf(named)).toEqual([["look_up", { query: "Find larks" }]]);
    const none = await complete("Find larks", { tools, tool_choice: "none" });
    expect(callsOf(none)).toEqual([]);
    expect(none.choices[0]?.message.content).not.toBe("");
    await expect(
      complete("Find larks", { tools, tool_choice: { type: "function", function: { name: "fly" } } }),
    ).rejects.toMatchObject({
      status: 400,
      param: "tool_choice",
    });
  });

  test("two are called for one thing and another, unless parallel calls are off", async () => {
    const { complete } = open();
    const prompt = "Find larks and wrens";
    expect(callsOf(await complete(prompt, { tools: [tool("search")] }))).toEqual([
      ["search", { query: "Find larks" }],
      ["search", { query: "wrens" }],
    ]);
    expect(callsOf(await complete(prompt, { tools: [tool("search")], parallel_tool_calls: false }))).toHaveLength(1);
  });

  test("a custom tool gets plain text", async () => {
    const { complete } = open();
    const { choices } = await complete("Run it", { tools: [{ type: "custom", custom: { name: "shell" } }] });
    expect(choices[0]?.message.tool_calls?.[0]).toMatchObject({
      type: "custom",
      custom: { name: "shell", input: "Run it" },
    });
  });

  test("a limit within the arguments cuts them and says so", async () => {
    const { complete } = open();
    const { choices } = await complete("Find larks", { tools: [tool("search")], max_tokens: 2 });
    expect(choices[0]?.finish_reason).toBe("length");
  });
});

describe("structured output", () => {
  const Tree: z.ZodType = z.object({
    label: z.string(),
    get children() {
      return z.array(Tree);
    },
  });
  const Chain: z.ZodType = z.object({
    value: z.int(),
    get next() {
      return z.union([Chain, z.null()]);
    },
  });
  const schemas: Record<string, z.ZodType> = {
    "nested objects and arrays": z.object({
      steps: z.array(z.object({ explanation: z.string(), output: z.string() })).min(3),
      final_answer: z.string(),
    }),
    "enumerations and constants": z.object({
      kind: z.literal("report"),
      colour: z.enum(["red", "green"]),
      size: z.union([z.literal(1), z.literal(2)]),
    }),
    numbers: z.object({
      share: z.number().min(0).max(1),
      year: z.int().min(1900).max(2100),
      even: z.number().multipleOf(2).positive(),
      low: z.number().max(-5),
      half: z.number().gt(0).lt(0.5),
    }),
    formats: z.object({
      mail: z.email(),
      page: z.url(),
      id: z.uuid(),
      day: z.iso.date(),
      at: z.iso.datetime(),
      host: z.ipv4(),
    }),
    lengths: z.object({
      code: z.string().length(3),
      long: z.string().min(300),
      short: z.string().max(5),
      zip: z.string().regex(/^\d{5}$/),
    }),
    "optional and nullable": z.object({ a: z.string().nullable(), b: z.number().optional(), c: z.boolean().nullish() }),
    alternatives: z.object({
      item: z.discriminatedUnion("type", [
        z.object({ type: z.literal("a"), n: z.number() }),
        z.object({ type: z.literal("b") }),
      ]),
    }),
    "tuples and maps": z.object({ pair: z.tuple([z.string(), z.number()]), scores: z.record(z.string(), z.number()) }),
    "an intersection": z.object({ both: z.intersection(z.object({ a: z.string() }), z.object({ b: z.number() })) }),
    "a recursive tree": z.object({ root: Tree }),
    "a recursive chain": Chain,
  };
  for (const [name, shape] of Object.entries(schemas)) {
    test(`is valid: ${name}`, async () => {
      const { ask } = open();
      const schema = z.toJSONSchema(shape) as Record<string, unknown>;
      for (const seed of [1, 2, 3, 4]) {
        const text = await ask("Name 3 birds, colour green, in 1969", {
          seed,
          response_format: { type: "json_schema", json_schema: { name: "it", schema } },
        });
        const result = shape.safeParse(JSON.parse(text));
        expect(result.error?.message, text).toBeUndefined();
      }
    });
  }

  test("uses the numbers of the prompt in their order", async () => {
    const schema = z.toJSONSchema(z.object({ a: z.int(), b: z.int() })) as Record<string, unknown>;
    const format = { type: "json_schema" as const, json_schema: { name: "sum", schema } };
    expect(JSON.parse(await open().ask("Add 12 and 30", { response_format: format }))).toEqual({ a: 12, b: 30 });
  });

  test("arrives in pieces, and any JSON will do for json_object", async () => {
    const { complete } = open();
    const { choices, usage } = await complete("Describe larks in JSON", { response_format: { type: "json_object" } });
    expect(JSON.parse(choices[0]?.message.content ?? "")).toMatchObject({ topic: "larks" });
    expect(usage?.completion_tokens).toBeGreaterThan(10);
  });
});

describe("reasoning", () => {
  test("comes first, is counted, and grows with the effort", async () => {
    const { clock, client } = open();
    const think = async (model: string, reasoning_effort?: "low" | "high" | "none") => {
      const running = client.chat.completions.create({
        model,
        messages: [...sky],
        ...(reasoning_effort && { reasoning_effort }),
      });
      await clock.runAll();
      const { choices, usage } = await running;
      const message = choices[0]?.message as OpenAI.ChatCompletionMessage & { reasoning_content?: string };
      const tokens = usage?.completion_tokens_details?.reasoning_tokens ?? 0;
      expect(tokens).toBe(countTokens(message.reasoning_content ?? ""));
      expect(usage?.completion_tokens).toBe(tokens + countTokens(message.content ?? ""));
      return tokens;
    };
    expect(await think("o4-mini")).toBeGreaterThan(20);
    expect(await think("o4-mini", "none")).toBe(0);
    expect(await think("instant")).toBe(0);
    expect(await think("instant", "high")).toBeGreaterThan(await think("instant", "low"));
  });

  test("uses up the limit like any other tokens", async () => {
    const { complete } = open();
    const { choices, usage } = await complete([...sky], { reasoning_effort: "high", max_completion_tokens: 5 });
    expect(choices[0]).toMatchObject({ finish_reason: "length" });
    expect(choices[0]?.message.content ?? "").toBe("");
    expect(usage?.completion_tokens_details?.reasoning_tokens).toBe(5);
  });
});

test("log probabilities are those of the answer's tokens, ranked and no more than certain", async () => {
  const { complete } = open();
  const { choices } = await complete([...sky], { logprobs: true, top_logprobs: 4 });
  const tokens = choices[0]?.logprobs?.content ?? [];
  expect(tokens.map(({ token }) => token).join("")).toBe(choices[0]?.message.content);
  for (const { token, logprob, bytes, top_logprobs } of tokens) {
    expect(new TextDecoder().decode(Uint8Array.from(bytes ?? []))).toBe(token);
    expect(top_logprobs).toHaveLength(4);
    expect(top_logprobs.map((one) => one.logprob)).toEqual(
      top_logprobs.map((one) => one.logprob).toSorted((a, b) => b - a),
    );
    expect(top_logprobs.find((one) => one.token === token)?.logprob).toBe(logprob);
    expect(top_logprobs.reduce((sum, one) => sum + Math.exp(one.logprob), 0)).toBeLessThan(1.000_01);
  }
});

describe("pace", () => {
  test.each([
    ["gpt-4o", 380, 900, 55],
    ["gpt-4o-mini", 210, 550, 110],
    ["claude-3-5-sonnet", 450, 1100, 65],
    ["claude-3-haiku", 180, 420, 120],
  ])(
    "%s takes %i ms to its first token (95 of 100 within %i), then says %i tokens a second",
    async (model, p50Ms, p95Ms, rate) => {
      const { clock, simulator } = open();
      const streams = 600;
      const firsts: number[] = [];
      let gaps = 0;
      let gapMs = 0;
      const run = async (seed: number) => {
        const startedAt = clock.elapsed();
        const response = await simulator(url, post({ model, messages: sky, stream: true, seed, max_tokens: 16 }));
        const times: number[] = [];
        for await (const _ of response.body ?? []) times.push(clock.elapsed() - startedAt);
        firsts.push(times[0] ?? 0);
        gaps += 15;
        gapMs += (times.at(-1) ?? 0) - (times[0] ?? 0);
      };
      const runs = Array.from({ length: streams }, (_, seed) => run(seed));
      await clock.advance(1);
      expect(clock.pending).toBe(streams);
      await clock.runAll();
      await Promise.all(runs);

      const ranked = firsts.toSorted((a, b) => a - b);
      expect(Math.abs((ranked[streams * 0.5] ?? 0) / p50Ms - 1)).toBeLessThan(0.1);
      expect(Math.abs((ranked[streams * 0.95] ?? 0) / p95Ms - 1)).toBeLessThan(0.15);
      expect(Math.abs((gapMs / gaps) * (rate / 1000) - 1)).toBeLessThan(0.02);
    },
  );

  test("instant never waits", async () => {
    const { clock, ask } = open();
    expect(await ask("Write 300 words about tea")).not.toBe("");
    expect(clock.elapsed()).toBe(0);
  });

  test("an answer in one piece takes as long as the stream", async () => {
    const { clock, complete } = open();
    const answer = complete([...sky], { model: "gpt-4o" });
    await clock.runAll();
    const seconds = clock.elapsed() / 1000;
    expect((await answer).usage?.completion_tokens ?? 0).toBeGreaterThan(100);
    expect(seconds).toBeGreaterThan(2);
    expect(seconds).toBeLessThan(6);
  });
});

describe("a reader that leaves", () => {
  const request = { model: "gpt-4o", messages: sky, stream: true };

  test("stops the timer at once when it cancels the body", async () => {
    const { clock, simulator } = open();
    const response = await simulator(url, post(request));
    const reader = response.body?.getReader();
    const next = reader?.read();
    await clock.advance(1);
    expect(clock.pending).toBe(1);
    await reader?.cancel();
    expect((await next)?.done).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test.each([true, false])("stops the timer at once when it aborts the request (stream: %s)", async (stream) => {
    const { clock, simulator } = open();
    const controller = new AbortController();
    const reason = new Error("had enough");
    const reading = simulator(url, post({ ...request, stream }, { signal: controller.signal })).then((response) =>
      response.text(),
    );
    reading.catch(() => {});
    await clock.advance(1);
    expect(clock.pending).toBe(1);
    controller.abort(reason);
    await expect(reading).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
    await expect(simulator(url, post(request, { signal: controller.signal }))).rejects.toBe(reason);
  });
});

describe("a wrong request gets the protocol's own error", () => {
  const messages = sky;
  test.each([
    ["broken JSON", url, post("{"), 400, /JSON/],
    ["no object", url, post([1]), 400, /object/],
    ["no messages", url, post({ model: "instant" }), 400, /messages/],
    ["a wrong type", url, post({ model: "instant", messages, max_tokens: "many" }), 400, /max_tokens/],
    ["an unknown model", url, post({ model: "gpt-9", messages }), 404, /gpt-9.*gpt-4o-mini/],
    ["a model called like a method", url, post({ model: "constructor", messages }), 404, /constructor/],
    ["an unknown path", "http://simulator.local/v1/chat", post({}), 404, /\/v1\/chat\/completions/],
    ["a wrong method", url, {}, 405, /POST/],
    ["a wrong method for models", "http://simulator.local/v1/models", post({}), 405, /GET/],
    ["an unknown model's page", "http://simulator.local/v1/models/gpt-9", {}, 404, /gpt-4o/],
  ])("%s", async (_, target, init, status, message) => {
    const { simulator } = open();
    const response = await simulator(target, init);
    expect(response.status).toBe(status);
    expect(response.headers.get("x-request-id")).toMatch(/^req_/);
    const { error } = (await response.json()) as { error: { message: string; type: string } };
    expect(error.message).toMatch(message);
    expect(typeof error.type).toBe("string");
  });

  test("and a Request is as good as a URL", async () => {
    const { simulator } = open();
    const response = await simulator(
      new Request(url, { method: "POST", body: JSON.stringify({ model: "instant", messages }) }),
    );
    expect(response.status).toBe(200);
  });
});

describe("what it says", () => {
  test.each([
    ["Say hello", "hello"],
    ["Say hello 3 times", "hello hello hello"],
    ['Repeat after me: "to be or not to be"', "to be or not to be"],
    ["Reply with exactly: pong", "pong"],
    ["Count to 5", "1, 2, 3, 4, 5"],
    ["Count down from 3", "3, 2, 1, 0"],
    ["What is 2 + 2 * 10?", "2 + 2 * 10 = **22**"],
    ["what is (1+2)^3 / 4", "(1+2)^3 / 4 = **6.75**"],
    ["What is 1/0?", "1/0 has no value: it divides by zero."],
    ["Capital of France?", "The capital of France is **Paris**."],
    ["Is 91 a prime number?", "No, **91** is not prime: it is 7 × 13."],
  ])("%s -> %s", async (prompt, answer) => {
    expect(await open().ask(prompt)).toBe(answer);
  });

  test.each([
    ["Who are you?", /simulator/],
    ["Hello!", /hello|hi there/i],
    ["How many r's are in strawberry?", /\*\*3\*\*/],
    ["Write a Python function that computes fibonacci numbers", /```python\ndef fibonacci/],
    ["Write a TypeScript function that reverses a string", /```typescript[^]*text: string/],
    ["Difference between tea and coffee?", /\| Tea \| Coffee \|/],
    ["Give me 5 tips for public speaking", /^5\. /m],
    ["How do I bake bread?", /baking bread[^]*1\. /],
    ["Explain how a car engine works", /how a car engine works/i],
  ])("%s -> %s", async (prompt, pattern) => {
    expect(await open().ask(prompt)).toMatch(pattern);
  });

  test("it remembers what was said, and follows the manner asked for", async () => {
    const { ask } = open();
    const introduction = [
      { role: "user" as const, content: "My name is Ada" },
      { role: "assistant" as const, content: "Hello" },
    ];
    expect(await ask([...introduction, { role: "user", content: "What is my name?" }])).toContain("Ada");
    const short = await ask([{ role: "system", content: "Answer in one sentence." }, ...sky]);
    expect(short).toBe("Sunlight looks white, but it is a mix of all colours.");
  });

  test("an ordinary question gets a page of markdown about it, a long one as many words as asked for", async () => {
    const { ask } = open();
    for (const topic of ["tidal power", "the French Revolution", "monads", "compound interest", "how bees find home"]) {
      const text = await ask(`Explain ${topic}`);
      expect(text.toLowerCase()).toContain(topic.toLowerCase());
      expect(countTokens(text)).toBeGreaterThan(60);
      expect(countTokens(text)).toBeLessThan(250);
    }
    for (const wanted of [100, 500, 2000]) {
      const words = (await ask(`Write ${wanted} words about the sea`))
        .split(/\s+/)
        .filter((word) => !/^#+$/.test(word)).length;
      expect(Math.abs(words - wanted)).toBeLessThan(30);
    }
  });

  test("odd prompts get an answer too", async () => {
    const { ask } = open();
    const odd = [
      "?",
      "   ",
      "🙂",
      "你好吗",
      "a".repeat(5000),
      '{"a": [1,2',
      "1 + + 2",
      "\u0000\ud800",
      "T T T",
      "$& $1 $`",
      "who ".repeat(2000),
    ];
    for (const prompt of odd) expect((await ask(prompt)).length).toBeGreaterThan(3);
  });
});
