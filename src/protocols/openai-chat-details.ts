import type { Citation, ProtocolName } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { Part } from "../core/request.ts";
import { openSignature, sealSignature } from "./signatures.ts";

/**
 * What Chat Completions has no words for, in those that OpenRouter found: `reasoning_details` beside the text of the
 * reasoning. Each holds all that has to come back for its vendor to know its own thoughts again.
 *
 * @see https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning
 */
export function writeReasoningDetail(
  { text, signature, redacted }: { text: string; signature: string; redacted?: true },
  from: ProtocolName,
): JsonObject {
  const sealed = sealSignature({ signature, from }, "openai-chat");
  if (redacted === true) return { type: "reasoning.encrypted", data: sealed };
  return { type: "reasoning.text", text, signature: sealed };
}

/** The reasoning of an earlier answer; details that are not ours are their provider's business. */
export function readReasoningDetails(details: Json | undefined): Part[] {
  if (!Array.isArray(details)) return [];
  return details.flatMap((detail): Part[] => {
    if (!isJsonObject(detail)) return [];
    const { type, text, signature, data } = detail;
    if (type === "reasoning.text" && typeof signature === "string" && signature !== "") {
      const opened = openSignature(signature, "openai-chat");
      return [{ type: "reasoning", text: typeof text === "string" ? text : "", ...opened }];
    }
    if (type !== "reasoning.encrypted" || typeof data !== "string" || data === "") return [];
    return [{ type: "reasoning", text: "", ...openSignature(data, "openai-chat"), redacted: true }];
  });
}

/** A message without the details that another vendor signed: their own provider would not know them. */
export function withoutForeignDetails(message: JsonObject): JsonObject {
  const details = message["reasoning_details"];
  if (!Array.isArray(details)) return message;
  const own = details.filter((detail) =>
    readReasoningDetails([detail]).every((part) => part.type !== "reasoning" || part.from === "openai-chat"),
  );
  if (own.length === details.length) return message;
  const { reasoning_details: _, ...rest } = message;
  return own.length === 0 ? rest : { ...rest, reasoning_details: own };
}

/** Undefined for what has no address: annotations are links. */
export function writeAnnotation({ url, title, startIndex, endIndex }: Citation): JsonObject | undefined {
  if (url === undefined) return undefined;
  const link = { url, title: title ?? "", start_index: startIndex ?? 0, end_index: endIndex ?? 0 };
  return { type: "url_citation", url_citation: link };
}
