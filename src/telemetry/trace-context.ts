import type { SpanContext } from "@opentelemetry/api";
import { isSpanContextValid } from "@opentelemetry/api";

// Later versions may add fields behind a further dash; what is before it stays.
// https://www.w3.org/TR/trace-context/#versioning-of-traceparent
const parentForm = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/**
 * The caller's span, of W3C's header; undefined when there is none, or none that makes sense. What vendors add to it in
 * `tracestate` ends here: it may hold what is none of a provider's business.
 */
export function readTraceContext(traceparent: string | undefined): SpanContext | undefined {
  const match = parentForm.exec(traceparent?.trim() ?? "");
  if (match === null) return undefined;
  const [, version, traceId = "", spanId = "", flags = "00", rest] = match;
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  const context: SpanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
}

/** Headers that make what is called a part of the trace. */
export function writeTraceContext({ traceId, spanId, traceFlags }: SpanContext): Record<string, string> {
  return { traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}` };
}
