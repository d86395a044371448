import type { Finish, FinishReason, Outcome } from "../core/events.ts";

const words: Record<FinishReason, string> = {
  stop: "stop",
  stop_sequence: "stop",
  tool_calls: "tool-calls",
  length: "length",
  context_full: "length",
  content_filter: "content-filter",
  paused: "other",
  other: "other",
  malformed_tool_call: "error",
  error: "error",
};

const reasons: ReadonlyMap<string, FinishReason> = new Map<string, FinishReason>([
  ["stop", "stop"],
  ["length", "length"],
  ["content-filter", "content_filter"],
  ["tool-calls", "tool_calls"],
  ["error", "error"],
  ["other", "other"],
]);

export function writeFinishReason(reason: FinishReason): string {
  return words[reason];
}

/** Servers that write their streams by hand often leave the reason out. */
export function readFinishReason(word: unknown): Pick<Finish, "reason" | "providerReason"> {
  if (typeof word !== "string" || word === "") return { reason: "stop" };
  const reason = reasons.get(word);
  return reason === undefined ? { reason: "other", providerReason: word.slice(0, 64) } : { reason };
}

/** For an answer that is whole though nobody said why it ended. */
export function reasonOfOutcome(outcome: Outcome, hasToolCalls: boolean): FinishReason {
  if (outcome === "length" || outcome === "content_filter") return outcome;
  return hasToolCalls ? "tool_calls" : "stop";
}
