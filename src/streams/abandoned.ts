import { HeadraceError } from "../core/errors.ts";
import type { FinishReason, StreamEnd } from "../core/events.ts";
import { isWhole, outcomeOf } from "../core/events.ts";
import type { StreamLog } from "../log/stream-log.ts";

/** Ends the streams that a dead process left open; returns how many there were. */
export async function endAbandoned(log: StreamLog): Promise<number> {
  const open = await log.listOpen();
  for (const { id } of open) {
    const { epoch, next } = await log.takeOver(id);
    if (next === 0) {
      // Created, but the process died before the header was written: nobody has ever heard of it.
      await log.delete(id);
      continue;
    }
    await log.append(id, epoch, next, [await endOf(log, id)]);
  }
  return open.length;
}

/**
 * How a stream ends whose writer died. When the model had finished everything that was asked for, only the last entry was
 * missing, and the answer is whole; else it is `interrupted`.
 */
async function endOf(log: StreamLog, streamId: string): Promise<StreamEnd> {
  const finished = new Map<number, FinishReason>();
  const begun = new Set<number>();
  let expected = 1;
  for (let after = -1; ;) {
    const entries = await log.read(streamId, { after, limit: 256 });
    const last = entries.at(-1);
    if (last === undefined) break;
    after = last.seq;
    for (const { event } of entries) {
      if (event.type === "stream-start") expected = event.choices ?? 1;
      else if (event.type === "finish") finished.set(event.choice ?? 0, event.reason);
      else if ("choice" in event) begun.add(event.choice ?? 0);
    }
  }
  const outcome = outcomeOf(finished.values());
  const isComplete = finished.size >= expected && [...begun].every((choice) => finished.has(choice));
  if (isComplete && isWhole(outcome)) return { type: "stream-end", outcome };
  const error = new HeadraceError("stream-interrupted", "Headrace was stopped while this answer was being written");
  return { type: "stream-end", outcome: "interrupted", error: error.report() };
}
