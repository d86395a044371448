import type { ErrorCode, ErrorReport } from "../core/errors.ts";
import { HeadraceError } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { parseObject } from "./json-values.ts";
import { readError as readChatError, writeError as writeChatError } from "./openai-chat-errors.ts";
import type { ProviderFailure, WholeResponse } from "./protocol.ts";

/** The error in a line of an answer; undefined when it is none. */
export function readLineError({ error }: JsonObject): ErrorReport | undefined {
  if (error === undefined || error === null || error === "") return undefined;
  const code = codeOfText(error) ?? "provider-error";
  return { code, message: messages[code] ?? "the provider reported an error" };
}

/** A provider's refusal to answer at all: a status and `{"error": "<text>"}`. */
export function readError(failure: ProviderFailure): HeadraceError {
  const error = parseError(failure.body);
  const read = readChatError({ ...failure, body: "" });
  const { status } = failure;
  // Without an error of Ollama's it is not the model that is missing but the page.
  const code = codeOfText(error) ?? (status === 404 && error !== undefined ? "model-not-found" : read.code);
  const message = messages[code];
  return new HeadraceError(code, message === undefined ? read.message : `${message} (HTTP ${status})`, {
    providerStatus: status,
    ...(read.retryAfterMs !== undefined && { retryAfterMs: read.retryAfterMs }),
  });
}

/** Ollama has sentences and no codes; those that are known say more than the status. The text itself goes no further. */
const codesOfTexts: readonly [RegExp, ErrorCode][] = [
  [
    /context (?:length|window|size|limit)|exceeds? the (?:available )?context|prompt (?:is )?too long/i,
    "context-too-long",
  ],
  [/model .*not found|no such model|try pulling it/i, "model-not-found"],
  [/server busy|maximum pending requests|overloaded/i, "provider-overloaded"],
  [/more system memory|out of memory|insufficient memory/i, "provider-overloaded"],
  [/rate limit|too many requests|usage limit/i, "provider-rate-limited"],
  [/unauthorized|sign ?in|api key/i, "provider-auth"],
  [/does not support|invalid (?:format|options?|image|tool)|is required/i, "provider-rejected"],
];

const messages: Partial<Record<ErrorCode, string>> = {
  "context-too-long": "the request is too long for the model",
  "model-not-found": "the provider does not know this model; `ollama pull` fetches it",
  "provider-overloaded": "the provider is overloaded, or has too little memory for this model",
  "provider-rate-limited": "the provider limits how often it may be asked; try again later",
  "provider-auth": "the provider refused the credentials it was called with",
  "provider-rejected": "the provider refused the request as invalid, or the model cannot do what it asks for",
};

function codeOfText(error: Json | undefined): ErrorCode | undefined {
  const text = isJsonObject(error) ? error["message"] : error;
  if (typeof text !== "string") return undefined;
  const beginning = text.slice(0, 1000);
  return codesOfTexts.find(([pattern]) => pattern.test(beginning))?.[1];
}

function parseError(body: string): Json | undefined {
  // A page of some proxy has none; the status has to do.
  return parseObject(body)?.["error"] ?? undefined;
}

/** What Ollama's clients throw is `error`; `code` is for programs. */
export function writeErrorBody({ message, code }: ErrorReport): JsonObject {
  return { error: message, code };
}

export function writeError(error: HeadraceError, requestId: string): WholeResponse {
  return { ...writeChatError(error, requestId), body: writeErrorBody(error.report()) };
}
