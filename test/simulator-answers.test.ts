import type OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { countTokens } from "../src/providers/simulator/tokens.ts";
import { openSimulator, sky } from "./support/simulator.ts";

describe("tools", () => {
  const schema = { type: "object", properties: { query: { type: "string" } }, required: ["query"] };
  const tool = (name: string) => ({ type: "function" as const, function: { name, parameters: schema } });
  const callsOf = ({ choices }: OpenAI.ChatCompletion) =>
    (choices[0]?.message.tool_calls ?? []).map((call) =>
      call.type === "function" ? [call.function.name, JSON.parse(call.function.arguments)] : [],
    );

  test("the first one is called, or the one that is named, or none", async () => {
    const { complete } = openSimulator();
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
    const { complete } = openSimulator();
    const prompt = "Find larks and wrens";
    expect(callsOf(await complete(prompt, { tools: [tool("search")] }))).toEqual([
      ["search", { query: "Find larks" }],
      ["search", { query: "wrens" }],
    ]);
    expect(callsOf(await complete(prompt, { tools: [tool("search")], parallel_tool_calls: false }))).toHaveLength(1);
  });

  test("a custom tool gets plain text", async () => {
    const { complete } = openSimulator();
    const { choices } = await complete("Run it", { tools: [{ type: "custom", custom: { name: "shell" } }] });
    expect(choices[0]?.message.tool_calls?.[0]).toMatchObject({
      type: "custom",
      custom: { name: "shell", input: "Run it" },
    });
  });

  test("a limit within the arguments cuts them and says so", async () => {
    const { complete } = openSimulator();
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
      const { ask } = openSimulator();
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
    expect(JSON.parse(await openSimulator().ask("Add 12 and 30", { response_format: format }))).toEqual({
      a: 12,
      b: 30,
    });
  });

  test("arrives in pieces, and any JSON will do for json_object", async () => {
    const { complete } = openSimulator();
    const { choices, usage } = await complete("Describe larks in JSON", { response_format: { type: "json_object" } });
    expect(JSON.parse(choices[0]?.message.content ?? "")).toMatchObject({ topic: "larks" });
    expect(usage?.completion_tokens).toBeGreaterThan(10);
  });
});

describe("reasoning", () => {
  test("comes first, is counted, and grows with the effort", async () => {
    const { clock, client } = openSimulator();
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
    const { complete } = openSimulator();
    const { choices, usage } = await complete([...sky], { reasoning_effort: "high", max_completion_tokens: 5 });
    expect(choices[0]).toMatchObject({ finish_reason: "length" });
    expect(choices[0]?.message.content ?? "").toBe("");
    expect(usage?.completion_tokens_details?.reasoning_tokens).toBe(5);
  });
});

test("log probabilities are those of the answer's tokens, ranked and no more than certain", async () => {
  const { complete } = openSimulator();
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
    expect(await openSimulator().ask(prompt)).toBe(answer);
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
    expect(await openSimulator().ask(prompt)).toMatch(pattern);
  });

  test("it remembers what was said, and follows the manner asked for", async () => {
    const { ask } = openSimulator();
    const introduction = [
      { role: "user" as const, content: "My name is Ada" },
      { role: "assistant" as const, content: "Hello" },
    ];
    expect(await ask([...introduction, { role: "user", content: "What is my name?" }])).toContain("Ada");
    const short = await ask([{ role: "system", content: "Answer in one sentence." }, ...sky]);
    expect(short).toBe("Sunlight looks white, but it is a mix of all colours.");
  });

  test("an ordinary question gets a page of markdown about it, a long one as many words as asked for", async () => {
    const { ask } = openSimulator();
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
    const { ask } = openSimulator();
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
