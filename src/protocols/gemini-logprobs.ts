import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { objectsIn } from "./json-values.ts";

const utf8 = new TextEncoder();

/** Google's `logprobsResult` as OpenAI writes log probabilities. */
export function readLogprobs(result: JsonObject): JsonObject | undefined {
  const chosen = objectsIn(result["chosenCandidates"]);
  if (chosen.length === 0) return undefined;
  const top = objectsIn(result["topCandidates"]);
  const content = chosen.map((candidate, index) => ({
    ...readToken(candidate),
    top_logprobs: objectsIn(top[index]?.["candidates"]).map(readToken),
  }));
  return { content, refusal: null };
}

function readToken({ token, logProbability }: JsonObject) {
  const text = typeof token === "string" ? token : "";
  return { token: text, logprob: logProbability ?? 0, bytes: [...utf8.encode(text)] };
}

/** OpenAI's log probabilities as Google writes them; undefined when there are none. */
export function writeLogprobs(pieces: readonly Json[]): JsonObject | undefined {
  const tokens = pieces.flatMap((piece) => (isJsonObject(piece) ? objectsIn(piece["content"]) : []));
  if (tokens.length === 0) return undefined;
  return {
    chosenCandidates: tokens.map(writeToken),
    topCandidates: tokens.map(({ top_logprobs }) => ({ candidates: objectsIn(top_logprobs).map(writeToken) })),
  };
}

function writeToken({ token, logprob }: JsonObject) {
  return { token: token ?? "", logProbability: logprob ?? 0 };
}
