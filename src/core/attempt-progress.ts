import type { FinishReason, StreamEvent, Usage } from "./events.ts";
import type { Resumption } from "./resumption.ts";

/**
 * What an attempt has brought so far, written by its source as bytes arrive. Whoever watches it compares the counters
 * with what they were, so that nothing is spent on an event but an addition.
 */
export class AttemptProgress {
  /** Set by a source that keeps this up to date and ends promptly when its signal aborts. */
  reports = false;
  /** Grows with everything that arrives, comments and pings included. */
  reads = 0;
  /** Grows with each step of the answer. */
  steps = 0;
  /** The consumer is behind, so that nothing is taken from the provider: silence is not its fault. */
  isPaused = false;
  /** The model has begun to speak, as opposed to thinking or calling tools. */
  hasText = false;
  /** Of everything that the model wrote, its thoughts and its calls included. */
  characters = 0;
  usage: Usage | undefined;
  /** How many of the characters had come when usage was reported. */
  charactersCounted = 0;
  finishReason: FinishReason | undefined;
  /** Choices that are complete. */
  finished = 0;
  /** Set by a source whose provider goes on with the answer when the connection breaks, until the provider has ended it. */
  resumption: Resumption | undefined;
  /** Whether the provider said that the answer has to wait for its turn; set by a source that would know. */
  isQueued: (() => boolean) | undefined;
  /** Ends the answer as if the provider's body had ended here; set by the source. */
  conclude: (() => void) | undefined;
  /** Called once, when the source has a connection to its provider; by sources that know. */
  onConnect: ((connection: { reused: boolean }) => void) | undefined;
  /** Called once, when the head of the provider's response is there, whatever it says. */
  onFirstByte: (() => void) | undefined;
  /** Called once, when nothing more comes; with an error when the answer is not whole. */
  onEnd: ((error?: unknown) => void) | undefined;

  /** Takes over what another attempt has brought of the same answer. */
  goOnFrom(before: AttemptProgress): void {
    this.hasText = before.hasText;
    this.characters = before.characters;
    this.usage = before.usage;
    this.charactersCounted = before.charactersCounted;
    this.finishReason = before.finishReason;
    this.finished = before.finished;
  }

  /** Takes note of an event. */
  see(event: StreamEvent): void {
    switch (event.type) {
      case "vendor-frame":
      case "attempt-start":
      case "warning":
        return;
      case "usage":
        this.usage = event.usage;
        this.charactersCounted = this.characters;
        return;
      case "finish":
        this.finishReason ??= event.reason;
        this.finished++;
        break;
      case "text-delta":
        if (event.text === "") return;
        this.hasText = true;
        this.characters += event.text.length;
        break;
      case "reasoning-delta":
      case "refusal-delta":
        if (event.text === "") return;
        this.characters += event.text.length;
        break;
      case "tool-call-delta":
        this.characters += event.argumentsText.length;
        break;
      default:
    }
    this.steps++;
  }

  end(error?: unknown): void {
    const { onEnd } = this;
    this.onEnd = undefined;
    this.conclude = undefined;
    onEnd?.(error);
  }
}

/** Whether an event is a part of the answer that its reader has been waiting for. */
export function isStepOfAnswer(event: StreamEvent): boolean {
  switch (event.type) {
    case "text-delta":
    case "reasoning-delta":
    case "refusal-delta":
      return event.text !== "";
    case "tool-call-start":
    case "tool-call-delta":
    case "reasoning-signature":
    case "citation":
    case "finish":
    case "stream-end":
      return true;
    default:
      return false;
  }
}
