import type { StreamEvent, Usage } from "./events.ts";
import type { SourceOptions } from "./source.ts";

/** A generation that goes on at its provider though the connection to it broke, so that the rest of it can be fetched. */
export interface Resumption {
  /** What its attempts so far were counted with; set by whoever counts. */
  counted?: Usage;
  /**
   * The rest, as an attempt of its own: `attempt-start`, and then exactly what was not given yet.
   *
   * Throws where the provider does not have it any more.
   */
  open(options: SourceOptions): AsyncIterable<StreamEvent>;
  /** Tells the provider, once, that nobody wants the rest. Resolves when that was tried; never rejects. */
  abandon(): Promise<void>;
}
