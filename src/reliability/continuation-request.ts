import type { GenerateRequest, Message } from "../core/request.ts";
import type { ModelProfile, Prefill } from "./model-profiles.ts";

/** As estimated everywhere: English text has about four characters per token. */
const charactersPerToken = 4;
const leastTokens = 16;

/** How many of the last words a model is asked to repeat, in characters. */
const anchorLength = 160;

/** What a model is told that has to go on with somebody's answer; `{tail}` stands for the words to repeat. */
export const defaultContinuationPrompt =
  "Your last message was cut off by a technical fault. Go on with it so that both parts together read as one message. " +
  "Begin by repeating, to the letter, its last words, which stand between the tags, and then continue directly, " +
  "without a comment, an apology or a heading:\n<tail>{tail}</tail>";

/** The request that makes a model go on from a given beginning. */
export function prefillRequest(request: GenerateRequest, said: string, prefill: Prefill): GenerateRequest {
  const begun = assistantMessage(said.trimEnd());
  return withLimit({ ...request, messages: [...request.messages, begun], prefill: prefillOf(prefill) }, said.length);
}

/** The request that makes a model repeat the last words of a given beginning, and then go on. */
export function anchorRequest(request: GenerateRequest, said: string, prompt: string): GenerateRequest {
  const tail = tailOf(said);
  const ask: Message = {
    role: "user",
    content: [{ type: "text", text: prompt.replace("{tail}", () => tail) }],
  };
  const messages = [...request.messages, assistantMessage(said), ask];
  return withLimit({ ...request, messages }, said.length - tail.length);
}

/** Whether this model is known to go on from a beginning, asked like that. */
export function takesPrefill({ prefill }: ModelProfile, request: GenerateRequest, thinks: boolean): boolean {
  if (prefill.kind === "none" || (prefill.notWithThinking === true && thinks)) return false;
  return request.toolChoice === undefined || request.toolChoice === "auto" || request.toolChoice === "none";
}

/** The last words, from a word's beginning on. */
export function tailOf(said: string): string {
  // Half of a surrogate pair cannot be sent.
  const whole = said.replace(/[\ud800-\udbff]$/, "").trimEnd();
  if (whole.length <= anchorLength) return whole;
  const tail = whole.slice(-anchorLength);
  const space = tail.search(/\s/);
  return space === -1 || space > anchorLength / 2 ? tail.replace(/^[\udc00-\udfff]/, "") : tail.slice(space + 1);
}

function assistantMessage(said: string): Message {
  return { role: "assistant", content: [{ type: "text", text: said.replace(/[\ud800-\udbff]$/, "") }] };
}

function prefillOf(prefill: Prefill): NonNullable<GenerateRequest["prefill"]> {
  if (prefill.kind === "field") return { field: prefill.name };
  return prefill.kind === "continue-final-message" ? "continue-final-message" : "trailing-assistant";
}

/** What was said already counts against the limit of the whole answer. */
function withLimit(request: GenerateRequest, saidLength: number): GenerateRequest {
  const { maxOutputTokens } = request;
  if (maxOutputTokens === undefined) return request;
  const left = maxOutputTokens - Math.floor(saidLength / charactersPerToken);
  return { ...request, maxOutputTokens: Math.max(left, Math.min(leastTokens, maxOutputTokens)) };
}
