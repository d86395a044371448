import { HeadraceError } from "../core/errors.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { Warn } from "./protocol.ts";

/** Fields that Converse has no words for, and that an answer can do without. */
const leftOut = {
  parallelToolCalls: "Bedrock lets the model call several tools at once",
  presencePenalty: "Bedrock has no such setting",
  frequencyPenalty: "Bedrock has no such setting",
  seed: "Bedrock has no such setting",
  topLogprobs: "Bedrock gives no log probabilities",
  logprobs: "Bedrock gives no log probabilities",
  reasoningSummary: "Bedrock decides itself how it shows reasoning",
  verbosity: "Bedrock has no such setting",
  cacheKey: "Bedrock caches by cache points in the prompt",
} as const satisfies Partial<Record<keyof GenerateRequest, string>>;

/** Values that ask for nothing: what happens anyway. */
const asksForNothing: Partial<Record<keyof GenerateRequest, unknown>> = {
  parallelToolCalls: true,
  presencePenalty: 0,
  frequencyPenalty: 0,
  topLogprobs: 0,
  logprobs: false,
};

/**
 * Tells what of a request is left out.
 *
 * @throws HeadraceError `invalid-request` - more than one answer is asked for.
 */
export function unsayable(request: GenerateRequest, warn: Warn): void {
  if (request.choices !== undefined && request.choices > 1) {
    throw new HeadraceError("invalid-request", "Bedrock gives one answer to a request; ask several times", {
      param: "n",
    });
  }
  for (const [field, why] of Object.entries(leftOut) as [keyof typeof leftOut, string][]) {
    const value = request[field];
    if (value !== undefined && value !== asksForNothing[field]) warn(`${field}: left out; ${why}`);
  }
}
