import { z } from "zod";
import { defaultContinuationPrompt } from "../reliability/continuation-request.ts";

const milliseconds = () => z.int().nonnegative();
const count = () => z.int().positive();

export const onDisconnect = () => z.enum(["continue", "cancel"]);
export const hedge = () => z.union([z.literal("off"), z.literal("p95"), z.strictObject({ afterMs: count() })]);
export const recovery = () => z.enum(["auto", "off"]);

/** The section `reliability`: how long to wait for whom, and what to do when it is in vain. */
export const reliabilitySchema = z.strictObject({
  connectTimeoutMs: count().default(5_000).describe("Longest wait for a connection to a provider."),
  firstEventTimeoutMs: count()
    .optional()
    .describe("Longest wait for the first byte of an answer. Default: as for the first token."),
  firstTokenTimeoutMs: count().default(60_000).describe("Longest wait for the first token."),
  stallTimeoutMs: count().default(30_000).describe("Longest silence of a provider in mid-answer."),
  progressTimeoutMs: count()
    .default(120_000)
    .describe("Longest time in mid-answer without a step of it, though the connection may carry pings."),
  reasoningTimeoutMs: count()
    .default(300_000)
    .describe("For models that think first, the least of `firstTokenTimeoutMs` and `progressTimeoutMs`."),
  drainTimeoutMs: count()
    .default(5_000)
    .describe("Longest wait for usage and the end of the body once an answer is complete."),
  totalTimeoutMs: count()
    .max(3_600_000)
    .default(900_000)
    .describe("Longest that an answer may take, all attempts together; at most an hour."),
  onDisconnect: onDisconnect()
    .default("continue")
    .describe(
      "What happens when the last reader leaves: the answer is finished for when they come back, or cancelled.",
    ),
  lingerMs: milliseconds().default(10_000).describe("With `cancel`, how long a reader has to come back."),
  maxAttempts: count().max(10).default(3).describe("Calls to providers before the first token, all targets together."),
  retryBudgetPercent: z
    .number()
    .min(0)
    .max(100)
    .default(10)
    .describe(
      "Calls beside the first one of each request, as a share of the requests; three at once are always allowed.",
    ),
  hedge: hedge()
    .default({ afterMs: 10_000 })
    .describe(
      "When a second target is raced because the first has no token yet: after so long, `p95` (when 95 of 100 answers had theirs), or `off`. Only with another target; not for models that think first unless a route or a request says so.",
    ),
  breakerFailures: count().default(5).describe("Failures in a row after which a target rests while there are others."),
  breakerOpenMs: count().default(30_000).describe("How long it rests at first."),
  queueLength: count().default(100).describe("Requests that wait for a target which said that it gets too many."),
  queueTimeoutMs: count().default(5_000).describe("How long they do."),
  recovery: recovery()
    .default("auto")
    .describe("Whether an answer that breaks in the middle is continued by another attempt."),
  maxRecoveries: z
    .int()
    .min(0)
    .max(10)
    .default(2)
    .describe("Attempts to continue an answer that broke after its first token; those that are refused do not count."),
  continuationPrompt: z
    .string()
    .includes("{tail}")
    .default(defaultContinuationPrompt)
    .describe("What a model is told that has to go on with a broken answer; `{tail}` stands for its last words."),
});
