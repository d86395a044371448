import type { Answer } from "../../src/core/answer.ts";
import { answerText, foldAnswer } from "../../src/core/answer.ts";
import { HeadraceError } from "../../src/core/errors.ts";
import type { StreamEvent, Usage } from "../../src/core/events.ts";
import type { JsonObject } from "../../src/core/json.ts";
import type { GenerateRequest, Message, Part } from "../../src/core/request.ts";
import type { Protocol } from "../../src/protocols/protocol.ts";

/** What becomes of a feature in a protocol; `lost` is nothing that a provider's protocol may do. */
export type Fate = "yes" | "as budget" | "as effort" | "as text" | "warning" | "refused" | "lost" | "no";

export interface RequestFeature {
  name: string;
  request: Partial<GenerateRequest>;
  arrives: (read: GenerateRequest) => boolean;
  /** It arrives in other words. */
  otherwise?: { fate: Fate; arrives: (read: GenerateRequest) => boolean };
}

export interface AnswerFeature {
  name: string;
  events: readonly StreamEvent[];
  arrives: (answer: Answer) => boolean;
  /** Not as what it is, but its words are there. */
  isText?: (answer: Answer) => boolean;
}

const user = (...content: Part[]): Message => ({ role: "user", content });
const text = (words: string): Part => ({ type: "text", text: words });
const image = { kind: "base64", mediaType: "image/png", data: "iVBORw0KGgo=" } as const;
const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const look: GenerateRequest["tools"] = [{ kind: "function", name: "look", description: "d", parameters: schema }];
const call: Part = {
  type: "tool-call",
  callId: "c1",
  name: "look",
  argumentsText: '{"city":"Oslo"}',
  kind: "function",
};

const ofField = (field: keyof GenerateRequest, value: unknown, name: string = field): RequestFeature => ({
  name,
  request: { [field]: value },
  arrives: (read) => JSON.stringify(read[field]) === JSON.stringify(value),
});

const ofParts = (name: string, messages: Message[], arrives: (part: Part) => boolean): RequestFeature => ({
  name,
  request: { messages },
  arrives: (read) => read.messages.some(({ content }) => content.some(arrives)),
});

const withResult = (...content: Part[]): Message[] => [
  user(text("hi")),
  { role: "assistant", content: [call] },
  { role: "tool", content },
];

const failure: Part = { type: "tool-result", callId: "c1", name: "look", content: [text("none")], isError: true };

/** What a request may ask for. */
export const requestFeatures: readonly RequestFeature[] = [
  ofParts("system text", [{ role: "system", content: [text("brief")] }, user(text("hi"))], (part) => {
    return part.type === "text" && part.text === "brief";
  }),
  ofParts("image, inline", [user(text("hi"), { type: "image", source: image })], (part) => {
    return part.type === "image" && part.source.kind === "base64" && part.source.data === image.data;
  }),
  ofParts(
    "image, by URL",
    [user({ type: "image", source: { kind: "url", url: "https://a.example/x.png" } })],
    (part) => {
      return part.type === "image" && part.source.kind === "url";
    },
  ),
  ofParts(
    "sound",
    [user(text("hi"), { type: "audio", source: { kind: "base64", mediaType: "audio/wav", data: "UklGRg==" } })],
    (part) => part.type === "audio",
  ),
  ofParts(
    "document",
    [
      user(text("hi"), {
        type: "file",
        name: "a.pdf",
        source: { kind: "base64", mediaType: "application/pdf", data: "JVBERi0=" },
      }),
    ],
    (part) => part.type === "file",
  ),
  ofParts(
    "earlier reasoning",
    [
      user(text("hi")),
      { role: "assistant", content: [{ type: "reasoning", text: "hm" }, text("yes")] },
      user(text("go on")),
    ],
    (part) => part.type === "reasoning" && part.text === "hm",
  ),
  {
    name: "tools",
    request: { tools: look },
    arrives: ({ tools = [] }) =>
      tools[0]?.name === "look" && JSON.stringify(tools[0].parameters) === JSON.stringify(schema),
  },
  ofParts(
    "tool results",
    withResult({ type: "tool-result", callId: "c1", name: "look", content: [text("18")] }),
    (part) => {
      return part.type === "tool-result" && part.content.some((inner) => inner.type === "text" && inner.text === "18");
    },
  ),
  {
    ...ofParts(
      "failed tool results",
      withResult(failure),
      (part) => part.type === "tool-result" && part.isError === true,
    ),
    otherwise: {
      fate: "as text",
      arrives: ({ messages }) => messages.some(({ content }) => /failed.*none/s.test(JSON.stringify(content))),
    },
  },
  { ...ofField("toolChoice", "required", "a tool must be called"), request: { tools: look, toolChoice: "required" } },
  {
    ...ofField("toolChoice", { name: "look" }, "this tool must be called"),
    request: { tools: look, toolChoice: { name: "look" } },
  },
  { ...ofField("parallelToolCalls", false, "one tool at a time"), request: { tools: look, parallelToolCalls: false } },
  ofField("responseFormat", { type: "json" }, "JSON"),
  {
    name: "JSON of a schema",
    request: { responseFormat: { type: "json-schema", name: "place", schema } },
    arrives: ({ responseFormat: format }) =>
      format?.type === "json-schema" && JSON.stringify(format.schema) === JSON.stringify(schema),
  },
  ofField("maxOutputTokens", 100, "longest answer"),
  ofField("stop", ["END"], "stop strings"),
  ofField("temperature", 0.5, "temperature"),
  ofField("topP", 0.5, "top p"),
  ofField("topK", 5, "top k"),
  ofField("seed", 7, "seed"),
  ofField("presencePenalty", 0.5, "penalties"),
  ofField("choices", 2, "several answers"),
  { ...ofField("topLogprobs", 3, "log probabilities"), request: { logprobs: true, topLogprobs: 3 } },
  {
    ...ofField("reasoningEffort", "high", "reasoning effort"),
    otherwise: { fate: "as budget", arrives: ({ reasoningBudgetTokens = 0 }) => reasoningBudgetTokens > 0 },
  },
  {
    ...ofField("reasoningBudgetTokens", 2048, "reasoning budget"),
    otherwise: { fate: "as effort", arrives: ({ reasoningEffort }) => reasoningEffort !== undefined },
  },
];

const usage: Usage = {
  inputTokens: 9,
  outputTokens: 7,
  cachedInputTokens: 2,
  reasoningTokens: 3,
  inputAudioTokens: 4,
  outputImageTokens: 1,
};
const words = (said: string): StreamEvent => ({ type: "text-delta", text: said });
const tool = (index: number): StreamEvent[] => [
  { type: "tool-call-start", call: index, callId: `c${index}`, name: "look", kind: "function" },
  { type: "tool-call-delta", call: index, argumentsText: `{"n":${index}}` },
];
const blocksOf = ({ choices }: Answer, kind: string) =>
  (choices[0]?.blocks ?? []).filter((block) => block.kind === kind);
const says =
  (said: string) =>
  (answer: Answer): boolean =>
    answerText(answer).includes(said);
const finishes =
  (reason: string) =>
  (answer: Answer): boolean =>
    answer.choices[0]?.finishReason === reason;

/** What an answer may hold. */
export const answerFeatures: readonly AnswerFeature[] = [
  { name: "text", events: [words("Hi")], arrives: says("Hi") },
  {
    name: "reasoning",
    events: [{ type: "reasoning-delta", text: "hm" }, words("Hi")],
    arrives: (answer) => blocksOf(answer, "reasoning").some((block) => "text" in block && block.text === "hm"),
    isText: says("hm"),
  },
  {
    name: "signature of reasoning",
    events: [{ type: "reasoning-delta", text: "hm" }, { type: "reasoning-signature", signature: "c2ln" }, words("Hi")],
    arrives: (answer) =>
      blocksOf(answer, "reasoning").some((block) => "signature" in block && block.signature !== undefined),
  },
  {
    name: "refusal",
    events: [{ type: "refusal-delta", text: "No." }],
    arrives: (answer) => blocksOf(answer, "refusal").length === 1,
    isText: says("No."),
  },
  {
    name: "tool calls",
    events: [...tool(0), { type: "finish", reason: "tool_calls" }],
    arrives: (answer) => {
      const [made] = blocksOf(answer, "tool-call");
      return made?.kind === "tool-call" && made.callId === "c0" && made.argumentsText === '{"n":0}';
    },
  },
  {
    name: "several tool calls",
    events: [...tool(0), ...tool(1), { type: "finish", reason: "tool_calls" }],
    arrives: (answer) => blocksOf(answer, "tool-call").length === 2,
  },
  {
    name: "citations",
    events: [words("Blue."), { type: "citation", citation: { url: "https://a.example/", title: "A", quote: "blue" } }],
    arrives: (answer) => {
      return blocksOf(answer, "text").some((block) => block.kind === "text" && (block.citations ?? []).length > 0);
    },
  },
  {
    name: "log probabilities",
    events: [
      {
        type: "text-delta",
        text: "Hi",
        logprobs: { content: [{ token: "Hi", logprob: -1, bytes: null, top_logprobs: [] }] },
      },
    ],
    arrives: (answer) =>
      blocksOf(answer, "text").some((block) => block.kind === "text" && block.logprobs !== undefined),
  },
  {
    name: "several answers",
    events: [words("Hi"), { type: "text-delta", choice: 1, text: "Ho" }],
    arrives: ({ choices }) => choices.length === 2,
  },
  {
    name: "usage",
    events: [words("Hi")],
    arrives: (answer) => answer.usage?.inputTokens === 9 && answer.usage.outputTokens === 7,
  },
  { name: "usage of the cache", events: [words("Hi")], arrives: (answer) => answer.usage?.cachedInputTokens === 2 },
  { name: "usage of reasoning", events: [words("Hi")], arrives: (answer) => answer.usage?.reasoningTokens === 3 },
  {
    name: "usage of audio and pictures",
    events: [words("Hi")],
    arrives: ({ usage: read }) => read?.inputAudioTokens === 4 && read.outputImageTokens === 1,
  },
  {
    name: "end: out of tokens",
    events: [words("Hi"), { type: "finish", reason: "length" }, { type: "stream-end", outcome: "length" }],
    arrives: finishes("length"),
  },
  {
    name: "end: content filter",
    events: [
      words("Hi"),
      { type: "finish", reason: "content_filter" },
      { type: "stream-end", outcome: "content_filter" },
    ],
    arrives: finishes("content_filter"),
  },
  {
    name: "end: stop string",
    events: [words("Hi"), { type: "finish", reason: "stop_sequence" }],
    arrives: finishes("stop_sequence"),
  },
  {
    name: "end: it broke off",
    events: [
      words("Hi"),
      { type: "stream-end", outcome: "failed", error: { code: "stream-truncated", message: "cut" } },
    ],
    arrives: (answer) => answer.outcome === "failed",
  },
];

/** What a request of this protocol makes of a feature. */
export function fateOfRequest(protocol: Protocol, { request, arrives, otherwise }: RequestFeature): Fate {
  const whole: GenerateRequest = { model: "m", messages: [user(text("hi"))], ...request };
  const warnings: string[] = [];
  try {
    const body = protocol.writeRequest(whole, {}, (warning) => warnings.push(warning));
    const target = protocol.endpoint?.read(protocol.endpoint.write(whole), {});
    const read = protocol.readRequest(JSON.parse(JSON.stringify(body)) as JsonObject, target);
    if (arrives(read)) return "yes";
    if (otherwise?.arrives(read) === true) return otherwise.fate;
  } catch (error) {
    if (error instanceof HeadraceError && error.code === "invalid-request") return "refused";
    throw error;
  }
  return warnings.length > 0 ? "warning" : "lost";
}

/** What an answer in this protocol makes of a feature. */
export function fateOfAnswer(protocol: Protocol, { events, arrives, isText }: AnswerFeature): Fate {
  const answer = foldAnswer(throughWire(protocol, wholeAnswer(events)));
  if (arrives(answer)) return "yes";
  return isText?.(answer) === true ? "as text" : "no";
}

/** Adds what every answer has and these events leave out. */
function wholeAnswer(events: readonly StreamEvent[]): StreamEvent[] {
  const all: StreamEvent[] = [
    { type: "stream-start", streamId: "st_1", format: 1, protocol: "events", model: "m", createdAt: 1_763_700_000_000 },
    { type: "attempt-start", provider: "p", model: "m", protocol: "events" },
    ...events.filter(({ type }) => type !== "stream-end"),
  ];
  const end = events.find(({ type }) => type === "stream-end");
  const isCut = end?.type === "stream-end" && end.outcome === "failed";
  if (!isCut && events.every(({ type }) => type !== "finish")) all.push({ type: "finish", reason: "stop" });
  if (!isCut) all.push({ type: "usage", usage });
  return [...all, end ?? { type: "stream-end", outcome: "completed" }];
}

function throughWire(protocol: Protocol, events: readonly StreamEvent[]): StreamEvent[] {
  const writer = protocol.createEventWriter({ streamId: "st_1", includeUsage: true });
  const reader = protocol.createEventReader({});
  const utf8 = new TextEncoder();
  const frames = events.flatMap((event) => writer.write(event));
  return [
    ...frames.flatMap((frame) => reader.push(protocol.encodeFrame?.(frame) ?? utf8.encode(frame))),
    ...reader.end(),
  ];
}
