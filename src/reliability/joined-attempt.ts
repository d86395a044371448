import { HeadraceError } from "../core/errors.ts";
import type { AttemptStart, StreamEvent, Usage } from "../core/events.ts";
import { usageParts } from "../core/usage-parts.ts";
import { JsonPrefix } from "./json-prefix.ts";

export interface JoinedAttemptOptions {
  /** Everything visible before the seam. */
  text: string;
  reasoning: string;
  /** The answer has to be one JSON document. */
  isJson: boolean;
  /** Of all attempts before. */
  usage: Usage;
}

/**
 * Makes the events of an attempt fit behind a seam: nothing is said twice, no block begins twice, and nothing is left that
 * only makes sense beside the frames of the attempt it came from.
 */
export class JoinedAttempt {
  readonly #options: JoinedAttemptOptions;
  readonly #json: JsonPrefix | undefined;
  /** What of the reasoning is still to be repeated before it is new; undefined once it said something else. */
  #toRepeat: string | undefined;
  #hasText: boolean;
  #isInHiddenBlock = false;

  constructor(options: JoinedAttemptOptions) {
    this.#options = options;
    this.#hasText = options.text !== "";
    this.#toRepeat = options.reasoning;
    this.#json = options.isJson ? new JsonPrefix() : undefined;
    this.#json?.push(options.text);
  }

  /** The announcement of the attempt; frames of its protocol cannot be put back together behind a seam. */
  start({ provider, model, attempt, responseId }: AttemptStart): AttemptStart {
    const start: AttemptStart = { type: "attempt-start", provider, model };
    if (attempt !== undefined) start.attempt = attempt;
    if (responseId !== undefined) start.responseId = responseId;
    return start;
  }

  /**
   * The event as it fits; undefined when nothing is left of it.
   *
   * @throws HeadraceError `stream-interrupted` - both parts together are no JSON document.
   */
  fit(event: StreamEvent): StreamEvent | undefined {
    switch (event.type) {
      case "text-delta":
        this.#hasText = true;
        this.#json?.push(event.text);
        this.#checkJson(false);
        return plain(event);
      case "reasoning-delta": {
        const text = this.#newReasoning(event.text);
        return text === "" ? undefined : { ...plain(event), text };
      }
      case "reasoning-signature":
        return this.#hasText || this.#toRepeat !== "" || this.#options.reasoning !== "" ? undefined : plain(event);
      case "block-start":
        this.#isInHiddenBlock = event.kind === "reasoning" ? this.#options.reasoning !== "" || this.#hasText : false;
        // The text goes on in the block that it was begun in.
        return this.#isInHiddenBlock || (event.kind === "text" && this.#options.text !== "") ? undefined : plain(event);
      case "block-end":
        return this.#isInHiddenBlock ? undefined : plain(event);
      case "finish":
        if (event.reason === "stop" || event.reason === "stop_sequence") this.#checkJson(true);
        return plain(event);
      case "usage":
        return { type: "usage", usage: addUsage(this.#options.usage, event.usage) };
      case "vendor-frame":
      case "attempt-start":
      case "stream-start":
        return undefined;
      default:
        return plain(event);
    }
  }

  #newReasoning(text: string): string {
    if (this.#hasText || this.#toRepeat === undefined) return "";
    const rest = this.#toRepeat;
    if (text.startsWith(rest)) {
      this.#toRepeat = "";
      return text.slice(rest.length);
    }
    this.#toRepeat = rest.startsWith(text) ? rest.slice(text.length) : undefined;
    return "";
  }

  #checkJson(isEnd: boolean): void {
    if (this.#json === undefined || (isEnd ? this.#json.isComplete : this.#json.isValid)) return;
    throw new HeadraceError("stream-interrupted", "the answer broke off, and what came after it made no valid JSON");
  }
}

/** Without what belongs to a frame of the attempt's own protocol. */
function plain<Event extends StreamEvent>(event: Event): Event {
  if (!("extra" in event) && !("more" in event)) return event;
  const { extra: _extra, more: _more, ...rest } = event as Event & { extra?: unknown; more?: unknown };
  return rest as unknown as Event;
}

/** The usage of several attempts together. */
export function addUsage(one: Usage, other: Usage): Usage {
  const sum: Usage = {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
  };
  for (const part of usageParts) {
    const tokens = (one[part] ?? 0) + (other[part] ?? 0);
    if (tokens > 0) sum[part] = tokens;
  }
  if (one.estimated === true || other.estimated === true) sum.estimated = true;
  return sum;
}
