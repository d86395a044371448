import type { GenerateRequest } from "../core/request.ts";

/** How a model is made to go on from a begun answer instead of beginning a new one. */
export type Prefill = (
  | { kind: "none" }
  /** The begun answer is the last message, from the assistant. */
  | { kind: "trailing-assistant" }
  /** As before, and that message carries this field, `true`. */
  | { kind: "field"; name: "prefix" | "partial" }
  /** As before, with `continue_final_message: true` and `add_generation_prompt: false` in the request. */
  | { kind: "continue-final-message" }
) & {
  /** Refused, or done wrongly, while the model thinks first. */
  notWithThinking?: true;
};

/** What is known of a model before it is called. */
export interface ModelProfile {
  /** It thinks before it speaks, so that minutes of silence are nothing unusual. */
  reasoning: boolean;
  prefill: Prefill;
}

interface Row {
  /** Name of the vendor as in the configuration; left out, any. */
  vendor?: RegExp;
  /** Against the model's name in lower case, without the maker's name before a slash; left out, any. */
  model?: RegExp;
  prefill: Prefill;
}

const none: Prefill = { kind: "none" };
const trailing: Prefill = { kind: "trailing-assistant" };

/**
 * The first row that fits decides; what nobody knows of is assumed to have no prefill, since many servers answer it
 * with 400 and others begin a new answer.
 *
 * @see https://docs.claude.com/en/docs/build-with-claude/prompt-engineering/prefill-claudes-response
 * @see https://api-docs.deepseek.com/guides/chat_prefix_completion
 * @see https://docs.mistral.ai/api/
 * @see https://platform.moonshot.ai/docs/guide/use-partial-mode-feature-of-kimi-api
 * @see https://www.alibabacloud.com/help/en/model-studio/partial-mode
 * @see https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
 */
const prefills: readonly Row[] = [
  { vendor: /^simulator$/, prefill: trailing },
  // DeepSeek knows it at https://api.deepseek.com/beta only; elsewhere the attempt fails and the next rung has its turn.
  { vendor: /^deepseek$/, prefill: { kind: "field", name: "prefix" } },
  // Mistral repeats the begun answer, which is found as any repetition is.
  { vendor: /^mistral$/, prefill: { kind: "field", name: "prefix" } },
  { vendor: /^(moonshot|kimi)/, prefill: { kind: "field", name: "partial" } },
  { vendor: /^(dashscope|alibaba|qwen)/, prefill: { kind: "field", name: "partial", notWithThinking: true } },
  { vendor: /^(vllm|sglang)$/, prefill: { kind: "continue-final-message", notWithThinking: true } },
  { vendor: /^llama\.cpp$/, prefill: { ...trailing, notWithThinking: true } },
  { vendor: /^groq$/, prefill: { ...trailing, notWithThinking: true } },
  // Up to Claude 4.5 a trailing assistant message is continued; from 4.6 on it is answered with 400.
  {
    vendor: /^(anthropic|bedrock|aws|vertex|google|openrouter)/,
    model: /claude-(1|2|instant|3|(opus|sonnet|haiku)-4(-[0-5])?(?!\d|[-.][6-9])(\D|-\d{8}|$))/,
    prefill: { ...trailing, notWithThinking: true },
  },
];

/** Models whose first words are preceded by thinking, whoever serves them. */
const reasoningModels =
  /^(o[1-9](-|$)|gpt-(5(?!.*chat)|oss)|codex|deepseek-(r\d|reasoner)|qwq|qwen3?.*thinking|magistral|grok-(3-mini|4)|gemini-(2\.5-pro|[3-9])|kimi.*thinking|minimax-m|glm-4\.[5-9]|.*(reasoning|reasoner|thinking|-r1)(?!.*non-))/;

/**
 * What is known of a model of this vendor.
 *
 * @param options.prefill - what the route says about it, which wins over the table.
 */
export function profileOf(vendor: string, model: string, options: { prefill?: boolean } = {}): ModelProfile {
  const name = model.toLowerCase().replace(/^.*\//, "");
  const fits = (row: Row): boolean => (row.vendor?.test(vendor) ?? true) && (row.model?.test(name) ?? true);
  const known = prefills.find(fits)?.prefill ?? none;
  const asked = options.prefill === false ? none : known.kind === "none" ? trailing : known;
  return {
    reasoning: reasoningModels.test(name),
    prefill: options.prefill === undefined ? known : asked,
  };
}

/** Whether this answer may be preceded by minutes of thinking. */
export function thinksFirst({ reasoning }: ModelProfile, request: GenerateRequest): boolean {
  const { reasoningBudgetTokens, reasoningEffort } = request;
  if (reasoningBudgetTokens === 0 || reasoningEffort === "none") return false;
  return reasoning || reasoningBudgetTokens !== undefined || reasoningEffort !== undefined;
}
