import type { Usage } from "./events.ts";
import type { GenerateRequest, Part } from "./request.ts";

/** English text has about four characters per token with the tokenizers in use; other languages have fewer. */
const charactersPerToken = 4;
/** What the frame around a message costs, about. */
const tokensPerMessage = 4;

/** Token counts of an attempt whose provider did not say. Flagged, since they are a guess from the length of the texts. */
export function estimateUsage(request: GenerateRequest, outputCharacters: number): Usage {
  return { inputTokens: estimateInputTokens(request), outputTokens: tokensIn(outputCharacters), estimated: true };
}

/** What so many characters are in tokens, about. */
export function tokensIn(characters: number): number {
  return Math.ceil(characters / charactersPerToken);
}

/** What a request is in tokens, about. */
export function estimateInputTokens(request: GenerateRequest): number {
  if (request.estimatedInputTokens !== undefined) return request.estimatedInputTokens;
  let characters = 0;
  for (const { content } of request.messages) for (const part of content) characters += charactersOf(part);
  for (const { name, description = "", parameters } of request.tools ?? []) {
    characters += name.length + description.length + (parameters === undefined ? 0 : JSON.stringify(parameters).length);
  }
  return tokensIn(characters) + tokensPerMessage * request.messages.length;
}

/** What was reported in mid-answer, with an estimate of what came after the report. */
export function usageWithRest(reported: Usage, charactersSince: number): Usage {
  if (charactersSince <= 0) return reported;
  const { totalTokens: _total, costUsd: _cost, ...usage } = reported;
  const outputTokens = usage.outputTokens + Math.ceil(charactersSince / charactersPerToken);
  return { ...usage, outputTokens, estimated: true };
}

function charactersOf(part: Part): number {
  switch (part.type) {
    case "text":
    case "reasoning":
    case "refusal":
      return part.text.length;
    case "tool-call":
      return part.name.length + part.argumentsText.length;
    case "tool-result":
      return part.content.reduce((sum, inner) => sum + charactersOf(inner), 0);
    default:
      return 0;
  }
}
