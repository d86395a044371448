import type { Answer } from "../core/answer.ts";
import type { ErrorCode } from "../core/errors.ts";
import { HeadraceError, isErrorCode } from "../core/errors.ts";
import type { StreamEnd, StreamEvent } from "../core/events.ts";
import { isTerminal } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { GenerateRequest } from "../core/request.ts";
import { AnswerEnd, noJson, reportedError, truncated } from "./answer-end.ts";
import { readError, writeError } from "./openai-chat-errors.ts";
import { writeRequest as writeChatRequest } from "./openai-chat-request-writer.ts";
import { readRequest as readChatRequest } from "./openai-chat-request.ts";
import { readPromptRequest } from "./prompt-request.ts";
import type { AnswerPosition, EventReader, EventWriter, KeptAnswers, Protocol } from "./protocol.ts";
import { createSseReader, dataFrame, type SseFrame } from "./sse.ts";

/** Our own events as they are, for our own clients and for one Headrace behind another. */
export const events: Protocol = {
  name: "events",
  framing: "sse",
  contentType: "text/event-stream",
  endpoint: {
    write: () => "/v1/streams",
    read: (path) => (path.endsWith("/v1/streams") ? {} : undefined),
  },
  readRequest,
  // Whoever reads it is a Headrace, which knows them all.
  writeRequest: (request, quirks, warn) => writeChatRequest(request, { ...quirks, knowsHints: true }, warn),
  keptAnswers: () => keptAnswers,
  createEventReader: () => new NeutralReader(),
  createEventWriter: () => neutralWriter,
  readAnswer,
  writeAnswer: (answer: Answer) => ({ ...answer }) as unknown as JsonObject,
  readError,
  writeError,
};

/** An OpenAI Chat body, or `{"prompt", "model"?, "system"?}`. */
function readRequest(body: JsonObject): GenerateRequest {
  const isChat = body["messages"] !== undefined || body["prompt"] === undefined;
  const request = isChat ? readChatRequest({ ...body, model: body["model"] ?? "" }) : readPromptRequest(body);
  return { ...request, wantsStream: body["stream"] !== false, wantsUsage: true };
}

const neutralWriter: EventWriter = {
  write: (event) => [dataFrame(JSON.stringify(event))],
};

/** Another Headrace keeps every answer. */
const keptAnswers: KeptAnswers = {
  rest: ({ id, after }) => `/v1/streams/${encodeURIComponent(id)}?as=events&after=${encodeURIComponent(after)}`,
  stop: (id) => ({ method: "DELETE", path: `/v1/streams/${encodeURIComponent(id)}` }),
};

type FieldType = "string" | "number" | "object";

/** The fields without which an event is none. */
const requiredFields: Record<StreamEvent["type"], Readonly<Record<string, FieldType>>> = {
  "stream-start": { streamId: "string", format: "number", model: "string", createdAt: "number" },
  "attempt-start": { provider: "string", model: "string" },
  "block-start": { kind: "string" },
  "block-end": {},
  "text-delta": { text: "string" },
  "reasoning-delta": { text: "string" },
  "reasoning-signature": { signature: "string" },
  citation: { citation: "object" },
  warning: { message: "string" },
  seam: { fromAttempt: "number", toAttempt: "number", rung: "string", overlap: "number", confidence: "number" },
  "refusal-delta": { text: "string" },
  "tool-call-start": { call: "number", callId: "string", name: "string", kind: "string" },
  "tool-call-delta": { call: "number", argumentsText: "string" },
  finish: { reason: "string" },
  usage: { usage: "object" },
  "vendor-frame": {},
  "stream-end": { outcome: "string" },
};

const limits: Readonly<Record<string, number>> = { choice: 127, call: 1023 };

/** An event from JSON. Undefined for what we do not know: events are added over time. */
export function readEvent(value: unknown): StreamEvent | undefined {
  if (!isJsonObject(value)) return undefined;
  const type = value["type"];
  if (typeof type !== "string" || !Object.hasOwn(requiredFields, type)) return undefined;
  const required = requiredFields[type as StreamEvent["type"]];
  for (const [name, fieldType] of Object.entries(required)) {
    if (typeof value[name] !== fieldType || value[name] === null) return undefined;
  }
  for (const [name, max] of Object.entries(limits)) {
    const number = value[name];
    if (number !== undefined && !(Number.isInteger(number) && (number as number) >= 0 && (number as number) <= max))
      return undefined;
  }
  return value as unknown as StreamEvent;
}

class NeutralReader implements EventReader {
  #frames = createSseReader();
  readonly #end = new AnswerEnd();
  /** Events of a frame of the other gateway's provider that is not complete yet: they are given together or not at all. */
  #group: StreamEvent[] = [];
  #lastId: string | undefined;

  get position(): AnswerPosition | undefined {
    const [, id, after] = /^(\w+):([\w.-]+)$/.exec(this.#lastId ?? "") ?? [];
    return id === undefined || after === undefined ? undefined : { id, after };
  }

  push(bytes: Uint8Array): StreamEvent[] {
    if (this.#end.isReached) return [];
    try {
      return this.#frames.push(bytes).flatMap((frame) => this.#read(frame));
    } catch (error) {
      if (error instanceof HeadraceError) return this.#end.fail(error.report());
      throw error;
    }
  }

  end(): StreamEvent[] {
    return this.#end.fail(truncated);
  }

  reopen(): void {
    this.#frames = createSseReader();
    this.#group = [];
    this.#end.reopen();
  }

  #read({ data, id }: SseFrame): StreamEvent[] {
    if (this.#end.isReached) return [];
    let value: Json;
    try {
      value = JSON.parse(data) as Json;
    } catch {
      return this.#end.fail(noJson);
    }
    const event = readEvent(value);
    if (event !== undefined && isTerminal(event)) return this.#finish(event);
    const ours = event === undefined ? undefined : asOurs(event);
    if (ours !== undefined) this.#group.push(ours);
    if (ours !== undefined && "more" in ours) return [];
    if (id !== undefined) this.#lastId = id;
    const given = this.#group;
    this.#group = [];
    return given;
  }

  #finish(event: StreamEnd): StreamEvent[] {
    const { error } = event;
    if (error !== undefined && !isErrorCode(error.code)) return this.#end.fail(reportedError);
    // To us the other gateway is the provider, and somebody else may go on with the answer.
    if (error !== undefined && brokenThere.has(error.code)) return this.#end.fail(truncated);
    return [...this.#group, ...this.#end.reach(event)];
  }
}

/** How answers end that broke off at another gateway. */
const brokenThere: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "stream-interrupted",
  "interrupted-tool-call",
  "broken-on-request",
]);

/** The other gateway's stream and its attempts are not ours. */
function asOurs(event: StreamEvent): StreamEvent | undefined {
  if (event.type === "stream-start" || event.type === "seam") return undefined;
  if (event.type !== "attempt-start" || event.attempt === undefined) return event;
  const { attempt: _, ...start } = event;
  return start;
}

/** A whole answer is the fold of its events; as a stream it is its blocks again. */
function readAnswer(body: JsonObject): StreamEvent[] {
  const answer = body as unknown as Partial<Answer>;
  if (!Array.isArray(answer.choices) || answer.outcome === undefined) {
    const error = { code: "provider-error", message: "the provider's answer is none" } as const;
    return [{ type: "stream-end", outcome: "failed", error }];
  }
  const read: StreamEvent[] = [answer.attempt ?? { type: "attempt-start", provider: "", model: "" }];
  answer.choices.forEach(({ blocks, finishReason }, choice) => {
    let call = 0;
    for (const block of blocks) {
      if (block.kind !== "tool-call") {
        const type = ({ text: "text-delta", reasoning: "reasoning-delta", refusal: "refusal-delta" } as const)[
          block.kind
        ];
        read.push({ type, choice, text: block.text });
        if (block.kind === "reasoning" && block.signature !== undefined) {
          const { signature, redacted } = block;
          read.push({ type: "reasoning-signature", choice, signature, ...(redacted && { redacted }) });
        }
        if (block.kind === "text") {
          for (const citation of block.citations ?? []) read.push({ type: "citation", choice, citation });
        }
        continue;
      }
      const { callId, name, toolKind, argumentsText } = block;
      read.push({ type: "tool-call-start", choice, call, callId, name, kind: toolKind });
      read.push({ type: "tool-call-delta", choice, call, argumentsText });
      call += 1;
    }
    if (finishReason !== undefined) read.push({ type: "finish", choice, reason: finishReason });
  });
  if (answer.usage !== undefined) read.push({ type: "usage", usage: answer.usage });
  return [...read, { type: "stream-end", outcome: answer.outcome, ...(answer.error && { error: answer.error }) }];
}
