import type { HeadraceError } from "../core/errors.ts";
import { toHeadraceError } from "../core/errors.ts";
import type { StreamEvent } from "../core/events.ts";
import { untilFirst, whenOpen } from "../core/opened-source.ts";
import type { SourceOptions, StreamSource } from "../core/source.ts";
import type { Clock, Randomness } from "../core/time.ts";
import { remedyFor } from "./remedy.ts";

/** A provider that asks for more patience than this is left, or its error passed on. */
const longestRetryAfterMs = 10_000;
const firstBackoffMs = 500;
const longestBackoffMs = 8_000;

export interface RetryOptions {
  clock: Clock;
  randomness: Randomness;
  /** Permission for one more attempt; what is returned is called when that has begun to answer, or failed. */
  take: (after: HeadraceError) => (() => void) | undefined;
  /** Whether another target could be tried instead. Default: there is none. */
  hasAlternative?: () => boolean;
}

/**
 * Calls the same source again when it fails before its first content, where that can help.
 *
 * Waits as long as the provider says, otherwise at random up to 0.5 s, 1 s, 2 s, ... (full jitter, at most 8 s). Where
 * another target may help as well it is asked again once only, or not at all.
 */
export function withRetry(source: StreamSource, options: RetryOptions): StreamSource {
  return (request, sourceOptions) => {
    const { signal } = sourceOptions;
    return whenOpen(() => open(0, sourceOptions));

    async function open(
      failures: number,
      call: SourceOptions,
      release?: () => void,
    ): Promise<AsyncIterator<StreamEvent>> {
      let failure: HeadraceError;
      try {
        return await untilFirst(source(request, call));
      } catch (error) {
        failure = toHeadraceError(error);
      } finally {
        release?.();
      }
      if (signal.aborted) throw failure;
      const again: SourceOptions = { ...sourceOptions, reason: "retry" };
      if (failure.onReusedConnection && call.reason !== "retry") {
        // A connection kept from before had closed: nobody was called, so it costs nothing.
        return open(failures, again);
      }
      const delayMs = delayBefore(failure, failures, options);
      const permission = delayMs === undefined ? undefined : options.take(failure);
      if (delayMs === undefined || permission === undefined) throw failure;
      try {
        await options.clock.sleep(delayMs, { signal });
      } catch (error) {
        permission();
        throw error;
      }
      return open(failures + 1, again, permission);
    }
  };
}

/** How long to wait before the same target is called again; undefined when it is not. */
function delayBefore(
  error: HeadraceError,
  failures: number,
  { randomness, hasAlternative = () => false }: RetryOptions,
): number | undefined {
  const remedy = remedyFor(error);
  if (remedy === "none" || remedy === "elsewhere") return undefined;
  const isPatient = remedy === "again-or-elsewhere" && failures === 0;
  if (!isPatient && hasAlternative()) return undefined;
  if (error.retryAfterMs !== undefined) {
    return error.retryAfterMs <= longestRetryAfterMs ? error.retryAfterMs : undefined;
  }
  return randomness.number() * Math.min(firstBackoffMs * 2 ** failures, longestBackoffMs);
}
