import { errorFromReport, HeadraceError } from "../core/errors.ts";
import type { StreamEnd } from "../core/events.ts";

/** What is told of an answer that does not end whole: to clients an answer that merely ends is a complete one. */
export function endError({ outcome, error }: StreamEnd): HeadraceError {
  if (error !== undefined) return errorFromReport(error);
  if (outcome === "cancelled") return new HeadraceError("cancelled", "the stream was stopped before it was complete");
  return new HeadraceError("stream-interrupted", "the answer broke off before it was complete");
}
