import type { Outcome } from "../../../src/core/events.ts";
import { Chip, type Tone } from "../elements/chip.tsx";

const looks: Record<Outcome, { tone: Tone; word: string }> = {
  completed: { tone: "good", word: "completed" },
  length: { tone: "warn", word: "cut at its limit" },
  content_filter: { tone: "warn", word: "filtered" },
  cancelled: { tone: "plain", word: "stopped" },
  interrupted: { tone: "bad", word: "interrupted" },
  failed: { tone: "bad", word: "failed" },
};

/** How a stream ended, or that it has not. */
export function OutcomeChip({ outcome }: { outcome: Outcome | undefined }) {
  if (outcome === undefined) {
    return (
      <Chip tone="accent">
        <span className="bg-accent size-1.5 animate-pulse rounded-full" aria-hidden />
        live
      </Chip>
    );
  }
  // A newer gateway may know others.
  const { tone, word } = looks[outcome] ?? {
    tone: "plain",
    word: outcome,
  };
  return <Chip tone={tone}>{word}</Chip>;
}
