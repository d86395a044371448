import type { Finish, FinishReason, Outcome } from "../core/events.ts";

const reasons: ReadonlyMap<string, FinishReason> = new Map<string, FinishReason>([
  ["stop", "stop"],
  ["length", "length"],
  ["tool_calls", "tool_calls"],
  ["content_filter", "content_filter"],
  ["function_call", "tool_calls"],
  ["eos", "stop"],
  ["end_turn", "stop"],
  ["stop_sequence", "stop_sequence"],
  ["max_tokens", "length"],
  ["model_length", "context_full"],
  ["error", "error"],
  ["insufficient_system_resource", "error"],
]);

/** Longer words than this are no reason; they stay in the frame they came in. */
export const longestReason = 64;

export function readFinishReason(word: string): Pick<Finish, "reason" | "providerReason"> {
  const reason = reasons.get(word) ?? "other";
  return reason === word ? { reason } : { reason, providerReason: word };
}

const words: Record<FinishReason, string | undefined> = {
  stop: "stop",
  stop_sequence: "stop",
  tool_calls: "tool_calls",
  length: "length",
  context_full: "length",
  content_filter: "content_filter",
  // There is more to come for whoever knows how to ask; to all others it is an answer that was cut short.
  paused: "length",
  other: "stop",
  // These lead to an error, which says more than a reason could.
  malformed_tool_call: undefined,
  error: undefined,
};

/** The word that every client knows; undefined for reasons that are no end. */
export function writeFinishReason(reason: FinishReason): string | undefined {
  return words[reason];
}

/** For a choice that nobody finished though the answer is whole. */
export function finishReasonOf(outcome: Outcome): FinishReason {
  return outcome === "length" || outcome === "content_filter" ? outcome : "stop";
}
