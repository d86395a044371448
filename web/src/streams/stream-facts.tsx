import type { ReactNode } from "react";

import type { Usage } from "../../../src/core/events.ts";
import type { Cost, Trace } from "../../../src/records/trace.ts";
import { Chip } from "../elements/chip.tsx";
import { Stat, Stats } from "../elements/stat.tsx";
import { writeCost, writeCount, writeDuration, writeFullTime, writeKnown, writeRate } from "../numbers.ts";
import { askedTitles } from "./frames.tsx";
import { operationTitles } from "./operations.ts";

/** The numbers of a stream. */
export function StreamStats({ trace }: { trace: Trace }) {
  return trace.operation === "embeddings" ? <EmbeddingsStats trace={trace} /> : <AnswerStats trace={trace} />;
}

/** There is no first token and no pace. */
function EmbeddingsStats({ trace: { durationMs, usage, cost } }: { trace: Trace }) {
  return (
    <Stats count={3}>
      <Stat name="Duration" value={writeKnown(durationMs, writeDuration)} />
      <Stat
        name="Tokens in"
        value={writeKnown(usage?.inputTokens, writeCount)}
        note={usage?.estimated === true ? "estimated" : undefined}
      />
      <Stat name="Cost" value={writeKnown(cost?.total, writeCost)} />
    </Stats>
  );
}

function AnswerStats({ trace }: { trace: Trace }) {
  const { timeToFirstTokenMs, durationMs, tokensPerSecond, usage, cost, gaps } = trace;
  const costNotes = cost === undefined ? [] : [costNote(cost.discarded, "discarded"), costNote(cost.hedged, "hedged")];
  return (
    <Stats>
      <Stat name="First token" value={writeKnown(timeToFirstTokenMs, writeDuration)} />
      <Stat name="Duration" value={writeKnown(durationMs, writeDuration)} />
      <Stat name="Tokens/s" value={writeKnown(tokensPerSecond, writeRate)} />
      <Stat
        name="Tokens out"
        value={writeKnown(usage?.outputTokens, writeCount)}
        note={usage && `${writeCount(usage.inputTokens)} in${usage.estimated === true ? ", estimated" : ""}`}
      />
      <Stat
        name="Cost"
        value={writeKnown(cost?.total, writeCost)}
        note={costNotes.filter(Boolean).join(", ") || undefined}
      />
      <Stat
        name="Silence, p95"
        value={writeKnown(gaps?.p95, writeDuration)}
        note={gaps && `${writeDuration(gaps.p50)} median, ${writeDuration(gaps.max)} longest`}
      />
    </Stats>
  );
}

function costNote(cost: number, word: string): string {
  return cost === 0 ? "" : `${writeCost(cost)} ${word}`;
}

/** What does not fit anywhere else. */
export function StreamFacts({ trace }: { trace: Trace }) {
  const { readers, tags = {}, warnings, error, usage, cost } = trace;
  return (
    <dl className="grid grid-cols-[max-content_1fr] gap-x-6 gap-y-2">
      <Fact name="Started">{writeFullTime(trace.startedAt)}</Fact>
      <Fact name="Kind">{operationTitles[trace.operation]}</Fact>
      <Fact name="In">{askedTitles[trace.protocol]}</Fact>
      {trace.route !== undefined && <Fact name="Route">{trace.route}</Fact>}
      {trace.owner !== undefined && <Fact name="Key">{trace.owner}</Fact>}
      {usage !== undefined && <Fact name="Tokens">{writeUsage(usage)}</Fact>}
      <Fact name="Cost">{writeShares(cost)}</Fact>
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

function writeUsage(usage: Usage): string {
  const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens, estimated } = usage;
  const input = ofThem(
    [cachedInputTokens, "cached"],
    [usage.inputAudioTokens, "audio"],
    [usage.inputImageTokens, "images"],
  );
  const output = ofThem(
    [reasoningTokens, "reasoning"],
    [usage.outputAudioTokens, "audio"],
    [usage.outputImageTokens, "images"],
  );
  const how = estimated === true ? "; at least one provider did not say, so this is an estimate" : "";
  return `${writeCount(inputTokens)} in${input}, ${writeCount(outputTokens)} out${output}${how}`;
}

function ofThem(...parts: [tokens: number | undefined, kind: string][]): string {
  const said = parts.flatMap(([tokens, kind]) => (tokens === undefined ? [] : [`${writeCount(tokens)} ${kind}`]));
  return said.length === 0 ? "" : ` (of them ${said.join(", ")})`;
}

function writeShares(cost: Cost | undefined): string {
  if (cost === undefined) return "not known: there is no price for a model of this stream";
  const { total, delivered, discarded, hedged } = cost;
  return `${writeCost(total)}: ${writeCost(delivered)} for what is in the answer, ${writeCost(discarded)} discarded, ${writeCost(hedged)} for lost races`;
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </>
  );
}
