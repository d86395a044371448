import type { StreamEvent } from "../core/events.ts";
import { readError, writeError } from "./openai-chat-errors.ts";
import { readPromptRequest, writePromptRequest } from "./prompt-request.ts";
import type { EventReader, EventWriter, Protocol } from "./protocol.ts";
import { readTextAnswer, writeTextAnswer } from "./text-answer.ts";
import { WholeCharacters } from "./whole-characters.ts";

/** The text of an answer and nothing else, as `curl` shows it. Only the connection can tell whether it is complete. */
export const plainText: Protocol = {
  name: "plain-text",
  framing: "text",
  contentType: "text/plain; charset=utf-8",
  readRequest: readPromptRequest,
  writeRequest: writePromptRequest,
  createEventReader: () => new TextReader(),
  createEventWriter: () => new TextWriter(),
  readAnswer: readTextAnswer,
  writeAnswer: writeTextAnswer,
  readError,
  writeError,
};

class TextWriter implements EventWriter {
  readonly #characters = new WholeCharacters();

  write(event: StreamEvent): string[] {
    if (event.type === "text-delta" && (event.choice ?? 0) === 0) return asFrames(this.#characters.take(event.text));
    return event.type === "stream-end" ? asFrames(this.#characters.rest()) : [];
  }
}

function asFrames(text: string): string[] {
  return text === "" ? [] : [text];
}

class TextReader implements EventReader {
  readonly #decoder = new TextDecoder();
  #hasStarted = false;
  #hasEnded = false;

  push(bytes: Uint8Array): StreamEvent[] {
    return this.#hasEnded ? [] : this.#read(this.#decoder.decode(bytes, { stream: true }));
  }

  end(): StreamEvent[] {
    if (this.#hasEnded) return [];
    const events = this.#read(this.#decoder.decode());
    this.#hasEnded = true;
    if (this.#hasStarted) {
      return [...events, { type: "finish", reason: "stop" }, { type: "stream-end", outcome: "completed" }];
    }
    const error = { code: "stream-truncated", message: "the provider's answer is empty" } as const;
    return [{ type: "stream-end", outcome: "failed", error }];
  }

  #read(text: string): StreamEvent[] {
    if (text === "") return [];
    const events: StreamEvent[] = [];
    if (!this.#hasStarted) events.push({ type: "attempt-start", provider: "", model: "" });
    this.#hasStarted = true;
    return [...events, { type: "text-delta", text }];
  }
}
