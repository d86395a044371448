import type { ErrorReport } from "../core/errors.ts";
import type { AttemptStart, FinishReason, StreamEnd, StreamEvent } from "../core/events.ts";
import { outcomeOf } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { AnswerEnd, noJson, reportedError, truncated } from "./answer-end.ts";
import { isText } from "./json-values.ts";
import type { ProtocolQuirks } from "./protocol.ts";
import type { RepeatedFrame } from "./repeated-frame.ts";
import { repeatedFrame } from "./repeated-frame.ts";
import type { FrameReader } from "./sse-body.ts";
import { isUsage } from "./text-answer.ts";
import { readOwnMetadata, textMembers } from "./ui-message-stream-chunk.ts";
import { readFinishReason } from "./ui-message-stream-finish.ts";
import { UiToolCalls } from "./ui-message-stream-tool-calls.ts";

type StepEvent = Exclude<StreamEvent, StreamEnd | { type: "stream-start" | "warning" | "seam" }>;

/** Makes events of a UI message stream. Each chunk that says more than its event is kept in `extra`. */
export class UiChunkReader implements FrameReader {
  readonly #endsWithoutMarker: boolean;
  readonly #calls = new UiToolCalls();
  readonly #end = new AnswerEnd();
  /** Ids of the parts that deltas without `extra` belong to. */
  readonly #current: { text?: string; reasoning?: string } = {};
  #repeated: RepeatedFrame | undefined;
  #hasStarted = false;
  #finished: FinishReason | undefined;
  #stepHasContent = false;

  constructor({ endsWithoutMarker }: ProtocolQuirks) {
    this.#endsWithoutMarker = endsWithoutMarker === true;
  }

  get hasEnded(): boolean {
    return this.#end.isReached;
  }

  end(): StreamEvent[] {
    return this.#endsWithoutMarker ? this.#complete() : this.fail(truncated);
  }

  read(data: string): StreamEvent[] {
    if (this.#end.isReached) return [];
    const repetition = this.#repeated?.read(data);
    if (repetition !== undefined) return [repetition];
    if (data === "[DONE]" || data.trim() === "[DONE]") return this.#complete();
    if (data.trim() === "") return [];
    let chunk: unknown;
    try {
      chunk = JSON.parse(data);
    } catch {
      return this.fail(noJson);
    }
    if (!isJsonObject(chunk)) return [];
    delete chunk["__proto__"];
    const events = this.#readChunk(chunk);
    const [event] = events;
    this.#repeated = events.length === 1 && event !== undefined ? repeatedChunk(data, event) : undefined;
    return events;
  }

  #readChunk(chunk: JsonObject): StreamEvent[] {
    const error = errorOf(chunk, this.#stepHasContent);
    if (error !== undefined) return this.fail(error);
    const isCurrent = this.#follow(chunk);
    const steps = this.#steps(chunk);
    const isPlain = steps.length === 1 && isCurrent && isBareDelta(chunk);
    if (steps.length === 0) steps.push({ type: "vendor-frame" });
    if (!this.#hasStarted && steps[0]?.type !== "attempt-start") steps.unshift(startOf({}));
    this.#hasStarted = true;
    const last = steps.length - 1;
    for (let index = 0; index < last; index++) (steps[index] as StepEvent).more = true;
    if (!isPlain) (steps[last] as StepEvent).extra = { chunk: withoutText(chunk, steps) };
    return steps;
  }

  /** Notes which parts deltas belong to. False for a delta that belongs to another part than the one before. */
  #follow({ type, id }: JsonObject): boolean {
    const kind =
      type === "text-start" || type === "text-delta"
        ? "text"
        : type === "reasoning-start" || type === "reasoning-delta"
          ? "reasoning"
          : undefined;
    if (kind === undefined) return true;
    if (typeof id !== "string") return false;
    const isCurrent = this.#current[kind] === id;
    this.#current[kind] = id;
    return isCurrent;
  }

  /** The steps of the answer that a chunk says; none when it is about something else. */
  #steps(chunk: JsonObject): StepEvent[] {
    const { type, delta, url, title } = chunk;
    switch (type) {
      case "start":
        return this.#hasStarted ? [] : [startOf(chunk)];
      case "start-step":
        this.#stepHasContent = false;
        return [];
      case "text-start":
        return [{ type: "block-start", kind: "text" }];
      case "text-delta":
        return this.#content(isText(delta) ? [{ type, text: delta }] : []);
      case "text-end":
        return [{ type: "block-end" }];
      case "reasoning-start":
        return [{ type: "block-start", kind: "reasoning" }, ...signatureOf(chunk)];
      case "reasoning-delta":
        return this.#content([...(isText(delta) ? [{ type, text: delta }] : []), ...signatureOf(chunk)]);
      case "reasoning-end":
        return [...signatureOf(chunk), { type: "block-end" }];
      case "source-url":
        return isText(url) ? [{ type: "citation", citation: { url, ...(isText(title) && { title }) } }] : [];
      case "finish":
        return this.#finish(chunk);
      default:
        return this.#content(this.#calls.read(chunk));
    }
  }

  #content(steps: StepEvent[]): StepEvent[] {
    if (steps.length > 0) this.#stepHasContent = true;
    return steps;
  }

  #finish({ finishReason, messageMetadata }: JsonObject): StepEvent[] {
    if (this.#finished !== undefined) return [];
    const finish = readFinishReason(finishReason);
    this.#finished = finish.reason;
    const usage: unknown = isJsonObject(messageMetadata) ? messageMetadata["usage"] : undefined;
    return [{ type: "finish", ...finish }, ...(isUsage(usage) ? [{ type: "usage" as const, usage }] : [])];
  }

  #complete(): StreamEvent[] {
    return this.#finished === undefined ? this.#end.fail(truncated) : this.#end.complete(outcomeOf([this.#finished]));
  }

  fail(error: ErrorReport): StreamEvent[] {
    return this.#end.fail(error);
  }
}

/** What ends the answer without completing it. */
function errorOf({ type, finishReason }: JsonObject, stepHasContent: boolean): ErrorReport | undefined {
  if (type === "error") return reportedError;
  if (type === "abort" || (type === "finish" && finishReason === "interrupted")) {
    return { code: "stream-truncated", message: "the provider stopped its answer before it was complete" };
  }
  if (type === "finish" && finishReason === "error") {
    return { code: "provider-error", message: "the provider gave up on the answer" };
  }
  if (type === "reset-step" && stepHasContent) {
    return { code: "provider-error", message: "the provider took back what it had said, which cannot be undone" };
  }
  return undefined;
}

function startOf({ messageId, messageMetadata }: JsonObject): AttemptStart {
  const model = isJsonObject(messageMetadata) ? messageMetadata["model"] : undefined;
  return {
    type: "attempt-start",
    provider: "",
    model: isText(model) ? model : "",
    protocol: "ui-message-stream",
    ...(isText(messageId) && { responseId: messageId }),
  };
}

function signatureOf({ providerMetadata }: JsonObject): StepEvent[] {
  const { signature, redacted } = readOwnMetadata(providerMetadata);
  return signature === undefined ? [] : [{ type: "reasoning-signature", signature, ...(redacted && { redacted }) }];
}

/** A delta with nothing but what every delta has. */
function isBareDelta(chunk: JsonObject): boolean {
  return textMembers.has(chunk["type"]) && Object.keys(chunk).length === 3;
}

function withoutText(chunk: JsonObject, steps: readonly StepEvent[]): JsonObject {
  const member = textMembers.get(chunk["type"]);
  if (member === undefined || steps.every(({ type }) => type === "vendor-frame")) return chunk;
  const { [member]: _, ...rest } = chunk;
  return rest;
}

function repeatedChunk(data: string, event: StreamEvent): RepeatedFrame | undefined {
  if ("extra" in event) return undefined;
  switch (event.type) {
    case "text-delta":
    case "reasoning-delta": {
      const { type } = event;
      return repeatedFrame(data, { key: "delta", text: event.text, withText: (text) => ({ type, text }) });
    }
    case "tool-call-delta": {
      const { type, call } = event;
      const withText = (argumentsText: string): StreamEvent => ({ type, call, argumentsText });
      return repeatedFrame(data, { key: "inputTextDelta", text: event.argumentsText, withText });
    }
    default:
      return undefined;
  }
}
