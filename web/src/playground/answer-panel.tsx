import { lazy, Suspense } from "react";

import { Chip } from "../elements/chip.tsx";
import type { AnswerView } from "./answer.ts";
import { AnswerFooter } from "./answer-footer.tsx";
import type { ToolCall, ToolResult } from "./request.ts";
import { ToolResults } from "./tool-results.tsx";

/** Not needed before there is an answer. */
const Markdown = lazy(() => import("../markdown/markdown.tsx").then((module) => ({ default: module.Markdown })));

export interface AnswerPanelProps {
  answer: AnswerView;
  onRegenerate: (() => void) | undefined;
  /** Goes on with what the tools answered; undefined when this is not the last answer. */
  onResults?: ((results: ToolResult[]) => void) | undefined;
}

/** One answer: what was thought, said and called, and how it went. */
export function AnswerPanel({ answer, onRegenerate, onResults }: AnswerPanelProps) {
  const { text, refusal, seams, state } = answer;
  const growing = state === "waiting" || state === "writing";
  return (
    <article aria-label={`Answer of ${answer.model}`} aria-busy={growing} className="flex min-w-0 flex-col gap-3">
      <Reasoning text={answer.reasoning} open={growing && text === ""} />
      {answer.away === true && growing ? (
        <p className="text-warn">The gateway does not answer. Trying again, with nothing lost…</p>
      ) : (
        state === "waiting" && <p className="text-muted animate-pulse">Waiting for the first token…</p>
      )}
      {text !== "" && (
        <Suspense fallback={<p className="text-base whitespace-pre-wrap">{text}</p>}>
          <Markdown text={text} seams={seams.map(({ at }) => at)} growing={growing} />
        </Suspense>
      )}
      {refusal !== "" && <p className="text-warn">{refusal}</p>}
      {answer.toolCalls.map((call, index) => (
        // Calls keep their place.
        // oxlint-disable-next-line react/no-array-index-key
        <ToolCallView key={index} {...call} />
      ))}
      {answer.state === "complete" && answer.toolCalls.length > 0 && onResults !== undefined && (
        <ToolResults calls={answer.toolCalls} onSend={onResults} />
      )}
      {answer.error !== undefined && (
        <p role="alert" className="bg-bad-soft text-bad rounded-lg px-3 py-2">
          {answer.error}
        </p>
      )}
      <Incidents answer={answer} />
      <AnswerFooter answer={answer} onRegenerate={onRegenerate} />
    </article>
  );
}

function Reasoning({ text, open }: { text: string; open: boolean }) {
  if (text === "") return null;
  return (
    <details open={open} className="text-muted">
      <summary className="w-fit text-xs font-medium select-none">Reasoning</summary>
      <p className="border-line mt-1 border-l-2 pl-3 text-sm whitespace-pre-wrap">{text}</p>
    </details>
  );
}

function ToolCallView({ name, argumentsText }: ToolCall) {
  return (
    <div className="border-line overflow-hidden rounded-lg border">
      <p className="bg-raised px-3 py-1.5 font-mono text-xs">
        <span className="text-muted">calls</span> {name}
      </p>
      <pre tabIndex={0} aria-label={`Arguments of ${name}`} className="overflow-x-auto px-3 py-2 font-mono text-xs">
        {indented(argumentsText)}
      </pre>
    </div>
  );
}

function indented(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    // Still growing, or free text.
    return json;
  }
}

/** What happened on the way and did not show. */
function Incidents({ answer }: { answer: AnswerView }) {
  const { seams, resumedAfter, warnings, servedBy, state } = answer;
  if (seams.length + resumedAfter.length + warnings.length === 0 && state !== "stopped") return null;
  return (
    <div className="flex flex-wrap gap-1.5">
      {state === "stopped" && <Chip>Stopped</Chip>}
      {resumedAfter.map((id) => (
        <Chip key={id} tone="accent" title={id}>
          Connection cut, resumed after {id.split(":").at(-1)}
        </Chip>
      ))}
      {seams.map((seam) => (
        <Chip
          key={seam.toAttempt}
          tone="warn"
          title={`By ${seam.rung}, ${seam.overlap} repeated characters taken out, ${Math.round(seam.confidence * 100)} % sure`}
        >
          Provider died at character {seam.at}, {servedBy[seam.toAttempt] ?? `attempt ${seam.toAttempt + 1}`} went on
        </Chip>
      ))}
      {warnings.map((warning) => (
        <Chip key={warning} title={warning}>
          {warning.length > 80 ? `${warning.slice(0, 80)}…` : warning}
        </Chip>
      ))}
    </div>
  );
}
