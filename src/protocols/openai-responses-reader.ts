import type { ErrorReport } from "../core/errors.ts";
import type { AttemptStart, StreamEvent } from "../core/events.ts";
import { outcomeOf } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { AnswerEnd, breachOf, noJson, reportedError, truncated } from "./answer-end.ts";
import { frameDifference } from "./frame-difference.ts";
import { isText } from "./json-values.ts";
import { readStreamError } from "./openai-chat-errors.ts";
import { type FrameExtra, type Known, packFrame } from "./openai-responses-frame.ts";
import { EventOrder } from "./openai-responses-order.ts";
import { isLifecycle, OutputItems, textStreamOf } from "./openai-responses-output.ts";
import { type RepeatedPieces, repeatedPieces, type RepeatedPiece } from "./openai-responses-repeated.ts";
import { AnswerSteps, type StepEvent } from "./openai-responses-steps.ts";
import type { AnswerPosition } from "./protocol.ts";
import type { FrameReader } from "./sse-body.ts";

/** Makes events of ours of the events of a response, and knows when it is complete. */
export class ResponseEventReader implements FrameReader {
  readonly #known: Known = { output: new OutputItems(), response: {} };
  readonly #steps = new AnswerSteps(this.#known.output);
  /** The skeleton of the event before; undefined until the first one. */
  #previous: JsonObject | undefined;
  #repeated: RepeatedPieces | undefined;
  #repeatedStep: StepEvent | undefined;
  readonly #order = new EventOrder();
  readonly #end = new AnswerEnd();
  /** Number of the last event before a new body began, until that has come to the events behind it. */
  #resumedAt: number | undefined;

  get hasEnded(): boolean {
    return this.#end.isReached;
  }

  get position(): AnswerPosition | undefined {
    const id = this.#known.response["id"];
    const number = this.#order.last;
    return isText(id) && /^[\w-]+$/.test(id) && number !== undefined ? { id, after: String(number) } : undefined;
  }

  get isQueued(): boolean {
    // Some servers forget to say that it is its turn; what they send then says so.
    const type = this.#previous?.["type"];
    return isText(type) && isLifecycle(type) && this.#known.response["status"] === "queued";
  }

  reopen(): void {
    this.#resumedAt = this.#order.last;
    this.#end.reopen();
  }

  /** Reads the data of one SSE event. */
  read(data: string, eventName?: string): StreamEvent[] {
    if (this.#end.isReached) return [];
    const instead = this.#resumedAt === undefined ? undefined : this.#findRest(data, this.#resumedAt);
    if (instead !== undefined) return instead;
    const piece = this.#repeated?.read(data);
    if (piece !== undefined) return this.#misplaced(piece.number) ?? [this.#repeat(piece)];
    if (data.trim() === "") return [];
    if (data.trim() === "[DONE]") return this.end();
    let frame: unknown;
    try {
      frame = JSON.parse(data);
    } catch {
      return this.fail(noJson);
    }
    return this.#read(frame, data, eventName);
  }

  /** The body or the answer has ended. */
  end(): StreamEvent[] {
    return this.fail(truncated);
  }

  fail(error: ErrorReport = reportedError): StreamEvent[] {
    return this.#end.fail(error);
  }

  /** What another body says until it comes to what is new; undefined from there on. */
  #findRest(data: string, last: number): StreamEvent[] | undefined {
    const number = numberOf(data);
    if (number === undefined) return undefined;
    if (number <= last) return [];
    this.#resumedAt = undefined;
    if (number === last + 1) return undefined;
    return this.fail({ code: "provider-error", message: "the provider left out a part of the answer" });
  }

  #read(frame: unknown, data: string, eventName: string | undefined): StreamEvent[] {
    if (!isJsonObject(frame)) {
      return this.fail({ code: "provider-error", message: "the provider sent an event that is no JSON object" });
    }
    delete frame["__proto__"];
    const type = isText(frame["type"]) ? frame["type"] : (eventName ?? "");
    const error = errorOf(type, frame);
    if (error !== undefined) return this.fail(error);
    // Until the answer begins, anything else is chatter of a proxy.
    if (this.#previous === undefined && !type.startsWith("response.")) return [];
    const misplaced = this.#misplaced(frame["sequence_number"]);
    if (misplaced !== undefined) return misplaced;
    return this.#readStep(type === frame["type"] ? frame : { type, ...frame }, data);
  }

  /** What becomes of an event that came before, or too late; undefined for all others. */
  #misplaced(number: unknown): StreamEvent[] | undefined {
    const place = typeof number === "number" ? this.#order.take(number) : "fine";
    if (place === "fine") return undefined;
    if (place === "again") return [];
    // What was said is wrong already, so that nobody can go on with it.
    return this.fail({ code: "stream-interrupted", message: "the provider sent its events in the wrong order" });
  }

  #readStep(frame: JsonObject, data: string): StreamEvent[] {
    const type = frame["type"] as string;
    const steps = this.#steps.read(frame);
    const start = this.#previous === undefined ? this.#start(frame) : undefined;
    const extra = this.#extra(frame, this.#steps.holdsPiece);
    if (!this.#known.output.apply(frame)) {
      return this.fail(breachOf("an output index is out of range"));
    }
    if (isLifecycle(type) && isJsonObject(frame["response"])) this.#known.response = frame["response"];
    const events = assemble(start, steps, extra);
    this.#learn(frame, data, start === undefined && steps.length === 1 ? steps[0] : undefined, extra);
    const reason = this.#steps.finishReason;
    return reason === undefined ? events : [...events, ...this.#end.complete(outcomeOf([reason]))];
  }

  /** What all following pieces of the same text have in common with this one. */
  #learn(frame: JsonObject, data: string, step: StepEvent | undefined, extra: FrameExtra | undefined): void {
    this.#repeated = undefined;
    if (step === undefined || !this.#steps.holdsPiece) return;
    const { set = {}, unset, verbatim } = extra ?? {};
    const isOnlyPadding = unset === undefined && Object.keys(set).every((key) => key === "obfuscation");
    if (verbatim !== undefined || !isOnlyPadding || (step.type === "text-delta" && step.logprobs !== undefined)) return;
    const text = textStreamOf(frame["type"] as string, ".delta");
    const holder = text === undefined ? undefined : this.#known.output.holder(frame, text);
    if (text === undefined || holder === undefined) return;
    this.#repeated = repeatedPieces(data, holder, text.key);
    this.#repeatedStep = step;
  }

  #repeat({ text, obfuscation }: RepeatedPiece): StreamEvent {
    const { holder, key } = this.#repeated as RepeatedPieces;
    holder[key] = (holder[key] as string) + text;
    const event = sameStep(this.#repeatedStep as StepEvent, text);
    const previous = this.#previous as JsonObject;
    if (obfuscation !== undefined && previous["obfuscation"] !== obfuscation) {
      previous["obfuscation"] = obfuscation;
      event.extra = { set: { obfuscation } };
    }
    return event;
  }

  #start(frame: JsonObject): AttemptStart {
    const response = isJsonObject(frame["response"]) ? frame["response"] : {};
    const { id, model } = response;
    const start: AttemptStart = {
      type: "attempt-start",
      provider: "",
      model: isText(model) ? model : "",
      protocol: "openai-responses",
    };
    if (isText(id)) start.responseId = id;
    return start;
  }

  #extra(frame: JsonObject, hasPiece: boolean): FrameExtra | undefined {
    const previous = (this.#previous ??= {});
    const skeleton = packFrame(frame, this.#known, hasPiece);
    if (skeleton === undefined) return { verbatim: frame };
    this.#previous = skeleton;
    return frameDifference(previous, skeleton);
  }
}

/** Which event of its response it is; undefined when it does not say. */
function numberOf(data: string): number | undefined {
  try {
    const frame: unknown = JSON.parse(data);
    const number = isJsonObject(frame) ? frame["sequence_number"] : undefined;
    return typeof number === "number" ? number : undefined;
  } catch {
    // Whoever reads the event says so.
    return undefined;
  }
}

function sameStep(step: StepEvent, text: string): StepEvent {
  switch (step.type) {
    case "text-delta":
      return { type: "text-delta", text };
    case "tool-call-delta":
      return { type: "tool-call-delta", call: step.call, argumentsText: text };
    case "reasoning-delta":
      return { type: "reasoning-delta", text };
    default:
      return { type: "refusal-delta", text };
  }
}

/** What all events of one frame are marked with. */
function assemble(
  start: AttemptStart | undefined,
  steps: readonly StepEvent[],
  extra: FrameExtra | undefined,
): StreamEvent[] {
  const events: StepEvent[] = start === undefined ? [...steps] : [start, ...steps];
  if (events.length === 0) events.push({ type: "vendor-frame" });
  const last = events.length - 1;
  for (let index = 0; index < last; index++) (events[index] as StepEvent).more = true;
  if (extra !== undefined) (events[last] as StepEvent).extra = extra as JsonObject;
  return events;
}

/** The error of an event; undefined when it is none. */
function errorOf(type: string, frame: JsonObject): ErrorReport | undefined {
  const response = isJsonObject(frame["response"]) ? frame["response"] : {};
  if (type === "error") return readStreamError(nested(frame)) ?? reportedError;
  const isTerminal = type === "response.completed" || type === "response.incomplete";
  if (type === "response.failed" || (isTerminal && response["status"] === "failed")) {
    return readStreamError({ error: response["error"] ?? {} }) ?? reportedError;
  }
  if (type === "response.cancelled" || (isTerminal && response["status"] === "cancelled")) {
    return { code: "provider-error", message: "the provider stopped the answer before it was complete" };
  }
  // Servers that fail in the middle forget the protocol's form first.
  return type === "" || (frame["error"] ?? undefined) !== undefined ? readStreamError(frame) : undefined;
}

/** The error inside of an `error` event, which is flat in the documentation and nested on the wire. */
function nested(frame: JsonObject): JsonObject {
  const error: Json = isJsonObject(frame["error"]) ? frame["error"] : { ...frame, type: null };
  return { error };
}
