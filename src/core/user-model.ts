import type { StreamEvent } from "./events.ts";
import type { GenerateRequest } from "./request.ts";

/** What a user-written model is called with: the neutral request, and its most used parts ready to hand. */
export interface UserModelInput extends GenerateRequest {
  /** The last user message as text. */
  prompt: string;
  /** All system and developer texts, joined by blank lines; empty when there are none. */
  system: string;
  /** Aborted when nobody wants the answer any more. */
  signal: AbortSignal;
}

/**
 * A model written by a user: an async generator of text, or of events where text is not enough (reasoning, tool calls,
 * usage).
 *
 * Returning ends the answer as complete; throwing ends it as failed. When the answer is stopped, `signal` aborts and the
 * generator's `finally` runs.
 *
 * @example
 * const poet: UserModel = async function* ({ prompt }) {
 *   yield "Roses are red, ";
 *   yield prompt;
 * };
 */
export type UserModel = (
  input: UserModelInput,
  options: { signal: AbortSignal },
) => AsyncIterable<string | StreamEvent> | Iterable<string | StreamEvent>;
