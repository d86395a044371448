import type { ModelFacts } from "../records/prices.ts";
import type { ModelInfo } from "../routing/router.ts";
import type { AppOptions } from "./app.ts";

/** The models that can be asked, each in the fields that OpenAI's clients read, Anthropic's, and our own. */
export async function describedModels({ router, factsOf }: AppOptions) {
  const models = router.models();
  const facts = await factsOf(models.map(({ id, target = id }) => target));
  return models.map((model) => describeModel(model, facts.get(model.target ?? model.id)));
}

/** A list that OpenAI's clients read, and Anthropic's, which look for other fields. */
export function listOfModels(data: Awaited<ReturnType<typeof describedModels>>) {
  return { object: "list", data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
}

function describeModel({ id, ownedBy, kind }: ModelInfo, facts: ModelFacts = {}) {
  const forAnthropic = { type: "model", display_name: id, created_at: new Date(0).toISOString() };
  const { contextTokens, inputPerMillion: input, outputPerMillion: output, cachedInputPerMillion: cached } = facts;
  return {
    id,
    object: "model",
    created: 0,
    owned_by: ownedBy,
    kind,
    ...forAnthropic,
    ...(contextTokens !== undefined && { context_length: contextTokens }),
    ...(input !== undefined &&
      output !== undefined && {
        // US dollars per million tokens.
        pricing: { input, output, ...(cached !== undefined && { cached_input: cached }) },
      }),
  };
}
