import type { SeededRandom } from "./random.ts";

const sentencesByEffort: Readonly<Record<string, number>> = {
  none: 0,
  minimal: 1,
  low: 2,
  medium: 4,
  high: 6,
  xhigh: 8,
  max: 9,
};

const thoughts = [
  "Let me first make sure what is really being asked.",
  "The obvious answer comes to mind at once, but is it the right one?",
  "I should separate what I know from what merely sounds right.",
  "An example would help here; a table is probably too much.",
  "Checking the order of the steps: yes, each one follows from the last.",
  "Wait, is there an exception that would turn this around? Not for the case at hand.",
  "It should stay short, and begin with the point that matters most.",
  "If the reader remembers one sentence, it should be the first.",
] as const;

/** What a model thinks before it answers; the more effort, the longer. Empty for the effort `none`. */
export function reasoningText(subject: string, effort: string, random: SeededRandom): string {
  const count = sentencesByEffort[effort] ?? 4;
  if (count === 0) return "";
  return [`The user asks about ${subject}.`, ...random.shuffle(thoughts)].slice(0, count).join(" ");
}
