import type {
  ContentBlock,
  ConverseStreamCommandInput,
  ConverseStreamOutput,
  Message,
} from "@aws-sdk/client-bedrock-runtime";
import {
  BedrockRuntimeClient,
  BedrockRuntimeServiceException,
  ConverseCommand,
  ConverseStreamCommand,
  ModelStreamErrorException,
  ThrottlingException,
} from "@aws-sdk/client-bedrock-runtime";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { describe, expect, onTestFinished, test } from "vitest";

import { bedrockConverse } from "../src/protocols/bedrock-converse.ts";
import { createSimulator } from "../src/providers/simulator/simulator.ts";
import { serveSimulator } from "../src/runtimes/simulator.ts";
import { createVirtualClock } from "../src/testing.ts";
import { readFixtures } from "./conformance/protocol.ts";
import { startGateway } from "./support/gateway.ts";

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The official client. Its default is HTTP/2, which it needs for commands that stream both ways only. */
function connect(endpoint: string): BedrockRuntimeClient {
  const client = new BedrockRuntimeClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "none" },
    requestHandler: new NodeHttpHandler(),
    maxAttempts: 1,
  });
  onTestFinished(() => client.destroy());
  return client;
}

/** A server on a free port. */
async function serveOver(fetch: Fetch): Promise<string> {
  const { port, close } = await serveSimulator(fetch, { host: "127.0.0.1", port: 0 });
  onTestFinished(close);
  return `http://127.0.0.1:${port}`;
}

async function overSimulator(): Promise<BedrockRuntimeClient> {
  return connect(await serveOver(createSimulator({ clock: createVirtualClock() })));
}

/** Through the gateway, whose provider `box` is asked in the same protocol. */
async function overGateway(
  fetch: Fetch = createSimulator({ clock: createVirtualClock() }),
): Promise<BedrockRuntimeClient> {
  const box = { vendor: "bedrock", region: "us-east-1", apiKey: "none", baseUrl: "http://provider.example" };
  const { url } = await startGateway({ providers: { box }, reliability: { maxAttempts: 1 } }, { fetch });
  return connect(url);
}

const sides = [
  { where: "the simulator itself", open: overSimulator, prefix: "" },
  { where: "Headrace before it", open: () => overGateway(), prefix: "box/" },
] as const;

const ask = (text: string): Message[] => [{ role: "user", content: [{ text }] }];

async function collect(
  client: BedrockRuntimeClient,
  input: ConverseStreamCommandInput,
): Promise<ConverseStreamOutput[]> {
  const { stream } = await client.send(new ConverseStreamCommand(input));
  const events: ConverseStreamOutput[] = [];
  for await (const event of stream ?? []) events.push(event);
  return events;
}

/** The blocks that a stream's events add up to, as the vendor's documentation adds them up. */
function contentOf(events: readonly ConverseStreamOutput[]): ContentBlock[] {
  const blocks: { text: string; reasoning: string; input: string; toolUseId?: string; name?: string }[] = [];
  const block = (index = 0) => (blocks[index] ??= { text: "", reasoning: "", input: "" });
  for (const { contentBlockStart, contentBlockDelta } of events) {
    const { toolUse } = contentBlockStart?.start ?? {};
    if (toolUse !== undefined) {
      Object.assign(block(contentBlockStart?.contentBlockIndex), { toolUseId: toolUse.toolUseId, name: toolUse.name });
    }
    const delta = contentBlockDelta?.delta;
    if (delta === undefined) continue;
    const open = block(contentBlockDelta?.contentBlockIndex);
    open.text += delta.text ?? "";
    open.reasoning += delta.reasoningContent?.text ?? "";
    open.input += delta.toolUse?.input ?? "";
  }
  return blocks.map(({ text, reasoning, input, toolUseId, name }) => {
    if (toolUseId !== undefined) return { toolUse: { toolUseId, name, input: JSON.parse(input) as never } };
    return reasoning === "" ? { text } : { reasoningContent: { reasoningText: { text: reasoning } } };
  });
}

const weather = {
  tools: [
    {
      toolSpec: {
        name: "get_weather",
        description: "Weather of a city",
        inputSchema: { json: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } },
      },
    },
  ],
};

describe.each(sides)("the official Bedrock client over $where", ({ open, prefix }) => {
  const modelId = `${prefix}instant`;

  test("reads the same answer as a stream and as a whole", async () => {
    const client = await open();
    const messages = ask("Why is the sky blue?");
    const events = await collect(client, { modelId, messages });
    const whole = await client.send(new ConverseCommand({ modelId, messages }));
    const [text] = contentOf(events);
    expect(text?.text?.length).toBeGreaterThan(100);
    expect(whole.output?.message?.content).toEqual([text]);
    expect(whole.stopReason).toBe("end_turn");
    expect(events.at(-2)?.messageStop?.stopReason).toBe("end_turn");
    expect(events.at(-1)?.metadata?.usage).toEqual(whole.usage);
    expect(whole.usage?.outputTokens).toBeGreaterThan(10);
  });

  test("calls a tool, and gets the final answer for its result", async () => {
    const client = await open();
    const messages = ask("What is the weather in Paris?");
    const events = await collect(client, { modelId, messages, toolConfig: weather });
    expect(events.find(({ messageStop }) => messageStop)?.messageStop?.stopReason).toBe("tool_use");
    const content = contentOf(events);
    const call = content.find(({ toolUse }) => toolUse)?.toolUse;
    expect(call?.input).toEqual({ city: "Paris" });

    const result = { toolUseId: call?.toolUseId, content: [{ text: "18 degrees and sunny" }] };
    const history: Message[] = [
      ...messages,
      { role: "assistant", content },
      { role: "user", content: [{ toolResult: result }] },
    ];
    const answer = await collect(client, { modelId, messages: history, toolConfig: weather });
    expect(contentOf(answer)[0]?.text).toContain("18 degrees");
    const whole = await client.send(new ConverseCommand({ modelId, messages: history, toolConfig: weather }));
    expect(whole.output?.message?.content).toEqual(contentOf(answer));
  });

  test("sees reasoning apart from the answer", async () => {
    const client = await open();
    const input = { modelId, messages: ask("Why is the sky blue?"), outputConfig: { effort: "high" } };
    const [reasoning, text] = contentOf(await collect(client, input));
    expect(reasoning?.reasoningContent?.reasoningText?.text?.length).toBeGreaterThan(10);
    expect(text?.text?.length).toBeGreaterThan(100);
  });

  test("is told when its limit of tokens was reached", async () => {
    const client = await open();
    const input = { modelId, messages: ask("Why is the sky blue?"), inferenceConfig: { maxTokens: 5 } };
    const events = await collect(client, input);
    expect(events.find(({ messageStop }) => messageStop)?.messageStop?.stopReason).toBe("max_tokens");
    expect(events.at(-1)?.metadata?.usage?.outputTokens).toBe(5);
  });

  test("raises its own error classes", async () => {
    const client = await open();
    await expect(collect(client, { modelId: `${prefix}no-such:model`, messages: ask("Hi") })).rejects.toMatchObject({
      name: "ResourceNotFoundException",
      $metadata: { httpStatusCode: 404 },
    });
    await expect(client.send(new ConverseCommand({ modelId, messages: [] }))).rejects.toMatchObject({
      name: "ValidationException",
    });
  });
});

describe("a stream that broke", () => {
  const broken = readFixtures("bedrock-converse/broken", bedrockConverse);
  const length = readFixtures("bedrock-converse", bedrockConverse).find(({ name }) => name === "length");
  const whole = length?.bytes ?? new Uint8Array();
  const damaged = new Uint8Array(whole);
  damaged[200] = (damaged[200] as number) ^ 1;
  const all = [
    ...broken,
    { name: "a message that is cut short", bytes: whole.subarray(0, 250) },
    { name: "a message with a wrong checksum", bytes: damaged },
  ];
  const answering = (bytes: Uint8Array): Fetch => {
    const headers = { "content-type": bedrockConverse.contentType };
    return () => Promise.resolve(new Response(new Uint8Array(bytes), { headers }));
  };

  test.each(all)("raises in the official client behind Headrace: $name", async ({ bytes }) => {
    const client = await overGateway(answering(bytes));
    await expect(collect(client, { modelId: "box/instant", messages: ask("Hi") })).rejects.toThrow(
      BedrockRuntimeServiceException,
    );
    const wholeOf = client.send(new ConverseCommand({ modelId: "box/instant", messages: ask("Hi") }));
    await expect(wholeOf).rejects.toThrow(BedrockRuntimeServiceException);
  });

  // A clean end after some text means nothing to the client itself, which is why Headrace says it in so many words.
  test("raises in the official client alone, where the break can be seen in the bytes", async () => {
    const cut = await serveOver(answering(whole.subarray(0, 250)));
    await expect(collect(connect(cut), { modelId: "m", messages: ask("Hi") })).rejects.toThrow(
      "Truncated event message",
    );
    const flipped = await serveOver(answering(damaged));
    await expect(collect(connect(flipped), { modelId: "m", messages: ask("Hi") })).rejects.toThrow(/checksum/);
    for (const [name, type] of [
      ["throttled", ThrottlingException],
      ["model-stream-error", ModelStreamErrorException],
    ] as const) {
      const bytes = broken.find((one) => one.name === name)?.bytes ?? new Uint8Array();
      const endpoint = await serveOver(answering(bytes));
      await expect(collect(connect(endpoint), { modelId: "m", messages: ask("Hi") })).rejects.toThrow(type);
    }
  });
});
