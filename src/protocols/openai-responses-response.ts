import type { ErrorCode, ErrorReport } from "../core/errors.ts";
import type { Outcome, StreamStart, Usage } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { writeUsage } from "./openai-responses-usage.ts";

/** What a response is called: made of the stream's id, so that either names the other. */
function responseIdOf(streamId: string): string {
  return `resp_${idSuffix(streamId)}`;
}

/** The stream of a response; undefined when the id is not one of ours. */
export function streamIdOf(responseId: string): string | undefined {
  return /^resp_[A-Za-z0-9]{1,64}$/.test(responseId) ? `st_${responseId.slice(5)}` : undefined;
}

/** What the ids of a stream's items have in common. */
export function idSuffix(streamId: string): string {
  return streamId.replace(/^st_/, "");
}

/** What is known of a response before it says anything. */
export interface ResponseHead {
  streamId: string;
  createdAt: number;
  model: string;
  /** The request, where it was kept. */
  request: JsonObject | undefined;
  /** The response as the provider told it last. */
  told: JsonObject | undefined;
}

export function headOf(streamId: string, start?: StreamStart): ResponseHead {
  return {
    streamId,
    createdAt: start?.createdAt ?? 0,
    model: start?.model ?? "",
    request: start?.request,
    told: undefined,
  };
}

export type ResponseStatus = "queued" | "in_progress" | "completed" | "incomplete" | "failed" | "cancelled";

export interface ResponseState {
  status: ResponseStatus;
  output: Json[];
  usage?: Usage | undefined;
  error?: JsonObject;
  incompleteReason?: string;
}

/** The response object, with all members that clients with a schema expect. */
export function writeResponse(head: ResponseHead, state: ResponseState): JsonObject {
  const { status, output, usage, error, incompleteReason } = state;
  return {
    ...(head.told ?? settings(head)),
    ...ownNames(head),
    status,
    error: error ?? null,
    incomplete_details: incompleteReason === undefined ? null : { reason: incompleteReason },
    output,
    usage: usage === undefined ? null : writeUsage(usage),
  };
}

/** What is ours to say of a response, whatever a provider says of it. */
export function ownNames({ streamId, request }: ResponseHead): JsonObject {
  const id = responseIdOf(streamId);
  if (request === undefined) return { id };
  const { previous_response_id: previous, background } = request;
  return { id, previous_response_id: previous ?? null, background: background ?? false, store: true };
}

/** The settings of the request, as a response repeats them; what was not said is what it means by default. */
function settings({ createdAt, model, request = {} }: ResponseHead): JsonObject {
  const said = (key: string, otherwise: Json): Json => request[key] ?? otherwise;
  return {
    id: "",
    object: "response",
    created_at: Math.floor(createdAt / 1000),
    status: "in_progress",
    background: false,
    error: null,
    incomplete_details: null,
    instructions: said("instructions", null),
    max_output_tokens: said("max_output_tokens", null),
    max_tool_calls: said("max_tool_calls", null),
    model,
    output: [],
    parallel_tool_calls: said("parallel_tool_calls", true),
    previous_response_id: null,
    prompt_cache_key: said("prompt_cache_key", null),
    reasoning: { effort: null, summary: null, ...(request["reasoning"] as JsonObject | undefined) },
    safety_identifier: said("safety_identifier", null),
    service_tier: said("service_tier", "default"),
    store: false,
    temperature: said("temperature", 1),
    text: { format: { type: "text" }, ...(request["text"] as JsonObject | undefined) },
    tool_choice: said("tool_choice", "auto"),
    tools: said("tools", []),
    top_logprobs: said("top_logprobs", 0),
    top_p: said("top_p", 1),
    truncation: said("truncation", "disabled"),
    usage: null,
    user: said("user", null),
    metadata: said("metadata", {}),
  };
}

/** Codes of this protocol's own; for all others a response has failed for reasons of the server. */
const errorCodes: Partial<Record<ErrorCode, string>> = {
  "rate-limited": "rate_limit_exceeded",
  "provider-rate-limited": "rate_limit_exceeded",
  "content-filtered": "invalid_prompt",
  "context-too-long": "invalid_prompt",
  "invalid-request": "invalid_prompt",
  "provider-rejected": "invalid_prompt",
};

/** Why a response failed, as its `error` says it. */
export function writeResponseError({ code, message }: Pick<ErrorReport, "code" | "message">): JsonObject {
  return { code: errorCodes[code] ?? "server_error", message };
}

/** Why an answer is whole and yet not all that it could have been. */
export function incompleteReasonOf(outcome: Outcome): string | undefined {
  if (outcome === "length") return "max_output_tokens";
  return outcome === "content_filter" ? "content_filter" : undefined;
}
