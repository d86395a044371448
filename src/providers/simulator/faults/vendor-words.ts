import type { JsonObject } from "../../../core/json.ts";

/**
 * Words of an error that vendors have and Headrace's own errors do not, per protocol: members of the `error` object, or of
 * the whole body where there is none. Protocols without a row say it in their own words.
 */
export const vendorErrors: Readonly<Record<string, Readonly<Record<string, JsonObject>>>> = {
  "openai-chat": {
    quota: { type: "insufficient_quota", code: "insufficient_quota" },
    "content-policy": { code: "content_policy_violation" },
  },
  "openai-responses": {
    quota: { type: "insufficient_quota", code: "insufficient_quota" },
    "content-policy": { code: "content_policy_violation" },
  },
  "anthropic-messages": { quota: { type: "billing_error" } },
  gemini: { quota: { status: "RESOURCE_EXHAUSTED" } },
};

/** Frames that say nothing but that the connection lives, where a protocol has one of its own. */
export const keepAlives: Readonly<Record<string, string>> = {
  "anthropic-messages": 'event: ping\ndata: {"type":"ping"}\n\n',
};

/** What is sent to keep a connection alive; undefined when the framing has no room for it. */
export function keepAliveOf({ name, framing }: { name: string; framing: string }): string | undefined {
  if (framing === "sse") return keepAlives[name] ?? ": keep-alive\n\n";
  return framing === "ndjson" ? "\n" : undefined;
}
