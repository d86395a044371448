import { HeadraceError, toHeadraceError } from "../core/errors.ts";
import { untilFirst, whenOpen } from "../core/opened-source.ts";
import type { StreamEvent } from "../core/events.ts";
import type { SourceOptions, StreamSource } from "../core/source.ts";
import type { Randomness } from "../core/time.ts";
import type { AttemptPlan } from "./attempt-plan.ts";
import { remedyFor } from "./remedy.ts";
import type { ServedTarget } from "./target.ts";

/**
 * Calls one target after the other until one begins to answer. Called a second time with the same plan, it goes on with
 * the targets that were not tried yet.
 *
 * @param call - how a target is called, retries included.
 */
export function createFailover(
  plan: AttemptPlan,
  call: (target: ServedTarget) => StreamSource,
  randomness: Randomness,
): StreamSource {
  return (request, options) => {
    return whenOpen(() => open(options));

    async function open(callOptions: SourceOptions, release?: () => void): Promise<AsyncIterator<StreamEvent>> {
      const target = plan.next();
      if (target === undefined) throw new HeadraceError("internal", "there is no target left to call");
      let failure: HeadraceError;
      try {
        return await untilFirst(call(target)(request, callOptions));
      } catch (error) {
        failure = toHeadraceError(error);
      } finally {
        release?.();
      }
      if (options.signal.aborted || remedyFor(failure) === "none") throw failure;
      const permission = plan.hasAlternative() ? plan.take(failure) : undefined;
      if (permission === undefined) throw askLater(failure, randomness);
      return open({ ...options, reason: "failover" }, permission);
    }
  };
}

/** When everything is overloaded, callers come back at different moments. */
function askLater(error: HeadraceError, randomness: Randomness): HeadraceError {
  if (error.status !== 503 || error.retryAfterMs !== undefined) return error;
  const retryAfterMs = 1_000 + Math.floor(randomness.number() * 4_000);
  const { providerStatus, cause } = error;
  const more = providerStatus === undefined ? {} : { providerStatus };
  return new HeadraceError(error.code, error.message, { ...error.report(), ...more, cause, retryAfterMs });
}
