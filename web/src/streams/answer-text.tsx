import type { ReactNode } from "react";

import { Notice } from "../elements/notice.tsx";
import type { AnswerView } from "../playground/answer.ts";

/** The text as it was sent, with its seams where they are; `share` of it while it is replayed. */
export function AnswerText({ answer, share }: { answer: AnswerView; share: number }) {
  const { text, reasoning, toolCalls, error } = answer;
  const nothing = text === "" && reasoning === "" && toolCalls.length === 0;
  return (
    <div className="flex flex-col gap-4">
      {reasoning !== "" && (
        <details className="text-muted">
          <summary className="w-fit text-xs font-medium">Reasoning</summary>
          <p className="border-line mt-1 border-l-2 pl-3 whitespace-pre-wrap">{reasoning}</p>
        </details>
      )}
      {text !== "" && (
        <p aria-label="Answer" role="group" className="max-w-3xl text-base break-words whitespace-pre-wrap">
          {withSeams(answer, Math.round(text.length * share))}
        </p>
      )}
      {toolCalls.map(({ name, argumentsText }, index) => (
        // Calls keep their place.
        // oxlint-disable-next-line react/no-array-index-key
        <pre key={index} className="bg-raised overflow-x-auto rounded-lg p-3 font-mono text-xs" tabIndex={0}>
          {name}({argumentsText})
        </pre>
      ))}
      {nothing && error === undefined && <Notice>Nothing was said{answer.outcome === undefined ? " yet" : ""}.</Notice>}
      {error !== undefined && <Notice tone="bad">{error}</Notice>}
    </div>
  );
}

function withSeams({ text, seams }: AnswerView, length: number): ReactNode[] {
  const pieces: ReactNode[] = [];
  let from = 0;
  for (const { at, toAttempt, rung } of seams) {
    if (at > length) break;
    pieces.push(
      text.slice(from, at),
      <span
        key={toAttempt}
        data-seam=""
        className="seam-mark"
        title={`Attempt ${toAttempt} broke off here; attempt ${toAttempt + 1} goes on, by ${rung}`}
      >
        attempt {toAttempt + 1}
      </span>,
    );
    from = at;
  }
  return [...pieces, text.slice(from, length)];
}
