import type { StreamEvent } from "./events.ts";
import type { Observe } from "./observer.ts";
import type { GenerateRequest } from "./request.ts";

export interface SourceOptions {
  /** Aborted when nobody wants the answer any more; the source then stops its work within 250 ms. */
  signal: AbortSignal;
  observe?: Observe;
}

/**
 * Where answers come from: a provider, a user's own generator, or either of them made sturdier by a wrapper.
 *
 * Yields `attempt-start`, the steps of the answer, then one `stream-end` with a whole outcome. Everything else that
 * can happen is thrown as a HeadraceError, so that a wrapper can decide what to do about it.
 */
export type StreamSource = (request: GenerateRequest, options: SourceOptions) => AsyncIterable<StreamEvent>;
