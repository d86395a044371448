import type { ReactNode } from "react";

import type { Trace } from "../../../src/records/trace.ts";
import { Chip } from "../elements/chip.tsx";
import { Stat, Stats } from "../elements/stat.tsx";
import { writeCost, writeCount, writeDuration, writeRate, writeTime } from "../numbers.ts";
import { askedTitles } from "./frames.tsx";
import { operationTitles } from "./operations.ts";

/** The numbers of a stream. */
export function StreamStats({ trace }: { trace: Trace }) {
  return trace.operation === "embeddings" ? <EmbeddingsStats trace={trace} /> : <AnswerStats trace={trace} />;
}

/** There is no first token and no pace. */
function EmbeddingsStats({ trace: { durationMs, usage, cost } }: { trace: Trace }) {
  return (
    <Stats>
      <Stat name="Duration" value={some(durationMs, writeDuration)} />
      <Stat
        name="Tokens in"
        value={some(usage?.inputTokens, writeCount)}
        note={usage?.estimated === true ? "estimated" : undefined}
      />
      <Stat name="Cost" value={some(cost?.total, writeCost)} />
    </Stats>
  );
}

function AnswerStats({ trace }: { trace: Trace }) {
  const { timeToFirstTokenMs, durationMs, tokensPerSecond, usage, cost, gaps } = trace;
  const costNotes = cost === undefined ? [] : [costNote(cost.discarded, "discarded"), costNote(cost.hedged, "hedged")];
  return (
    <Stats>
      <Stat name="First token" value={some(timeToFirstTokenMs, writeDuration)} />
      <Stat name="Duration" value={some(durationMs, writeDuration)} />
      <Stat name="Tokens/s" value={some(tokensPerSecond, writeRate)} />
      <Stat
        name="Tokens out"
        value={some(usage?.outputTokens, writeCount)}
        note={usage && `${writeCount(usage.inputTokens)} in${usage.estimated === true ? ", estimated" : ""}`}
      />
      <Stat name="Cost" value={some(cost?.total, writeCost)} note={costNotes.filter(Boolean).join(", ") || undefined} />
      <Stat
        name="Silence, p95"
        value={some(gaps?.p95, writeDuration)}
        note={gaps && `${writeDuration(gaps.p50)} median, ${writeDuration(gaps.max)} longest`}
      />
    </Stats>
  );
}

function some(value: number | undefined, write: (value: number) => string): string {
  return value === undefined ? "–" : write(value);
}

function costNote(cost: number, word: string): string {
  return cost === 0 ? "" : `${writeCost(cost)} ${word}`;
}

/** What does not fit anywhere else. */
export function StreamFacts({ trace }: { trace: Trace }) {
  const { readers, tags = {}, warnings, error } = trace;
  return (
    <dl className="grid grid-cols-[max-content_1fr] gap-x-6 gap-y-2">
      <Fact name="Started">{writeTime(trace.startedAt)}</Fact>
      <Fact name="Kind">{operationTitles[trace.operation]}</Fact>
      <Fact name="In">{askedTitles[trace.protocol]}</Fact>
      {trace.route !== undefined && <Fact name="Route">{trace.route}</Fact>}
      {trace.owner !== undefined && <Fact name="Key">{trace.owner}</Fact>}
      {trace.operation === "chat" && <Fact name="Entries">{writeCount(trace.entries)}</Fact>}
      <Fact name="Readers">
        {readers.attached} came, {readers.resumed} of them to go on; {readers.disconnected} left early
      </Fact>
      {trace.finishReason !== undefined && <Fact name="Finish reason">{trace.finishReason}</Fact>}
      {error !== undefined && (
        <Fact name="Error">
          {error.code}: {error.message}
        </Fact>
      )}
      {trace.seams.map((seam) => (
        <Fact key={seam.toAttempt} name={`Seam at ${writeDuration(seam.atMs)}`}>
          attempt {seam.fromAttempt + 1} to {seam.toAttempt + 1} by {seam.rung}, {seam.overlap} repeated characters
          taken out, {Math.round(seam.confidence * 100)} % sure
        </Fact>
      ))}
      {Object.keys(tags).length > 0 && (
        <Fact name="Tags">
          <span className="flex flex-wrap gap-1.5">
            {Object.entries(tags).map(([name, value]) => (
              <Chip key={name}>
                {name}: {value}
              </Chip>
            ))}
          </span>
        </Fact>
      )}
      {warnings.length > 0 && (
        <Fact name="Warnings">
          {warnings.map((warning) => (
            <span key={warning} className="block">
              {warning}
            </span>
          ))}
        </Fact>
      )}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </>
  );
}
