import { HeadraceError, toHeadraceError } from "../core/errors.ts";
import { untilFirst, whenOpen } from "../core/opened-source.ts";
import type { StreamEvent } from "../core/events.ts";
import type { SourceOptions, StreamSource } from "../core/source.ts";
import type { AttemptPlan } from "./attempt-plan.ts";
import { remedyFor } from "./remedy.ts";
import type { ServedTarget } from "./target.ts";

/**
 * Calls one target after the other until one begins to answer. Called a second time with the same plan, it goes on with
 * the targets that were not tried yet.
 *
 * @param call - how a target is called, retries included.
 */
export function createFailover(plan: AttemptPlan, call: (target: ServedTarget) => StreamSource): StreamSource {
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
      if (options.signal.aborted || remedyFor(failure) === "none" || !plan.hasAlternative()) throw failure;
      const permission = plan.take();
      if (permission === undefined) throw failure;
      return open({ ...options, reason: "failover" }, permission);
    }
  };
}
