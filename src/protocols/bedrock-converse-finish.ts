import type { Finish, FinishReason } from "../core/events.ts";

const reasons: ReadonlyMap<string, FinishReason> = new Map<string, FinishReason>([
  ["end_turn", "stop"],
  ["stop_sequence", "stop_sequence"],
  ["tool_use", "tool_calls"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "context_full"],
  ["content_filtered", "content_filter"],
  ["guardrail_intervened", "content_filter"],
  ["malformed_tool_use", "malformed_tool_call"],
  ["malformed_model_output", "error"],
]);

const longestReason = 64;

export function readStopReason(word: string): Pick<Finish, "reason" | "providerReason"> {
  const reason = reasons.get(word) ?? "other";
  return writeStopReason(reason) === word || word.length > longestReason
    ? { reason }
    : { reason, providerReason: word };
}

const words: Record<FinishReason, string | undefined> = {
  stop: "end_turn",
  stop_sequence: "stop_sequence",
  tool_calls: "tool_use",
  length: "max_tokens",
  context_full: "model_context_window_exceeded",
  content_filter: "content_filtered",
  paused: "end_turn",
  other: "end_turn",
  // These lead to an exception, which says more than a reason could.
  malformed_tool_call: undefined,
  error: undefined,
};

/** Undefined for reasons that are no end. */
export function writeStopReason(reason: FinishReason): string | undefined {
  return words[reason];
}
