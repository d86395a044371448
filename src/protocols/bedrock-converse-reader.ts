import type { ErrorReport } from "../core/errors.ts";
import type { Outcome, StreamEnd, StreamEvent } from "../core/events.ts";
import { outcomeOf } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { AnswerEnd, breachOf, truncated } from "./answer-end.ts";
import type { AwsMessage } from "./aws-event-stream.ts";
import { AwsEventStreamReader } from "./aws-event-stream.ts";
import { CanonicalFrames } from "./bedrock-converse-canonical.ts";
import { readStreamException } from "./bedrock-converse-errors.ts";
import { readStopReason } from "./bedrock-converse-finish.ts";
import type { ConverseFrame } from "./bedrock-converse-frames.ts";
import { differenceFromCanonical } from "./bedrock-converse-frames.ts";
import { ConverseSteps, type StepEvent } from "./bedrock-converse-steps.ts";
import { readUsage } from "./bedrock-converse-usage.ts";
import { isText, parseObject } from "./json-values.ts";
import type { EventReader } from "./protocol.ts";
import { type RepeatedFrame, repeatedFrame } from "./repeated-frame.ts";

/** Reads a body of binary messages. */
export class ConverseBodyReader implements EventReader {
  readonly #messages = new AwsEventStreamReader();
  readonly #frames = new ConverseFrameReader();

  push(bytes: Uint8Array): StreamEvent[] {
    const messages = this.#messages.push(bytes);
    const [first] = messages;
    if (messages.length === 1 && first !== undefined && this.#messages.failure === undefined) {
      return this.#frames.read(first);
    }
    const events = messages.flatMap((message) => this.#frames.read(message));
    const { failure } = this.#messages;
    return failure === undefined ? events : [...events, ...this.#frames.fail(failure.report())];
  }

  end(): StreamEvent[] {
    return this.#frames.end();
  }
}

/** Makes events of a stream's frames, and knows when the answer is complete. */
export class ConverseFrameReader {
  readonly #steps = new ConverseSteps();
  readonly #canonical = new CanonicalFrames();
  readonly #end = new AnswerEnd();
  #repeated: RepeatedFrame | undefined;
  #isStarted = false;
  /** How the answer ended; the body goes on with its usage. */
  #finished: Outcome | undefined;
  /** Why the answer is none, though the provider came to its end. */
  #failure: ErrorReport | undefined;

  /** Reads a message. */
  read({ messageType, name, payload }: AwsMessage): StreamEvent[] {
    if (this.#end.isReached) return [];
    if (messageType !== "event") return this.fail(readStreamException(name, payload));
    const data = withoutPadding(payload);
    const repetition = name === "contentBlockDelta" ? this.#repeated?.read(data) : undefined;
    if (repetition !== undefined) return [repetition];
    const parsed = parsePayload(data);
    if (parsed === undefined) {
      // Its checksums are right, so it is a mistake of the provider's and costs no more than itself.
      this.#repeated = undefined;
      return this.#end.malformed("events in a row that are no JSON objects");
    }
    this.#end.wellFormed();
    const events = this.readFrame({ type: name, payload: parsed });
    const [event] = events;
    this.#repeated = events.length === 1 && event !== undefined ? repetitionOf(data, event) : undefined;
    return events;
  }

  /** Reads a frame whose payload has no padding. */
  readFrame(frame: ConverseFrame): StreamEvent[] {
    if (this.#end.isReached) return [];
    const { type, payload } = frame;
    delete payload["__proto__"];
    const steps = this.#stepsOf(frame);
    if (steps === undefined) return this.fail(breachOf("more tool calls than an answer can have"));
    if (type === "messageStop" && this.#failure !== undefined) return [];
    if (!this.#isStarted) {
      this.#isStarted = true;
      steps.unshift({ type: "attempt-start", provider: "", model: "", protocol: "bedrock-converse" });
    }
    if (steps.length === 0) steps.push({ type: "vendor-frame" });
    const events: StreamEvent[] = this.#marked(steps, frame);
    // Nothing comes after the usage.
    return type === "metadata" && this.#isDone() ? [...events, ...this.end()] : events;
  }

  /** The body has ended. */
  end(): StreamEvent[] {
    if (this.#failure !== undefined) return this.#end.fail(this.#failure);
    return this.#finished === undefined ? this.#end.fail(truncated) : this.#end.complete(this.#finished);
  }

  fail(error: ErrorReport): StreamEnd[] {
    return this.#end.fail(error);
  }

  #isDone(): boolean {
    return this.#finished !== undefined || this.#failure !== undefined;
  }

  #stepsOf({ type, payload }: ConverseFrame): StepEvent[] | undefined {
    switch (type) {
      case "contentBlockStart":
        return this.#steps.start(payload);
      case "contentBlockDelta":
        return this.#steps.delta(payload);
      case "contentBlockStop":
        return this.#steps.stop(payload);
      case "messageStop":
        return this.#finish(payload);
      case "metadata": {
        const usage = isJsonObject(payload["usage"]) ? readUsage(payload["usage"]) : undefined;
        return usage === undefined ? [] : [{ type: "usage", usage }];
      }
      default:
        return [];
    }
  }

  #finish({ stopReason }: JsonObject): StepEvent[] {
    if (this.#isDone()) return [];
    const word = isText(stopReason) ? stopReason : "";
    const finish = readStopReason(word);
    if (finish.reason === "malformed_tool_call" || finish.reason === "error") {
      this.#failure = {
        code: "provider-error",
        message: "the model's output could not be read by its provider",
        providerCode: word,
      };
      return [];
    }
    this.#finished = outcomeOf([finish.reason]);
    return [{ type: "finish", ...finish }];
  }

  /** Puts on the last event of a frame what the events do not say of it. */
  #marked(steps: StepEvent[], frame: ConverseFrame): StepEvent[] {
    const last = steps.length - 1;
    let expected: ConverseFrame[] = [];
    for (const [index, step] of steps.entries()) {
      expected = this.#canonical.frames(step);
      if (index < last) step.more = true;
    }
    const extra = differenceFromCanonical(expected, frame);
    if (extra === undefined) return steps;
    const step = steps[last] as StepEvent;
    step.extra = extra as JsonObject;
    this.#canonical.note(frame, step);
    return steps;
  }
}

/**
 * Bedrock fills payloads up with a member `p` of random length, so that nobody can tell words by the length of their
 * frames. It says nothing, and would make every frame a new one.
 */
function withoutPadding(payload: string): string {
  const at = payload.lastIndexOf(',"p":"');
  return at !== -1 && /^,"p":"[A-Za-z0-9]*"\}$/.test(payload.slice(at)) ? `${payload.slice(0, at)}}` : payload;
}

function parsePayload(text: string): JsonObject | undefined {
  const payload = parseObject(text);
  // Padding that was written in another way.
  if (typeof payload?.["p"] === "string") delete payload["p"];
  return payload;
}

/** Of a delta that had nothing to say but its text. */
function repetitionOf(data: string, event: StreamEvent): RepeatedFrame | undefined {
  if ("extra" in event) return undefined;
  switch (event.type) {
    case "text-delta":
    case "reasoning-delta": {
      const { type } = event;
      return repeatedFrame(data, { key: "text", text: event.text, withText: (text) => ({ type, text }) });
    }
    case "tool-call-delta": {
      const { call } = event;
      const withText = (argumentsText: string): StreamEvent => ({ type: "tool-call-delta", call, argumentsText });
      return repeatedFrame(data, { key: "input", text: event.argumentsText, withText });
    }
    default:
      return undefined;
  }
}
