import type { StreamEvent } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { hole } from "./anthropic-messages-blocks.ts";
import type { OpenKind } from "./anthropic-messages-canonical.ts";
import { writeStopReason } from "./anthropic-messages-finish.ts";

/** A frame with the strings of its events back in the holes that they left. */
export function fillFrame(
  frame: JsonObject,
  head: { id?: string; model?: string },
  group: readonly StreamEvent[],
): JsonObject {
  const strings: Record<string, string | undefined> = { ...head };
  for (const event of group) Object.assign(strings, stringsOf(event));
  const filled = { ...frame };
  for (const key of ["message", "content_block", "delta"]) {
    const holder = filled[key];
    if (isJsonObject(holder)) filled[key] = fillHolder(holder, strings);
  }
  return filled;
}

function fillHolder(holder: JsonObject, strings: Readonly<Record<string, string | undefined>>): JsonObject {
  const filled = { ...holder };
  for (const key of Object.keys(filled)) {
    // What a wrapper has taken out of the stream leaves nothing behind.
    if (filled[key] === hole) filled[key] = strings[key] ?? (key === "stop_reason" ? null : "");
  }
  return filled;
}

/** What of an event stands where in a frame. */
function stringsOf(event: StreamEvent): Record<string, string> {
  switch (event.type) {
    case "text-delta":
      return { text: event.text };
    case "reasoning-delta":
      return { thinking: event.text };
    case "reasoning-signature":
      return { [event.redacted === true ? "data" : "signature"]: event.signature };
    case "tool-call-start":
      return { id: event.callId, name: event.name };
    case "tool-call-delta":
      return { partial_json: event.argumentsText };
    case "finish":
      return { stop_reason: event.providerReason ?? writeStopReason(event.reason) };
    default:
      return {};
  }
}

const kinds: Readonly<Record<string, OpenKind>> = { text: "text", thinking: "reasoning", tool_use: "tool" };

export function kindOfBlock(block: unknown): OpenKind {
  const type = isJsonObject(block) ? block["type"] : undefined;
  return typeof type === "string" && Object.hasOwn(kinds, type) ? (kinds[type] as OpenKind) : "other";
}
