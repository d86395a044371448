import { HeadraceError, isErrorCode } from "../core/errors.ts";
import type { FinishReason, StreamEnd, StreamEvent, Usage } from "../core/events.ts";
import { isWhole } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { AnswerEnd, reportedError, truncated } from "./answer-end.ts";
import { parseObject } from "./json-values.ts";
import { readError, writeError } from "./openai-chat-errors.ts";
import { readPromptRequest, readQueryNumbers, writePromptRequest } from "./prompt-request.ts";
import type { EventReader, EventWriter, Protocol, WriteOptions } from "./protocol.ts";
import { createSseReader, sseFrame } from "./sse.ts";
import { isUsage, readTextAnswer, writeTextAnswer } from "./text-answer.ts";
import { WholeCharacters } from "./whole-characters.ts";

/**
 * What a browser's EventSource reads without a library: each piece of text a message, then `done` with a summary and the
 * `[DONE]` that many clients look for. A failure is an `error` event, then `end`.
 */
export const eventSource: Protocol = {
  name: "event-source",
  framing: "sse",
  contentType: "text/event-stream",
  readRequest: (query) => readPromptRequest(readQueryNumbers(query)),
  writeRequest: writePromptRequest,
  createEventReader: () => new MessageReader(),
  createEventWriter: (options) => new MessageWriter(options),
  readAnswer: readTextAnswer,
  writeAnswer: writeTextAnswer,
  readError,
  writeError,
};

const done = "[DONE]";

class MessageWriter implements EventWriter {
  readonly #streamId: string;
  readonly #characters = new WholeCharacters();
  #model = "";
  #finishReason: FinishReason | undefined;
  #usage: Usage | undefined;
  #textLength = 0;

  constructor({ streamId }: WriteOptions) {
    this.#streamId = streamId;
  }

  write(event: StreamEvent): string[] {
    switch (event.type) {
      case "text-delta":
        return (event.choice ?? 0) === 0 ? this.#text(this.#characters.take(event.text)) : [];
      case "stream-start":
      case "attempt-start":
        if (event.model !== "") this.#model = event.model;
        return [];
      case "finish":
        if ((event.choice ?? 0) === 0) this.#finishReason = event.reason;
        return [];
      case "usage":
        this.#usage = event.usage;
        return [];
      case "stream-end":
        return [
          ...this.#text(this.#characters.rest()),
          ...(isWhole(event.outcome) ? this.#whole(event) : broken(event)),
        ];
      default:
        return [];
    }
  }

  #text(text: string): string[] {
    this.#textLength += text.length;
    return text === "" ? [] : writeText(text);
  }

  #whole({ outcome }: StreamEnd): string[] {
    const summary = {
      streamId: this.#streamId,
      model: this.#model,
      outcome,
      finishReason: this.#finishReason,
      usage: this.#usage,
      textLength: this.#textLength,
    };
    return [sseFrame({ event: "done", data: JSON.stringify(summary) }), sseFrame({ data: done })];
  }
}

function writeText(text: string): string[] {
  // A model that says exactly this would end the answer for its client; in two messages it is only text.
  if (text === done) return [sseFrame({ data: "[DO" }), sseFrame({ data: "NE]" })];
  return [sseFrame({ data: text })];
}

function broken({ outcome, error }: StreamEnd): string[] {
  const { code, message } = error ?? {
    code: outcome === "cancelled" ? "cancelled" : "stream-interrupted",
    message: outcome === "cancelled" ? "the stream was stopped before it was complete" : "the answer broke off",
  };
  return [
    sseFrame({ event: "error", data: JSON.stringify({ code, message }) }),
    sseFrame({ event: "end", data: JSON.stringify({ outcome }) }),
  ];
}

class MessageReader implements EventReader {
  readonly #frames = createSseReader();
  #hasStarted = false;
  readonly #end = new AnswerEnd();

  push(bytes: Uint8Array): StreamEvent[] {
    if (this.#end.isReached) return [];
    try {
      return this.#frames.push(bytes).flatMap(({ event, data }) => this.#read(event, data));
    } catch (error) {
      if (error instanceof HeadraceError) return this.#end.fail(error.report());
      throw error;
    }
  }

  end(): StreamEvent[] {
    return this.#end.fail(truncated);
  }

  #read(event: string | undefined, data: string): StreamEvent[] {
    if (this.#end.isReached) return [];
    if (event === "done") return this.#finish(parseObject(data) ?? {});
    if (event === "error") {
      // The name of the event says enough.
      const { code } = parseObject(data) ?? {};
      return this.#end.fail({ ...reportedError, ...(isErrorCode(code) && { code }) });
    }
    if (event !== undefined) return [];
    if (data === done) return this.#finish({});
    return this.#started([{ type: "text-delta", text: data }], "");
  }

  #finish({ model, finishReason, outcome, usage }: JsonObject): StreamEvent[] {
    const isKnown = outcome === "length" || outcome === "content_filter";
    const reason = typeof finishReason === "string" ? (finishReason as FinishReason) : isKnown ? outcome : "stop";
    const events: StreamEvent[] = [{ type: "finish", reason }];
    if (isUsage(usage)) events.push({ type: "usage", usage });
    events.push(...this.#end.complete(isKnown ? outcome : "completed"));
    return this.#started(events, typeof model === "string" ? model : "");
  }

  #started(events: StreamEvent[], model: string): StreamEvent[] {
    if (this.#hasStarted) return events;
    this.#hasStarted = true;
    return [{ type: "attempt-start", provider: "", model }, ...events];
  }
}
