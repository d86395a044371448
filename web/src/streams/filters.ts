import type { Operation } from "../../../src/core/operation.ts";
import type { TraceSummary } from "../../../src/records/trace.ts";

export interface Filters {
  text: string;
  state: "" | "open" | "closed";
  outcome: string;
  operation: "" | Operation;
  model: string;
  /** Hours back; empty for all there is. */
  hours: string;
}

export const noFilters: Filters = { text: "", state: "", outcome: "", operation: "", model: "", hours: "" };

export const outcomes = ["completed", "length", "content_filter", "cancelled", "interrupted", "failed"] as const;

export function queryOf({ text, state, outcome, operation, model, hours }: Filters, now: number): URLSearchParams {
  const query = new URLSearchParams({ limit: "200" });
  if (text.trim() !== "") query.set("q", text.trim());
  if (state !== "") query.set("state", state);
  if (outcome !== "") query.set("outcome", outcome);
  if (operation !== "") query.set("operation", operation);
  if (model !== "") query.set("model", model);
  // To the minute, so that typing does not ask for ever new times.
  if (hours !== "") query.set("from", String(Math.floor(now / 60_000) * 60_000 - Number(hours) * 3_600_000));
  return query;
}

/** Whether a stream that is told of live belongs into the list. */
export function fits(stream: TraceSummary, { text, state, outcome, operation, model }: Filters): boolean {
  return (
    (text.trim() === "" || stream.id.includes(text.trim())) &&
    (state === "" || stream.state === state) &&
    (outcome === "" || stream.outcome === outcome) &&
    (operation === "" || stream.operation === operation) &&
    (model === "" || stream.model === model || `${stream.provider}/${stream.servedModel}` === model)
  );
}
