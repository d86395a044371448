import { describe, expect, test } from "vitest";

import type { GenerateRequest } from "../src/core/request.ts";
import { allRows } from "./support/protocol-rows.ts";
import type { Received } from "./support/recovery.ts";
import { attemptsAreCounted, openRecovery, primary, rowOf } from "./support/recovery.ts";

const providers = ["openai-chat", "anthropic-messages", "gemini"] as const;
const withTools = allRows.filter(({ served }) => served !== undefined && served.textOnly !== true);
const openai = rowOf("openai-chat");

const weather: Partial<GenerateRequest> = {
  messages: [{ role: "user", content: [{ type: "text", text: "What is the weather in Paris?" }] }],
  tools: [
    {
      kind: "function",
      name: "get_weather",
      description: "The weather of a city",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  ],
};

function callsIn({ answer }: Received) {
  return (answer.choices[0]?.blocks ?? []).flatMap((block) =>
    block.kind === "tool-call" ? [{ name: block.name, arguments: block.argumentsText }] : [],
  );
}

describe("row 24: a cut inside the arguments of a tool call", () => {
  const rules = [{ model: primary, calls: 1, faults: "cut@tool-call+2", interval: 1 }];

  test.each(withTools)("ends as `interrupted_tool_call`, in the client's protocol: $protocol.name", async (client) => {
    const parts = await openRecovery({ rules });
    const received = await parts.ask(client, weather);
    expect(received.looksWhole).toBe(false);
    expect(parts.calls).toHaveLength(1);
    const end = parts.observations.find(({ type }) => type === "stream-ended");
    expect(end).toMatchObject({ outcome: "interrupted", error: { code: "interrupted-tool-call" } });
    expect(attemptsAreCounted(parts.observations)).toBe(true);
  });

  test.each(
    withTools.flatMap((client) => providers.map((provider) => ({ client, from: client.protocol.name, provider }))),
  )('is recovered on a route with toolCalls: "atomic": $from, from $provider', async ({ client, provider }) => {
    const expected = callsIn(await (await openRecovery({ provider })).ask(client, weather));
    expect(expected).toEqual([{ name: "get_weather", arguments: expect.stringContaining("city") as string }]);
    for (const place of ["tool-call+1", "tool-call+2", "tool-call+3"]) {
      const cut = [{ model: primary, calls: 1, faults: `cut@${place}`, interval: 1 }];
      const parts = await openRecovery({ provider, rules: cut, route: { toolCalls: "atomic" } });
      const received = await parts.ask(client, weather);
      expect(received.looksWhole).toBe(true);
      expect(callsIn(received)).toEqual(expected);
      expect(received.answer.choices[0]?.finishReason).toBe("tool_calls");
    }
  });

  test("is recovered when nothing of the call was seen yet", async () => {
    const parts = await openRecovery({ rules: [{ model: primary, calls: 1, faults: "cut@0" }] });
    const received = await parts.ask(openai, weather);
    expect(callsIn(received)).toHaveLength(1);
  });
});

describe("row 25: a cut inside reasoning", () => {
  const thinking = ["o4-mini", "gpt-4o"];
  const rules = (fault: string, more: object = {}) => [
    { model: "o4-mini", calls: 1, faults: fault, words: 60, interval: 1, ...more },
    { model: "*", words: 60, interval: 1 },
  ];
  const request: Partial<GenerateRequest> = { reasoningEffort: "high" };

  test("that is signed is never spliced with another's", async () => {
    const claude = rowOf("anthropic-messages");
    const cut = rules("cut@reasoning+9");
    const parts = await openRecovery({
      provider: "anthropic-messages",
      targets: ["o4-mini?signed", "gpt-4o"],
      rules: cut,
    });
    const received = await parts.ask(claude, request);
    expect(received.looksWhole).toBe(false);
    expect(parts.calls).toHaveLength(1);
    expect(received.answer.choices[0]?.blocks.filter(({ kind }) => kind === "text")).toEqual([]);
  });

  test("that is not signed begins anew, before there is text", async () => {
    const cut = rules("cut@reasoning+9");
    const parts = await openRecovery({ targets: thinking, rules: cut });
    const received = await parts.ask(openai, request);
    expect(received.looksWhole).toBe(true);
    expect(received.text.split(" ")).toHaveLength(60);
    const whole = await (await openRecovery({ targets: thinking, rules: rules("stall@59:1ms") })).ask(openai, request);
    expect(received.text).toBe(whole.text);
    const thoughts = (from: Received) =>
      (from.answer.choices[0]?.blocks ?? []).map((block) => (block.kind === "reasoning" ? block.text : "")).join("");
    expect(thoughts(whole).length).toBeGreaterThan(20);
    expect(thoughts(received)).toBe(thoughts(whole));
  });
});

describe("row 26: a cut inside strict JSON", () => {
  const json: Partial<GenerateRequest> = {
    messages: [{ role: "user", content: [{ type: "text", text: "Describe a river as JSON" }] }],
    responseFormat: {
      type: "json-schema",
      name: "river",
      schema: {
        type: "object",
        properties: {
          name: { type: "string" },
          description: { type: "string" },
          countries: { type: "array", items: { type: "string" } },
        },
        required: ["name", "description", "countries"],
        additionalProperties: false,
      },
      strict: true,
    },
  };

  test.each(providers)(
    "goes on where both parts make one document, and never as anything else: %s",
    async (provider) => {
      const document = { model: "*", interval: 1 };
      const whole = (await (await openRecovery({ provider, rules: [document] })).ask(openai, json)).text;
      expect(Object.keys(JSON.parse(whole) as object)).toEqual(["name", "description", "countries"]);
      for (let at = 1; at < 40; at += 2) {
        for (const prefill of [false, true]) {
          const cut = { model: primary, calls: 1, faults: `cut@${at}`, interval: 1 };
          const anew = { model: "*", interval: 1, faults: "restart" };
          const restarted = await (await openRecovery({ provider, prefill, rules: [cut, anew] })).ask(openai, json);
          expect([restarted.text, restarted.looksWhole]).toEqual([whole, true]);
          const received = await (await openRecovery({ provider, prefill, rules: [cut, document] })).ask(openai, json);
          expect(received.text.startsWith(whole.slice(0, at))).toBe(true);
          expect(received.looksWhole).toBe(parses(received.text));
        }
      }
    },
  );
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
