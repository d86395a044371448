import { AttemptProgress } from "../core/attempt-progress.ts";
import { HeadraceError } from "../core/errors.ts";
import type { AttemptStart, StreamEvent } from "../core/events.ts";
import type { CallProvider } from "../core/provider-call.ts";
import type { GenerateRequest } from "../core/request.ts";
import { estimateInputTokens } from "../core/usage-estimate.ts";
import { createPassedReader } from "../protocols/openai-passed-reader.ts";
import { type HttpProviderOptions, checkModelName, readFailure, requestHeaders } from "./http-provider.ts";
import { PassedAnswer } from "./passed-answer.ts";

/** In place of bytes that are passed on elsewhere: with them the attempt has begun, and nothing is tried again. */
const bytesCame: StreamEvent = { type: "text-delta", text: "..." };

/** Calls of a provider that nobody here understands: bodies go there, and answers come back, as they are. */
export function createProviderCall(options: HttpProviderOptions): CallProvider {
  const { name, protocol, quirks = {}, transport, propagate } = options;
  const headers = requestHeaders(options);
  return (call) =>
    async function* passed(request, { signal, stream, attempt = 0, progress = new AttemptProgress() }) {
      await call.noted();
      const traced = stream === undefined ? undefined : propagate?.(stream.id, attempt);
      const { onConnect } = progress;
      const response = await transport({
        method: "POST",
        url: urlOf(call.path, request, options),
        headers: traced === undefined ? headers : { ...headers, ...traced },
        body: JSON.stringify({ ...call.body, model: request.model }),
        signal,
        ...(onConnect !== undefined && { onConnect }),
      });
      progress.onFirstByte?.();
      if (response.status < 200 || response.status > 299) throw await readFailure(response, protocol);
      const contentType = response.headers["content-type"] ?? "";
      const encoding = response.headers["content-encoding"] ?? "identity";
      if (!/json|event-stream/.test(contentType) || encoding !== "identity") {
        response.body.cancel();
        throw new HeadraceError("provider-error", `${name} did not answer ${call.path} with JSON; check its base URL`);
      }
      const begin: AttemptStart = { type: "attempt-start", provider: name, model: request.model, attempt };
      const { body, begun } = new PassedAnswer({
        begin,
        incoming: response.body,
        reader: createPassedReader({ contentType, estimatedInputTokens: estimateInputTokens(request), quirks }),
        progress,
        see: call.see,
      });
      if (!(await begun)) return;
      call.answered({ contentType, body });
      yield begin;
      yield bytesCame;
    };
}

/** Where a vendor has its chats, it has the rest of its API. */
function urlOf(called: string, { model }: GenerateRequest, { baseUrl, path, query }: HttpProviderOptions): string {
  checkModelName(model);
  const folder = path?.endsWith(chats) === true ? path.slice(0, -chats.length) : "";
  const url = baseUrl + folder.replace("{model}", () => encodeURIComponent(model)) + called;
  return query === undefined ? url : `${url}?${new URLSearchParams(query).toString()}`;
}

const chats = "/chat/completions";
