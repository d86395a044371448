import type { Finish, FinishReason } from "../core/events.ts";

const reasons: ReadonlyMap<string, FinishReason> = new Map<string, FinishReason>([
  ["end_turn", "stop"],
  ["max_tokens", "length"],
  ["stop_sequence", "stop_sequence"],
  ["tool_use", "tool_calls"],
  ["pause_turn", "paused"],
  ["refusal", "content_filter"],
  ["model_context_window_exceeded", "context_full"],
]);

/** Longer words than this are no reason; they stay in the frame they came in. */
export const longestReason = 64;

export function readStopReason(word: string): Pick<Finish, "reason" | "providerReason"> {
  const reason = reasons.get(word);
  return reason === undefined ? { reason: "other", providerReason: word } : { reason };
}

const words: Record<FinishReason, string> = {
  stop: "end_turn",
  length: "max_tokens",
  stop_sequence: "stop_sequence",
  tool_calls: "tool_use",
  paused: "pause_turn",
  content_filter: "refusal",
  context_full: "model_context_window_exceeded",
  other: "end_turn",
  // These lead to an error, which says more than a reason could.
  malformed_tool_call: "end_turn",
  error: "end_turn",
};

export function writeStopReason(reason: FinishReason): string {
  return words[reason];
}
