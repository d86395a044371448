import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";

/** The parts of a message as the chunks that make a client build them again. */
export function replayParts(parts: readonly Json[]): JsonObject[] {
  return parts.flatMap((part, index) => (isJsonObject(part) ? chunksOf(part, `replayed-${index}`) : []));
}

function chunksOf(part: JsonObject, id: string): JsonObject[] {
  const { type, text, citations, providerMetadata } = part;
  switch (type) {
    case "step-start":
      return [{ type: "start-step" }];
    case "text":
    case "reasoning": {
      const delta = typeof text === "string" ? text : "";
      return [
        { type: `${type}-start`, id, providerMetadata },
        { type: `${type}-delta`, id, delta },
        { type: `${type}-end`, id, ...(type === "text" && { citations }) },
      ];
    }
    case "file":
    case "reasoning-file":
    case "source-url":
    case "source-document":
    case "custom":
    case "steering-message":
      return [part];
    default:
      return typeof type === "string" ? namedPart(part, type) : [];
  }
}

function namedPart(part: JsonObject, type: string): JsonObject[] {
  if (type.startsWith("data-")) return [part];
  const isDynamic = type === "dynamic-tool";
  const toolName = isDynamic ? part["toolName"] : type.startsWith("tool-") ? type.slice(5) : undefined;
  if (typeof toolName !== "string" || typeof part["toolCallId"] !== "string") return [];
  return toolChunks(part, toolName, isDynamic ? { dynamic: true } : {});
}

/** A tool call in any state: how it was made, whether it was approved, and what came of it. */
function toolChunks(part: JsonObject, toolName: string, dynamic: { dynamic?: true }): JsonObject[] {
  const { toolCallId, state, input, rawInput, output, errorText, providerExecuted, title, toolMetadata } = part;
  const { callProviderMetadata, resultProviderMetadata, preliminary, approval } = part;
  const call = { toolCallId, toolName, providerExecuted, title, toolMetadata, ...dynamic };
  const made = { ...call, type: "tool-input-available", input: input ?? rawInput ?? {} };
  const chunks: JsonObject[] = [{ ...made, providerMetadata: callProviderMetadata }];
  if (state === "input-streaming") return [{ ...call, type: "tool-input-start" }];
  if (isJsonObject(approval)) chunks.push(...approvalChunks(approval, toolCallId));
  const result = { toolCallId, providerExecuted, providerMetadata: resultProviderMetadata, ...dynamic };
  if (state === "output-available") chunks.push({ ...result, type: "tool-output-available", output, preliminary });
  if (state === "output-error") chunks.push({ ...result, type: "tool-output-error", errorText: errorText ?? "" });
  if (state === "output-denied") chunks.push({ type: "tool-output-denied", toolCallId });
  return chunks;
}

function approvalChunks(approval: JsonObject, toolCallId: Json | undefined): JsonObject[] {
  const { id: approvalId, approved, requestReason, isAutomatic, signature, reason } = approval;
  const asked = {
    type: "tool-approval-request",
    approvalId,
    toolCallId,
    reason: requestReason,
    isAutomatic,
    signature,
  };
  if (typeof approved !== "boolean") return [asked];
  return [asked, { type: "tool-approval-response", approvalId, approved, reason }];
}
