import { memo } from "react";
import { Link } from "wouter";

import type { TraceSummary } from "../../../src/records/trace.ts";
import { Chip } from "../elements/chip.tsx";
import { writeCost, writeCount, writeDuration, writeRate, writeTime } from "../numbers.ts";
import { OperationMark } from "./operation-mark.tsx";
import { countedTokens, operationTitles } from "./operations.ts";
import { OutcomeChip } from "./outcome.tsx";

/** In pixels, as the class `h-11` of a row says it. */
export const rowHeight = 44;

export const columns =
  "grid grid-cols-[7.5rem_1fr_4.5rem] items-center gap-x-4 px-4 md:grid-cols-[8rem_11rem_minmax(10rem,1fr)_5.5rem_4.5rem_5rem_5rem_5.5rem] md:px-8";

export interface StreamRowProps {
  stream: TraceSummary;
  position: number;
  top: number;
}

/** A stream in the list. The link to its page covers the whole row. */
export const StreamRow = memo(function StreamRow({ stream, position, top }: StreamRowProps) {
  const { id, model, operation, outcome, startedAt, cost, durationMs, timeToFirstTokenMs, tokensPerSecond } = stream;
  return (
    <div
      role="row"
      aria-rowindex={position}
      style={{ transform: `translateY(${top}px)` }}
      className={`border-line hover:bg-raised absolute top-0 left-0 h-11 w-full border-b tabular-nums ${columns}`}
    >
      <span role="cell">
        <OutcomeChip outcome={outcome} />
      </span>
      <span role="cell" className="hidden min-w-0 gap-2 md:flex">
        <span className="truncate font-mono text-xs">{id.slice(0, 11)}…</span>
        <span className="text-muted text-xs whitespace-nowrap">{writeTime(startedAt)}</span>
      </span>
      <span role="cell" className="flex min-w-0 items-center gap-2">
        <OperationMark operation={operation} />
        <Link
          href={`/streams/${id}`}
          aria-label={`${model}, ${operation === "chat" ? "" : `${operationTitles[operation]}, `}${writeTime(startedAt)}`}
          title={operation === "chat" ? undefined : operationTitles[operation]}
          className="truncate font-medium outline-offset-0 after:absolute after:inset-0"
        >
          {model}
        </Link>
        {stream.seamCount > 0 && (
          <Chip tone="warn">
            {stream.seamCount} {stream.seamCount === 1 ? "seam" : "seams"}
          </Chip>
        )}
      </span>
      <Number value={timeToFirstTokenMs} write={writeDuration} wideOnly />
      <Number value={tokensPerSecond} write={writeRate} wideOnly />
      <Number value={countedTokens(stream)} write={writeCount} wideOnly />
      <Number value={cost?.total} write={writeCost} wideOnly />
      <Number value={durationMs} write={writeDuration} />
    </div>
  );
});

interface NumberProps {
  value: number | undefined;
  write: (value: number) => string;
  /** Not on small screens. */
  wideOnly?: boolean;
}

function Number({ value, write, wideOnly = false }: NumberProps) {
  return (
    <span role="cell" className={`text-soft text-right whitespace-nowrap ${wideOnly ? "hidden md:block" : ""}`}>
      {value === undefined ? "–" : write(value)}
    </span>
  );
}
