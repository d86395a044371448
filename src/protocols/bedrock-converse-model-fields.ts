import type { Json, JsonObject } from "../core/json.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { Warn } from "./protocol.ts";

/** How the models of a company take what Converse has no field for. */
interface ModelFamily {
  /** Found in the model's id, also where an inference profile stands before it. */
  idPart: RegExp;
  topK?: (count: number) => JsonObject;
  /** Most tokens to think with; 0 for none. */
  reasoningBudget?: (tokens: number) => JsonObject;
}

/** The vendors' own parameter pages in the Bedrock user guide, read 2026-11. */
const families: readonly ModelFamily[] = [
  {
    idPart: /(^|[./])anthropic\./,
    topK: (count) => ({ top_k: count }),
    reasoningBudget: (tokens) => ({
      thinking: tokens === 0 ? { type: "disabled" } : { type: "enabled", budget_tokens: tokens },
    }),
  },
  { idPart: /(^|[./])amazon\.nova/, topK: (count) => ({ inferenceConfig: { topK: count } }) },
  { idPart: /(^|[./])mistral\./, topK: (count) => ({ top_k: count }) },
  { idPart: /(^|[./])cohere\./, topK: (count) => ({ k: count }) },
];

/** The fields of this model for `topK`; undefined when it has none, which is told to `warn`. */
export function topKFields({ model, topK }: GenerateRequest, warn: Warn): JsonObject | undefined {
  if (topK === undefined) return undefined;
  const write = familyOf(model)?.topK;
  if (write === undefined) warn("topK: left out; it is not known how this model takes it on Bedrock");
  return write?.(topK);
}

/** As `topKFields`, for the reasoning budget. */
export function reasoningFields({ model, reasoningBudgetTokens }: GenerateRequest, warn: Warn): JsonObject | undefined {
  if (reasoningBudgetTokens === undefined) return undefined;
  const write = familyOf(model)?.reasoningBudget;
  if (write === undefined) warn("reasoningBudgetTokens: left out; it is not known how this model takes it on Bedrock");
  return write?.(reasoningBudgetTokens);
}

function familyOf(model: string): ModelFamily | undefined {
  return families.find(({ idPart }) => idPart.test(model));
}

/** Names of `additionalModelRequestFields` that the two above may have written. */
export const ownModelFields = { topK: ["top_k", "k"], reasoningBudgetTokens: ["thinking"] } as const;

/** `body` with a member set deep inside, or taken out for undefined; nothing of the given body is changed. */
export function withMember(body: JsonObject, [name, ...rest]: readonly string[], value: Json | undefined): JsonObject {
  if (name === undefined) return body;
  const inner = body[name];
  const object = typeof inner === "object" && inner !== null && !Array.isArray(inner) ? inner : undefined;
  const changed = rest.length === 0 ? value : withMember(object ?? {}, rest, value);
  const isGone = changed === undefined || (rest.length > 0 && object === undefined && value === undefined);
  const { [name]: _, ...others } = body;
  return isGone ? others : { ...body, [name]: changed };
}
