import { z } from "zod";

import { operations } from "../core/operation.ts";

// What the admin routes take and give: their checks, and their part of /openapi.json.

const ms = () => z.number().nonnegative();
const count = () => z.int().nonnegative();
const time = () => z.int().describe("Milliseconds since the epoch.");
const numberIn = (schema: z.ZodType<number, number>) =>
  z.string().regex(/^\d+$/, "must be a whole number").transform(Number).pipe(schema);

const range = {
  from: numberIn(z.int()).optional().describe("Started at this time or later, in milliseconds since the epoch."),
  to: numberIn(z.int()).optional().describe("Started before this time."),
};

const operation = () =>
  z
    .enum(operations)
    .describe("What was asked for, as in OpenTelemetry's `gen_ai.operation.name`; every stream is a `chat`.");

const filters = {
  ...range,
  operation: operation().optional(),
  route: z.string().min(1).max(256).optional().describe("Asked for under this route's name."),
  model: z.string().min(1).max(512).optional().describe("Asked for, or answered by (`provider/model`)."),
  outcome: z.enum(["completed", "length", "content_filter", "cancelled", "interrupted", "failed"]).optional(),
  state: z.enum(["open", "closed"]).optional(),
  tag: z
    .string()
    .regex(/^[^:]{1,64}:/, "must be `name:value`")
    .optional()
    .describe("`name:value`, as given in the `headrace` object or the header `headrace-tags`."),
  q: z.string().min(1).max(64).optional().describe("A part of the id."),
};

export const listQuerySchema = z.strictObject({
  ...filters,
  limit: numberIn(z.int().min(1).max(500)).default(50),
  before: z.string().optional().describe("`next` of the page before."),
});

export const summaryQuerySchema = z.strictObject({
  ...range,
  operation: operation().optional(),
  model: z.string().min(1).max(512).optional().describe("One `key` of `by=model`."),
  route: z.string().min(1).max(256).optional().describe("One `key` of `by=route`."),
  key: z.string().min(1).max(256).optional().describe("One `key` of `by=key`."),
  by: z.enum(["day", "hour", "model", "operation", "route", "key"]).default("model"),
});

export const exportQuerySchema = z.strictObject({ ...filters, format: z.enum(["jsonl", "csv"]).default("jsonl") });

const usage = z.strictObject({
  inputTokens: count().describe("Includes cached tokens."),
  outputTokens: count().describe("Includes reasoning tokens."),
  cachedInputTokens: count().optional(),
  cacheWriteTokens: count().optional(),
  reasoningTokens: count().optional(),
  inputAudioTokens: count().optional().describe("Included in `inputTokens`."),
  inputImageTokens: count().optional().describe("Included in `inputTokens`."),
  cachedAudioTokens: count().optional().describe("Included in `cachedInputTokens` and `inputAudioTokens`."),
  outputAudioTokens: count().optional().describe("Included in `outputTokens`."),
  outputImageTokens: count().optional().describe("Included in `outputTokens`."),
  totalTokens: count().optional(),
  estimated: z.literal(true).optional().describe("Counted by Headrace because the provider did not say."),
});

const cost = z
  .strictObject({
    total: ms(),
    delivered: ms().describe("For what is in the answer."),
    discarded: ms().describe("For attempts of which nothing is in the answer, other than hedges that lost."),
    hedged: ms().describe("For attempts that lost a race."),
    currency: z.literal("USD"),
  })
  .describe("Missing when it is not known.");

const error = z.strictObject({ code: z.string(), message: z.string() });

const rung = z.enum(["native-resume", "prefill", "anchor-echo", "prefix-match"]);

const attempt = z.strictObject({
  attempt: count(),
  provider: z.string(),
  model: z.string(),
  reason: z.enum(["first", "retry", "failover", "hedge", "recovery"]),
  rung: rung.optional().describe("How it was asked to go on with what others had begun."),
  outcome: z.enum(["open", "completed", "failed", "cancelled", "lost"]),
  error: error.optional(),
  providerStatus: z.int().optional(),
  finishReason: z.string().optional(),
  startedAt: time(),
  durationMs: ms().optional(),
  queueMs: ms().optional().describe("Waited for its turn before it started."),
  connectMs: ms().optional().describe("Until there was a connection, TLS included."),
  reusedConnection: z.literal(true).optional().describe("There was a connection already."),
  firstByteMs: ms().optional().describe("Until the head of the provider's response."),
  firstEventMs: ms().optional(),
  firstContentMs: ms().optional(),
  usage: usage.optional(),
  cost: ms().optional().describe("US dollars; missing when it is not known."),
  share: z.enum(["delivered", "discarded", "hedged"]).optional(),
});

const seam = z.strictObject({
  fromAttempt: count(),
  toAttempt: count(),
  rung,
  overlap: count(),
  confidence: z.number(),
  atMs: ms(),
});

const common = {
  id: z.string(),
  owner: z.string().optional(),
  model: z.string().describe("As asked for."),
  route: z.string().optional(),
  operation: operation(),
  protocol: z.string(),
  startedAt: time(),
  endedAt: time().optional(),
  state: z.enum(["open", "closed"]),
  outcome: z.string().optional(),
  finishReason: z.string().optional(),
  error: error.optional(),
  tags: z.record(z.string(), z.string()).optional(),
  readers: z.strictObject({ attached: count(), resumed: count(), left: count(), disconnected: count() }),
  usage: usage.optional(),
  cost: cost.optional(),
  timeToFirstTokenMs: ms().optional(),
  durationMs: ms().optional(),
  tokensPerSecond: ms().optional(),
  gaps: z.strictObject({ p50: ms(), p95: ms(), max: ms() }).optional(),
  entries: count().describe("In its log; 0 for what was passed on as it is."),
};

export const traceSchema = z.strictObject({
  ...common,
  attempts: z.array(attempt),
  seams: z.array(seam),
  warnings: z.array(z.string()),
  timeline: z
    .array(z.tuple([ms(), count()]))
    .describe("Milliseconds from the start, and characters of content until then."),
});

export const traceSummarySchema = z.strictObject({
  ...common,
  attemptCount: count(),
  seamCount: count(),
  provider: z.string().optional(),
  servedModel: z.string().optional(),
});

export const tracePageSchema = z.strictObject({
  data: z.array(traceSummarySchema),
  next: z.string().optional().describe("For `before`; missing when there are no further ones."),
});

const sums = {
  requests: count(),
  errors: count(),
  inputTokens: count(),
  outputTokens: count(),
  cost: ms().describe("US dollars, of the requests whose cost is known."),
  costUnknown: count().describe("Requests whose cost is not known."),
  ttftP50: ms().optional(),
  ttftP95: ms().optional(),
  tokensPerSecond: ms().optional(),
};

export const summarySchema = z.strictObject({
  totals: z.strictObject(sums),
  groups: z.array(z.strictObject({ key: z.string(), ...sums })),
  series: z.array(z.strictObject({ at: time(), ...sums })),
});

export const targetsSchema = z.strictObject({
  data: z.array(
    z.strictObject({
      name: z.string().describe("`provider/model`."),
      provider: z.string(),
      model: z.string(),
      health: z.enum(["ok", "resting", "probing"]),
      restsUntil: time().optional(),
      concurrency: z.strictObject({ active: count(), limit: ms().optional(), queued: count() }),
      successes: count(),
      failures: count(),
    }),
  ),
});

export const keySchema = z.strictObject({
  name: z.string().optional().describe("Streams belong to it; missing where no keys are in use."),
  role: z.enum(["user", "admin"]).describe("What the key may see; `admin` where no keys are in use."),
});

export const setupSchema = z.strictObject({
  version: z.string(),
  providers: z.array(
    z.strictObject({
      name: z.string(),
      vendor: z.string(),
      label: z.string(),
      hasKey: z.boolean(),
      models: z.array(z.string()).optional(),
    }),
  ),
  missing: z.array(z.strictObject({ vendor: z.string(), variable: z.string() })),
  config: z.unknown().describe("The effective configuration; secrets are masked."),
  warnings: z.array(z.string()),
});
