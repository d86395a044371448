import type { StreamEvent } from "./events.ts";
import type { GenerateRequest, Message } from "./request.ts";

/** What a user-written model is called with. */
export interface UserModelInput {
  /** The last user message as text. */
  prompt: string;
  messages: readonly Message[];
  /** Everything else that was asked: temperature, tools, and so on. */
  request: GenerateRequest;
  /** Aborted when nobody wants the answer any more. */
  signal: AbortSignal;
}

/**
 * A model written by a user: an async generator of text, or of events where text is not enough.
 *
 * @example
 * const poet: UserModel = async function* ({ prompt }) {
 *   yield "Roses are red, ";
 *   yield prompt;
 * };
 */
export type UserModel = (input: UserModelInput) => AsyncIterable<string | StreamEvent>;
