import { ExternalLink, RefreshCw } from "lucide-react";
import { useEffect, useState } from "react";
import { Link } from "wouter";

import type { Trace } from "../../../src/records/trace.ts";
import { Button } from "../elements/button.tsx";
import { CopyButton } from "../elements/copy-button.tsx";
import { useQuery } from "../gateway/use-query.ts";
import { writeCost, writeCount, writeDuration, writeRate } from "../numbers.ts";
import { type AnswerView, numbersOf } from "./answer.ts";

export interface AnswerFooterProps {
  answer: AnswerView;
  /** Asks again; undefined when this is not the last answer. */
  onRegenerate: (() => void) | undefined;
}

/** Speed, size and price of an answer, and what can be done with it. */
export function AnswerFooter({ answer, onRegenerate }: AnswerFooterProps) {
  const isOver = answer.endedAt !== undefined;
  const now = useNow(!isOver);
  const { timeToFirstTokenMs, tokens, tokensPerSecond } = numbersOf(answer, now);
  const cost = useCost(answer.streamId, isOver);
  return (
    <div className="text-muted flex flex-wrap items-center gap-x-4 gap-y-1 text-xs tabular-nums">
      <Number name="First token" value={timeToFirstTokenMs === undefined ? "–" : writeDuration(timeToFirstTokenMs)} />
      <Number name="Tokens" value={writeCount(tokens)} />
      <Number name="Tokens/s" value={tokensPerSecond === undefined ? "–" : writeRate(tokensPerSecond)} />
      <Number name="Cost" value={cost} />
      <span className="ml-auto flex items-center">
        {answer.text !== "" && isOver && <CopyButton text={() => answer.text} what="answer" />}
        {onRegenerate !== undefined && isOver && (
          <Button kind="quiet" square aria-label="Regenerate" title="Regenerate" onClick={onRegenerate}>
            <RefreshCw size={15} aria-hidden />
          </Button>
        )}
        {answer.streamId !== undefined && (
          <Link
            href={`/streams/${answer.streamId}`}
            aria-label="Open this stream"
            title="Open this stream"
            className="text-soft hover:bg-raised hover:text-ink inline-flex size-8 items-center justify-center rounded-md"
          >
            <ExternalLink size={15} aria-hidden />
          </Link>
        )}
      </span>
    </div>
  );
}

function Number({ name, value }: { name: string; value: string }) {
  return (
    <span className="whitespace-nowrap">
      {name} <span className="text-soft font-medium">{value}</span>
    </span>
  );
}

/** What the gateway has counted so far. */
function useCost(streamId: string | undefined, isOver: boolean): string {
  const path = streamId === undefined ? undefined : `/v1/streams/${streamId}/trace`;
  const { data, reload } = useQuery<Trace>(path, { everyMs: 1000, until: ({ state }) => state === "closed" });
  useEffect(() => {
    if (isOver) reload();
  }, [isOver, reload]);
  if (data?.cost !== undefined) return writeCost(data.cost.total);
  return data?.state === "closed" ? "not known" : "–";
}

function useNow(running: boolean): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(performance.now()), 100);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
