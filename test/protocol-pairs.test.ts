import { describe, expect, test } from "vitest";

import { answerText } from "../src/core/answer.ts";
import { HeadraceError } from "../src/core/errors.ts";
import type { StreamEvent } from "../src/core/events.ts";
import { isWhole } from "../src/core/events.ts";
import type { GenerateRequest, Message } from "../src/core/request.ts";
import { createSimulator } from "../src/providers/simulator/simulator.ts";
import { createVirtualClock } from "../src/testing.ts";
import { startGateway } from "./support/gateway.ts";
import { allRows, askIn, readIn as read } from "./support/protocol-rows.ts";
import type { NamedRow } from "./support/protocol-rows.ts";

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

const clients = allRows.filter(({ served }) => served !== undefined);
const providers = allRows.filter(({ spokenBy }) => spokenBy !== undefined);
const pairs = clients.flatMap((client) => providers.map((provider) => ({ client, provider })));
const named = (list: readonly { client: NamedRow; provider: NamedRow }[]) =>
  list.map((pair) => ({ ...pair, from: pair.client.protocol.name, to: pair.provider.protocol.name }));

const simulate = (): Fetch => createSimulator({ clock: createVirtualClock() });

/** A gateway whose only provider, `box`, speaks the provider's protocol. */
async function start({ spokenBy }: NamedRow, fetch: Fetch = simulate()): Promise<string> {
  const config = { providers: spokenBy === undefined ? {} : { box: spokenBy }, reliability: { maxAttempts: 1 } };
  const { url } = await startGateway(config, { fetch });
  return url;
}

const ask = (text: string, more: Partial<GenerateRequest> = {}): GenerateRequest => ({
  model: "box/instant",
  messages: [{ role: "user", content: [{ type: "text", text }] }],
  ...more,
});

const tools: GenerateRequest["tools"] = [
  {
    kind: "function",
    name: "get_weather",
    description: "The weather of a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
];

describe("clients of every protocol, providers of every protocol", () => {
  test("are at least the four ways of asking for text and the first provider", () => {
    expect(clients.length).toBeGreaterThanOrEqual(4);
    expect(providers.length).toBeGreaterThanOrEqual(1);
  });

  test.each(named(pairs))("$from to $to: the text arrives whole", async ({ client, provider }) => {
    const url = await start(provider);
    const response = await askIn(client, url, ask("Why is the sky blue?"));
    expect(response.status).toBe(200);
    expect(response.headers.get("headrace-stream-id")).toMatch(/^st_/);
    const answer = await read(client, response);
    expect(answer.outcome).toBe("completed");
    expect(answer.choices[0]?.finishReason).toBe("stop");
    const [openai] = allRows as [NamedRow];
    const expected = await read(openai, await askIn(openai, url, ask("Why is the sky blue?")));
    expect(answerText(expected).length).toBeGreaterThan(100);
    expect(answerText(answer)).toBe(answerText(expected));
    const isText = client.protocol.framing === "text";
    expect(answer.usage?.outputTokens).toBe(isText ? undefined : expected.usage?.outputTokens);
  });

  test.each(named(pairs).filter(({ client }) => client.served?.textOnly !== true))(
    "$from to $to: a tool is called, and its result is understood",
    async ({ client, provider }) => {
      const url = await start(provider);
      const question = ask("What is the weather in Paris?", { tools });
      const first = await read(client, await askIn(client, url, question));
      expect(first.outcome).toBe("completed");
      expect(first.choices[0]?.finishReason).toBe("tool_calls");
      const call = first.choices[0]?.blocks.find((block) => block.kind === "tool-call");
      expect(call?.name).toBe("get_weather");
      expect(JSON.parse(call?.argumentsText ?? "")).toEqual({ city: expect.any(String) as string });

      const { callId = "", name = "", argumentsText = "" } = call ?? {};
      const content: Message["content"] = [{ type: "text", text: "18 degrees and sunny" }];
      const history: Message[] = [
        ...question.messages,
        { role: "assistant", content: [{ type: "tool-call", kind: "function", callId, name, argumentsText }] },
        { role: "tool", content: [{ type: "tool-result", callId, name, content }] },
      ];
      const second = await read(client, await askIn(client, url, { ...question, messages: history }));
      expect(second.outcome).toBe("completed");
      expect(answerText(second)).toContain("18 degrees");
    },
  );

  test.each(named(pairs))("$from to $to: a model that is not there is an error", async ({ client, provider }) => {
    const url = await start(provider);
    const response = await askIn(client, url, ask("hi", { model: "box/no-such-model" }));
    expect(response.status).toBe(404);
    const failure = { status: 404, headers: Object.fromEntries(response.headers), body: await response.text() };
    expect(client.protocol.readError(failure)).toMatchObject({ code: "model-not-found" });
  });

  test.each(named(pairs))("$from to $to: an answer that is cut is never complete", async ({ client, provider }) => {
    const simulator = simulate();
    const url = await start(provider, async (target, init) => {
      const response = await simulator(target, init);
      const body = await response.bytes();
      return new Response(body.slice(0, body.length / 2), response);
    });
    const answer = await read(client, await askIn(client, url, ask("Why is the sky blue?")));
    expect(answerText(answer).length).toBeGreaterThan(20);
    expect(isWhole(answer.outcome ?? "completed")).toBe(false);
  });

  test.each(named(pairs))("$from to $to: an error in mid-answer is one", async ({ client, provider }) => {
    const { protocol } = provider;
    const url = await start(provider, async () => {
      const writer = protocol.createEventWriter({ streamId: "st_there", includeUsage: true });
      const error = new HeadraceError("overloaded", "SECRET").report();
      const events: StreamEvent[] = [
        { type: "attempt-start", provider: "p", model: "m" },
        { type: "text-delta", text: "Half an" },
        { type: "stream-end", outcome: "failed", error },
      ];
      const frames = events.flatMap((event) => writer.write(event));
      const encode = (frame: string) => protocol.encodeFrame?.(frame) ?? new TextEncoder().encode(frame);
      return new Response(new Blob(frames.map(encode)), { headers: { "content-type": protocol.contentType } });
    });
    const response = await askIn(client, url, ask("hi"));
    const copy = response.clone();
    const answer = await read(client, response);
    expect(answerText(answer)).toBe("Half an");
    expect(isWhole(answer.outcome ?? "completed")).toBe(false);
    expect(await copy.text().catch(() => "")).not.toContain("SECRET");
  });
});
