import type { AnswerView } from "../playground/answer.ts";

/** The first `share` of what was said: reasoning, then text, then calls, which is the order in which they come. */
export function partOf(answer: AnswerView, share: number): AnswerView {
  if (share >= 1) return answer;
  const { reasoning, text, refusal, toolCalls } = answer;
  const inCalls = toolCalls.reduce((sum, { name, argumentsText }) => sum + name.length + argumentsText.length, 0);
  let left = Math.round((reasoning.length + text.length + refusal.length + inCalls) * share);
  const take = (part: string): string => {
    const taken = part.slice(0, Math.max(0, left));
    left -= part.length;
    return taken;
  };
  return {
    ...answer,
    reasoning: take(reasoning),
    text: take(text),
    refusal: take(refusal),
    toolCalls: toolCalls.flatMap((call) => {
      const name = take(call.name);
      return name === "" ? [] : [{ ...call, name, argumentsText: take(call.argumentsText) }];
    }),
  };
}
