import type { ErrorCode, ErrorReport } from "../core/errors.ts";
import { HeadraceError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import type { ConverseFrame } from "./bedrock-converse-frames.ts";
import { parseObject } from "./json-values.ts";
import type { ProviderFailure, WholeResponse } from "./protocol.ts";
import { readProviderWord } from "./provider-word.ts";
import { readRetryAfter } from "./retry-after.ts";

/** Names of AWS errors without their ending, in lower case. */
const codesOfNames: readonly [RegExp, ErrorCode][] = [
  [/^(toomanyrequests|throttl|requestlimit|slowdown|limitexceeded)/, "provider-rate-limited"],
  [/^servicequotaexceeded/, "provider-quota"],
  [/^(modelnotready|serviceunavailable|overloaded)/, "provider-overloaded"],
  [/timeout|timedout/, "provider-timeout"],
  [/^(resourcenotfound|modelnotfound)/, "model-not-found"],
  [
    /^(accessdenied|unrecognizedclient|invalidsignature|signature|expiredtoken|incompletesignature|missingauth|invalidclient|optinrequired|notauthorized|unauthorized|invalidtoken|requestexpired)/,
    "provider-auth",
  ],
  [/^(validation|conflict|malformed|serialization|invalid)/, "provider-rejected"],
  [/^(internalserver|internalfailure|modelerror|modelstreamerror)/, "provider-error"],
];

// AWS has one name for all that is wrong with a request, so only its text tells these from the rest.
const tooLong =
  /too long|too many (?:input )?tokens|context (?:length|window|size)|maximum (?:number of )?(?:input )?tokens|exceeds? the max/i;
const noModel = /model identifier is invalid|model id.{0,40}(?:invalid|not supported|isn't supported)/i;

const filtered = /content (?:filter|polic)|guardrail interven/i;

const messages: Partial<Record<ErrorCode, string>> = {
  "provider-quota": "the provider account has no quota left",
  "provider-rate-limited": "the provider limits how often it may be asked; try again later",
  "context-too-long": "the request is too long for the model",
  "content-filtered": "the provider's content filter stopped this request",
  "model-not-found": "the provider does not know this model, or the account has no access to it in this region",
  "provider-auth": "the provider refused the credentials it was called with",
  "provider-overloaded": "the provider is overloaded",
  "provider-timeout": "the provider took too long",
  "provider-rejected": "the provider refused the request as invalid",
};

function classify(name: string, text: string, status?: number): ErrorReport {
  const word = name.replace(/(exception|error|fault)$/i, "").toLowerCase();
  let code = codesOfNames.find(([pattern]) => pattern.test(word))?.[1] ?? codeOfStatus(status);
  if (code === "provider-rejected" && tooLong.test(text)) code = "context-too-long";
  if (code === "provider-rejected" && noModel.test(text)) code = "model-not-found";
  if (code === "provider-rejected" && filtered.test(text)) code = "content-filtered";
  const message = messages[code] ?? "the provider failed";
  const providerCode = readProviderWord(name, /^[A-Za-z][A-Za-z0-9]*$/);
  return {
    code,
    message: status === undefined ? message : `${message} (HTTP ${status})`,
    ...(providerCode !== undefined && { providerCode }),
  };
}

function codeOfStatus(status: number | undefined): ErrorCode {
  switch (status) {
    case undefined:
      return "provider-error";
    case 401:
    case 403:
      return "provider-auth";
    case 404:
      // Bedrock names its errors; this one came from something else at this address.
      return "provider-error";
    case 408:
    case 504:
      return "provider-timeout";
    case 429:
      return "provider-rate-limited";
    case 502:
    case 503:
      return "provider-overloaded";
    default:
      return status >= 500 || status === 424 ? "provider-error" : "provider-rejected";
  }
}

/** The error in an exception message of a stream. */
export function readStreamException(name: string, payload: string): ErrorReport {
  return classify(name, textIn(parseObject(payload) ?? {}));
}

/** What a provider answered instead of a stream. */
export function readError({ status, headers, body }: ProviderFailure): HeadraceError {
  // A page of some proxy is no object; the status has to do.
  const document = parseObject(body) ?? {};
  const named = headers["x-amzn-errortype"] ?? document["__type"] ?? document["code"];
  // `ValidationException:http://internal...`, or `com.amazon...#ValidationException`.
  const name = typeof named === "string" ? (named.split(":")[0]?.split("#").at(-1) ?? "") : "";
  const { code, message, ...rest } = classify(name, textIn(document), status);
  const retryAfterMs = readRetryAfter(headers);
  const waiting = retryAfterMs === undefined ? {} : { retryAfterMs };
  return new HeadraceError(code, message, { ...rest, ...waiting, providerStatus: status });
}

function textIn(document: JsonObject): string {
  const text = document["message"] ?? document["Message"];
  return typeof text === "string" ? text : "";
}

/** What the vendor's clients know an error as. They try again on their own after the last four. */
const shapes = {
  ValidationException: 400,
  ServiceQuotaExceededException: 400,
  AccessDeniedException: 403,
  ResourceNotFoundException: 404,
  ModelErrorException: 424,
  ModelTimeoutException: 408,
  ThrottlingException: 429,
  InternalServerException: 500,
  ServiceUnavailableException: 503,
} as const;

const shapesOfCodes: Partial<Record<ErrorCode, keyof typeof shapes>> = {
  unauthorized: "AccessDeniedException",
  forbidden: "AccessDeniedException",
  "not-found": "ResourceNotFoundException",
  "model-not-found": "ResourceNotFoundException",
  "stream-not-found": "ResourceNotFoundException",
  "request-timeout": "ModelTimeoutException",
  "provider-timeout": "ModelTimeoutException",
  "stream-stalled": "ModelTimeoutException",
  "provider-quota": "ServiceQuotaExceededException",
  "rate-limited": "ThrottlingException",
  "provider-rate-limited": "ThrottlingException",
  overloaded: "ServiceUnavailableException",
  "provider-overloaded": "ServiceUnavailableException",
  "log-unavailable": "ServiceUnavailableException",
  internal: "InternalServerException",
};

function shapeOf({ code, status }: HeadraceError): keyof typeof shapes {
  return shapesOfCodes[code] ?? (status < 500 ? "ValidationException" : "ModelErrorException");
}

export function writeError(error: HeadraceError, requestId: string): WholeResponse {
  const shape = shapeOf(error);
  const headers: Record<string, string> = { "x-amzn-requestid": requestId, "x-amzn-errortype": shape };
  if (error.retryAfterMs !== undefined) headers["retry-after"] = String(Math.ceil(error.retryAfterMs / 1000));
  return { status: shapes[shape], headers, body: { message: error.message } };
}

/** Exceptions that a stream can have in its middle. */
const streamShapes: ReadonlySet<string> = new Set([
  "ValidationException",
  "ThrottlingException",
  "InternalServerException",
  "ServiceUnavailableException",
]);

/** The frame that ends a stream with an error. */
export function exceptionFrame(error: HeadraceError): ConverseFrame {
  const shape = shapeOf(error);
  const name = streamShapes.has(shape) ? shape : "ModelStreamErrorException";
  return { type: name[0]?.toLowerCase() + name.slice(1), payload: { message: error.message } };
}
