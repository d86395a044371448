import { HeadraceError } from "../core/errors.ts";
import type { StreamEvent } from "../core/events.ts";

const maxCharacters = 1024 * 1024;

/** Holds tool calls back until the answer is finished, so that a cut inside of one was never seen. */
export class HeldToolCalls {
  /** Undefined until the first call. */
  #events: StreamEvent[] | undefined;
  #characters = 0;

  /**
   * What may be passed on now that this event has come.
   *
   * @throws HeadraceError `response-too-large` - so much is not held back.
   */
  add(event: StreamEvent): StreamEvent[] {
    if (event.type === "tool-call-start") this.#events ??= [];
    if (this.#events === undefined) return [event];
    this.#events.push(event);
    if (event.type === "finish" || event.type === "stream-end") return this.#take();
    // An event without text takes up room as well.
    this.#characters += 64 + (event.type === "tool-call-delta" ? event.argumentsText.length : 0);
    if (this.#characters <= maxCharacters) return [];
    throw new HeadraceError(
      "response-too-large",
      `tool calls of more than ${maxCharacters} characters are not held back`,
    );
  }

  /** The attempt that made them broke; whoever goes on makes its own. */
  drop(): void {
    this.#take();
  }

  #take(): StreamEvent[] {
    const events = this.#events ?? [];
    this.#events = undefined;
    this.#characters = 0;
    return events;
  }
}
