import type { HeadraceError } from "../core/errors.ts";
import type { AttemptEnded, AttemptOutcome, AttemptStarted } from "../core/observer.ts";
import type { Clock } from "../core/time.ts";
import type { Usage } from "../core/events.ts";
import { usageParts } from "../core/usage-parts.ts";
import { estimateInputTokens, estimateUsage, usageWithRest } from "../core/usage-estimate.ts";
import type { AttemptCall, Guard } from "./attempt.ts";

/** Tells an observer of an attempt: that it began, and once, however that comes, how it ended. */
export function observeAttempt(
  call: AttemptCall,
  { clock, provider, model, isWhole }: { clock: Clock; provider: string; model: string; isWhole: boolean },
): Guard {
  const { observe } = call.options;
  if (observe === undefined) return {};
  const began = clock.elapsed();
  const { queueMs, rung } = call.options;
  const attempt = {
    streamId: call.stream.id,
    attempt: call.number,
    provider,
    model,
    reason: call.options.reason ?? "first",
    startedAt: clock.now(),
    // Nothing of a generation that is gone on with has to be read again.
    estimatedInputTokens: call.options.resume === undefined ? estimateInputTokens(call.request) : 0,
    ...(queueMs !== undefined && { queueMs }),
    ...(rung !== undefined && { rung }),
  } satisfies Omit<AttemptStarted, "type">;
  const connection: Pick<AttemptEnded, "connectMs" | "reusedConnection" | "firstByteMs"> = {};
  call.progress.onConnect = ({ reused }) => {
    if (reused) connection.reusedConnection = true;
    else connection.connectMs = clock.elapsed() - began;
  };
  call.progress.onFirstByte = () => (connection.firstByteMs = clock.elapsed() - began);
  let firstEventMs: number | undefined;
  let firstContentMs: number | undefined;
  let hasContent = false;
  observe({ type: "attempt-started", ...attempt });
  return {
    firstEvent: () => (firstEventMs = clock.elapsed() - began),
    firstContent() {
      hasContent = true;
      // An answer in one piece has no first token.
      if (!isWhole) firstContentMs = clock.elapsed() - began;
    },
    ended(outcome: AttemptOutcome, error?: HeadraceError) {
      const { finishReason } = call.progress;
      const usage = ownUsage(call, outcome, hasContent);
      const durationMs = clock.elapsed() - began;
      // What comes all at once is over before anybody takes the first of it.
      const hasAnswer = outcome === "completed" || call.progress.characters > 0;
      if (hasAnswer && !isWhole) firstContentMs ??= durationMs;
      firstEventMs ??= firstContentMs;
      const ended: AttemptEnded = {
        type: "attempt-ended",
        ...attempt,
        ...connection,
        outcome,
        durationMs,
      };
      if (error !== undefined) ended.error = error.report();
      if (error?.providerStatus !== undefined) ended.providerStatus = error.providerStatus;
      if (usage !== undefined) ended.usage = usage;
      if (finishReason !== undefined) ended.finishReason = finishReason;
      if (firstEventMs !== undefined) ended.firstEventMs = firstEventMs;
      if (firstContentMs !== undefined) ended.firstContentMs = firstContentMs;
      observe(ended);
    },
  };
}

/** What an attempt has used up itself, beside what those before it have of the same generation. */
function ownUsage(call: AttemptCall, outcome: AttemptOutcome, hasContent: boolean): Usage | undefined {
  const { progress, request, options } = call;
  const { characters, resumption } = progress;
  // Whoever stops a provider in its work pays for what it did until then; a refusal is free. One that is quick may have
  // failed before anybody took its first token.
  const wasBilled = characters > 0 || hasContent || outcome !== "failed";
  const usage = reportedUsage(call, outcome) ?? (wasBilled ? estimateUsage(request, characters) : undefined);
  const before = options.resume?.counted;
  if (usage !== undefined && resumption !== undefined) resumption.counted = usage;
  return usage === undefined || before === undefined ? usage : usageWithout(before, usage);
}

/** Some providers report at the beginning, and again at the end, which an attempt may not reach. */
function reportedUsage({ progress }: AttemptCall, outcome: AttemptOutcome): Usage | undefined {
  const { usage, characters, charactersCounted } = progress;
  return usage === undefined || outcome === "completed" ? usage : usageWithRest(usage, characters - charactersCounted);
}

function usageWithout(before: Usage, usage: Usage): Usage {
  const rest: Usage = { inputTokens: 0, outputTokens: 0 };
  for (const part of ["inputTokens", "outputTokens", ...usageParts] as const) {
    const tokens = (usage[part] ?? 0) - (before[part] ?? 0);
    if (tokens > 0) rest[part] = tokens;
  }
  if (usage.estimated === true || before.estimated === true) rest.estimated = true;
  return rest;
}
