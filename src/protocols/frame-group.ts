import type { StreamEvent } from "../core/events.ts";

type GroupedEvent = Exclude<StreamEvent, { type: "stream-start" | "stream-end" | "warning" | "seam" }>;

/** Joins the events that came in one frame, which are all marked `more` but the last. */
export class FrameGroup {
  #events: StreamEvent[] = [];

  get isEmpty(): boolean {
    return this.#events.length === 0;
  }

  /** The events of the frame that this one completes; undefined while there are more to come. */
  add(event: GroupedEvent): StreamEvent[] | undefined {
    if (event.more === true) {
      this.#events.push(event);
      return undefined;
    }
    return this.isEmpty ? [event] : [...this.take(), event];
  }

  /** The events of a frame that was never completed. */
  take(): StreamEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}
