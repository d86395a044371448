import type { Finish, FinishReason } from "../core/events.ts";

/** Google has no reason of its own for tool calls: whoever reads `STOP` looks whether there were any. */
const reasons: ReadonlyMap<string, FinishReason> = new Map<string, FinishReason>([
  ["STOP", "stop"],
  ["MAX_TOKENS", "length"],
  ["SAFETY", "content_filter"],
  ["RECITATION", "content_filter"],
  ["BLOCKLIST", "content_filter"],
  ["PROHIBITED_CONTENT", "content_filter"],
  ["SPII", "content_filter"],
  ["IMAGE_SAFETY", "content_filter"],
  ["IMAGE_PROHIBITED_CONTENT", "content_filter"],
  ["IMAGE_RECITATION", "content_filter"],
  ["LANGUAGE", "other"],
  ["OTHER", "other"],
  ["IMAGE_OTHER", "other"],
  ["NO_IMAGE", "other"],
  ["CONTINUATION", "paused"],
  ["MALFORMED_FUNCTION_CALL", "malformed_tool_call"],
  ["UNEXPECTED_TOOL_CALL", "malformed_tool_call"],
  ["TOO_MANY_TOOL_CALLS", "malformed_tool_call"],
  ["MALFORMED_RESPONSE", "error"],
]);

const words: Record<FinishReason, string | undefined> = {
  stop: "STOP",
  stop_sequence: "STOP",
  tool_calls: "STOP",
  length: "MAX_TOKENS",
  context_full: "MAX_TOKENS",
  content_filter: "SAFETY",
  paused: "CONTINUATION",
  other: "OTHER",
  // These lead to an error, which says more than a reason could.
  malformed_tool_call: undefined,
  error: undefined,
};

/** Whether it is a word as Google writes its reasons; anything else stays in the chunk that it came in. */
export function isReasonWord(text: string): boolean {
  return /^[A-Z][A-Z0-9_]{0,63}$/.test(text);
}

/** Undefined for words that are no end. */
export function readFinishReason(
  word: string,
  hasCalls: boolean,
): Pick<Finish, "reason" | "providerReason"> | undefined {
  if (word === "" || word === "FINISH_REASON_UNSPECIFIED") return undefined;
  if (word === "STOP" && hasCalls) return { reason: "tool_calls" };
  const reason = reasons.get(word) ?? "other";
  return words[reason] === word || !isReasonWord(word) ? { reason } : { reason, providerReason: word };
}

/** Undefined for reasons that are no end. */
export function writeFinishReason({
  reason,
  providerReason,
}: Pick<Finish, "reason" | "providerReason">): string | undefined {
  return providerReason ?? words[reason];
}
