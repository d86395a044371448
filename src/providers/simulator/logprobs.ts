import type { JsonObject } from "../../core/json.ts";
import type { SeededRandom } from "./random.ts";

const otherTokens = [
  " the",
  " a",
  " and",
  " is",
  ",",
  ".",
  " of",
  " to",
  " in",
  " that",
  " it",
  " for",
  " as",
  " with",
  " on",
  " this",
  " by",
  "\n",
  " an",
  " from",
  " or",
];

/** Log probabilities of a token and its `count` likeliest rivals, as OpenAI writes those of a chunk. */
export function logprobsOf(token: string, count: number, random: SeededRandom): JsonObject {
  // Most tokens are nearly certain, a few are not.
  const probability = 1 - 0.9 * random.number() ** 4;
  let rest = 1 - probability;
  const rivals = [{ token, probability }];
  for (const other of random.shuffle(otherTokens.filter((one) => one !== token)).slice(0, Math.max(count - 1, 0))) {
    rest /= 2;
    rivals.push({ token: other, probability: Math.max(rest, 1e-9) });
  }
  const ranked = rivals.toSorted((one, another) => another.probability - one.probability);
  const entry = { ...describe({ token, probability }), top_logprobs: count === 0 ? [] : ranked.map(describe) };
  return { content: [entry], refusal: null };
}

function describe({ token, probability }: { token: string; probability: number }): JsonObject {
  return { token, logprob: Number(Math.log(probability).toFixed(6)), bytes: [...new TextEncoder().encode(token)] };
}
