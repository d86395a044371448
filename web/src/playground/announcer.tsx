import type { AnswerView } from "./answer.ts";
import type { Conversation } from "./conversation.ts";

/** Tells those who hear the page what becomes of the last answers; their text, which grows, is read on request. */
export function Announcer({ conversations }: { conversations: readonly Conversation[] }) {
  const last = conversations.flatMap(({ exchanges }) => exchanges.slice(-1));
  return (
    <p role="status" aria-label="Progress" className="sr-only">
      {last.map(({ answer }) => `${last.length > 1 ? `${answer.model}: ` : ""}${wordsFor(answer)}`).join(" ")}
    </p>
  );
}

function wordsFor({ state, away, resumedAfter, seams, toolCalls }: AnswerView): string {
  if (state === "complete") return toolCalls.length > 0 ? "The model calls a tool." : "The answer is complete.";
  if (state === "stopped") return "The answer was stopped.";
  // Its error is announced where it stands.
  if (state === "broken") return "";
  if (away === true) return "The gateway does not answer. Trying again.";
  const cuts = resumedAfter.length > 0 ? " The connection was cut and resumed." : "";
  return `Answering.${cuts}${seams.length > 0 ? " Another provider went on." : ""}`;
}
