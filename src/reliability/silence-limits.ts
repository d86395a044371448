import type { AttemptCall } from "./attempt.ts";
import type { ModelProfile } from "./model-profiles.ts";
import { thinksFirst } from "./model-profiles.ts";
import type { WatchdogLimits } from "./watchdog.ts";

/** As in the configuration; see there for what each of them means. */
export interface SilenceSettings {
  firstEventTimeoutMs?: number | undefined;
  firstTokenTimeoutMs: number;
  stallTimeoutMs: number;
  progressTimeoutMs: number;
  reasoningTimeoutMs: number;
  drainTimeoutMs: number;
  totalTimeoutMs: number;
}

export interface LimitedTarget {
  profile: ModelProfile;
  /** Its answers come in one piece. */
  isWhole: boolean;
  settings: SilenceSettings;
}

const resumeTimeoutMs = 5_000;
const resumeQueuedMs = 30_000;

/** How long an attempt may be silent, by what it is asked and of whom. */
export function limitsFor(
  { request, options }: AttemptCall,
  { profile, isWhole, settings }: LimitedTarget,
): WatchdogLimits {
  const thinks = thinksFirst(profile, request);
  const longest = (ms: number): number => (thinks ? Math.max(ms, settings.reasoningTimeoutMs) : ms);
  const limits: WatchdogLimits = {
    firstContentMs: isWhole ? settings.totalTimeoutMs : longest(settings.firstTokenTimeoutMs),
    stallMs: settings.stallTimeoutMs,
    progressMs: longest(settings.progressTimeoutMs),
    drainMs: settings.drainTimeoutMs,
  };
  if (thinks) limits.stallBeforeTextMs = limits.progressMs;
  if (settings.firstEventTimeoutMs !== undefined) limits.firstEventMs = settings.firstEventTimeoutMs;
  if (options.resume === undefined) return limits;
  // The answer was under way, and there are other ways to go on with it.
  const firstContentMs = limits.stallBeforeTextMs ?? limits.stallMs;
  return { ...limits, firstContentMs, firstEventMs: resumeTimeoutMs, queuedMs: resumeQueuedMs };
}
