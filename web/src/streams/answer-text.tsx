import { lazy, Suspense, useState } from "react";

import { Button } from "../elements/button.tsx";
import { Notice } from "../elements/notice.tsx";
import type { AnswerView } from "../playground/answer.ts";
import { LongText, type Mark } from "./long-text.tsx";
import { partOf } from "./part-of-answer.ts";

const Markdown = lazy(() => import("../markdown/markdown.tsx").then((module) => ({ default: module.Markdown })));

/** The text as it was sent, or as a page, with its seams where they are; `share` of it while it is replayed. */
export function AnswerText({ answer, share }: { answer: AnswerView; share: number }) {
  const [rendered, setRendered] = useState(false);
  const { text, reasoning, refusal, toolCalls } = partOf(answer, share);
  const { error, seams } = answer;
  const nothing = text === "" && reasoning === "" && refusal === "" && toolCalls.length === 0;
  return (
    <div className="flex flex-col gap-4">
      {text !== "" && (
        <Button className="self-start" aria-pressed={rendered} onClick={() => setRendered(!rendered)}>
          Show as markdown
        </Button>
      )}
      {reasoning !== "" && (
        <details className="text-muted" open={text === "" && share < 1}>
          <summary className="w-fit text-xs font-medium">Reasoning</summary>
          <p className="border-line mt-1 border-l-2 pl-3 whitespace-pre-wrap">{reasoning}</p>
        </details>
      )}
      {text !== "" && (
        <div
          aria-label="Answer"
          role="group"
          className={`max-w-3xl text-base break-words ${rendered ? "" : "whitespace-pre-wrap"}`}
        >
          {rendered ? (
            <Suspense fallback={text}>
              <Markdown
                text={text}
                seams={seams.flatMap(({ at }) => (at < text.length ? [at] : []))}
                growing={share < 1 || answer.endedAt === undefined}
              />
            </Suspense>
          ) : (
            <LongText text={text} marks={marksOf(seams)} />
          )}
        </div>
      )}
      {refusal !== "" && <p className="text-warn">{refusal}</p>}
      {toolCalls.map(({ callId, name, argumentsText }) => (
        <pre key={callId} className="bg-raised overflow-x-auto rounded-lg p-3 font-mono text-xs" tabIndex={0}>
          {name}({argumentsText})
        </pre>
      ))}
      {nothing && error === undefined && <Notice>Nothing was said{answer.outcome === undefined ? " yet" : ""}.</Notice>}
      {error !== undefined && <Notice tone="bad">{error}</Notice>}
    </div>
  );
}

function marksOf(seams: AnswerView["seams"]): Mark[] {
  return seams.map(({ at, toAttempt, rung }) => ({
    at,
    mark: (
      <span
        key={toAttempt}
        data-seam=""
        className="seam-mark"
        title={`Attempt ${toAttempt} broke off here; attempt ${toAttempt + 1} goes on, by ${rung}`}
      >
        attempt {toAttempt + 1}
      </span>
    ),
  }));
}
