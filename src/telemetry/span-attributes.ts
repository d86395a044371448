import type { AnyValue, Attributes } from "@opentelemetry/api";

import type { AttemptEnded } from "../core/observer.ts";
import type { GenerateRequest } from "../core/request.ts";

// Names: https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-spans.md

/** What a request asks for, beside its content. */
export function requestAttributes(request: GenerateRequest): Attributes {
  const { responseFormat, choices } = request;
  return present({
    "gen_ai.request.max_tokens": request.maxOutputTokens,
    "gen_ai.request.temperature": request.temperature,
    "gen_ai.request.top_p": request.topP,
    "gen_ai.request.top_k": request.topK,
    "gen_ai.request.seed": request.seed,
    "gen_ai.request.frequency_penalty": request.frequencyPenalty,
    "gen_ai.request.presence_penalty": request.presencePenalty,
    "gen_ai.request.choice.count": choices === 1 ? undefined : choices,
    "gen_ai.output.type": responseFormat === undefined ? undefined : responseFormat.type === "text" ? "text" : "json",
  });
}

/** What is known of an attempt at its end. */
export function endAttributes({
  outcome,
  providerStatus,
  finishReason,
  usage,
  firstContentMs,
}: AttemptEnded): Attributes {
  return present({
    "headrace.outcome": outcome,
    "http.response.status_code": providerStatus,
    "gen_ai.response.finish_reasons": finishReason === undefined ? undefined : [finishReason],
    "gen_ai.response.time_to_first_chunk": firstContentMs === undefined ? undefined : firstContentMs / 1000,
    "gen_ai.usage.input_tokens": usage?.inputTokens,
    "gen_ai.usage.output_tokens": usage?.outputTokens,
    "gen_ai.usage.cache_read.input_tokens": usage?.cachedInputTokens,
    "gen_ai.usage.cache_creation.input_tokens": usage?.cacheWriteTokens,
    "gen_ai.usage.reasoning.output_tokens": usage?.reasoningTokens,
    "gen_ai.usage.audio.input_tokens": usage?.inputAudioTokens,
    "gen_ai.usage.audio.cache_read.input_tokens": usage?.cachedAudioTokens,
    "gen_ai.usage.audio.output_tokens": usage?.outputAudioTokens,
    "gen_ai.usage.image.input_tokens": usage?.inputImageTokens,
    "gen_ai.usage.image.output_tokens": usage?.outputImageTokens,
    "headrace.usage.estimated": usage?.estimated,
  });
}

function present(attributes: Record<string, AnyValue>): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
