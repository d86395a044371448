import type { AttemptStart, StreamEnd, StreamEvent, StreamStart } from "../core/events.ts";
import { isWhole } from "../core/events.ts";
import { endError } from "./end-error.ts";
import type { EventWriter, WriteOptions } from "./protocol.ts";
import { UiChunks } from "./ui-message-stream-canonical.ts";
import { doneFrame } from "./ui-message-stream-chunk.ts";
import { replayParts } from "./ui-message-stream-replay.ts";
import { VerbatimChunks } from "./ui-message-stream-verbatim.ts";

/** Writes a UI message stream: chunks as they came where the provider spoke the same, else chunks of our own. */
export class UiStreamWriter implements EventWriter {
  readonly #streamId: string;
  readonly #isReplay: boolean;
  readonly #chunks = new UiChunks();
  /** While the first attempt speaks this protocol. */
  #verbatim: VerbatimChunks | undefined;
  #header: StreamStart | undefined;
  #model = "";
  #attempts = 0;

  constructor({ streamId, replay = false }: WriteOptions) {
    this.#streamId = streamId;
    this.#isReplay = replay;
  }

  write(event: StreamEvent): string[] {
    switch (event.type) {
      case "stream-start":
        this.#header = event;
        return [];
      case "warning":
      case "seam":
        return [];
      case "attempt-start":
        return this.#startAttempt(event);
      case "stream-end":
        return isWhole(event.outcome) ? this.#close(event) : this.#break(event);
      default:
        // A message has one answer.
        if ("choice" in event && event.choice !== undefined && event.choice > 0) return [];
        return this.#verbatim === undefined ? this.#chunks.write(event) : this.#verbatim.write(event);
    }
  }

  #startAttempt(event: AttemptStart): string[] {
    this.#attempts += 1;
    const isFirst = this.#attempts === 1;
    this.#chunks.beginAttempt(event.protocol, isFirst);
    this.#verbatim = undefined;
    if (!isFirst) return [];
    this.#model = event.model === "" ? (this.#header?.model ?? "") : event.model;
    if (event.protocol !== "ui-message-stream") return this.#start();
    this.#verbatim = new VerbatimChunks(this.#chunks);
    return this.#verbatim.write(event);
  }

  #start(): string[] {
    const continued = this.#header?.chat?.continues;
    const messageId = continued?.messageId ?? `msg_${this.#streamId}`;
    const metadata = { streamId: this.#streamId, model: this.#model, createdAt: this.#header?.createdAt };
    return this.#chunks.start(messageId, metadata, this.#isReplay ? replayParts(continued?.parts ?? []) : []);
  }

  #close({ outcome }: StreamEnd): string[] {
    if (this.#verbatim?.hasFinished === true) return [doneFrame];
    const start = this.#attempts === 0 ? this.#start() : [];
    return [...start, ...this.#chunks.close(outcome, { streamId: this.#streamId })];
  }

  #break(end: StreamEnd): string[] {
    const { outcome } = end;
    const { code, message } = endError(end);
    const metadata = { streamId: this.#streamId, outcome, errorCode: code };
    if (outcome === "cancelled") return this.#chunks.break({ type: "abort", reason: message }, metadata);
    return this.#chunks.break({ type: "error", errorText: message }, metadata);
  }
}
