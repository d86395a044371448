import type { ProtocolName } from "../../core/events.ts";

/** What the vendors that speak a protocol do with every answer, and others do not. */
export interface Habits {
  /** The answer is the protocol's own, so that nobody takes its signatures for somebody else's. */
  speaks?: ProtocolName;
  /** Reasoning ends with a proof of whose it is, and may be nothing but that. */
  signsReasoning?: true;
  /** The prompt's tokens are counted before the answer begins. */
  countsInputFirst?: true;
}

const habits: Partial<Record<ProtocolName, Habits>> = {
  "anthropic-messages": { speaks: "anthropic-messages", signsReasoning: true, countsInputFirst: true },
};

export function habitsOf(protocol: ProtocolName | undefined): Habits {
  return (protocol === undefined ? undefined : habits[protocol]) ?? {};
}
