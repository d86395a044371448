import type { Config } from "../../config.ts";
import { vendors } from "../../providers/vendors.ts";

/** What is known of a model beside its name: US dollars per million tokens, and how much it reads. */
export interface ModelFacts {
  inputPerMillion?: number;
  outputPerMillion?: number;
  contextTokens?: number;
}

/** Our vendors, as the price package calls them. Prices of others are not known. */
const idOfVendor: Readonly<Record<string, string>> = {
  openai: "openai",
  "openai-responses": "openai",
  anthropic: "anthropic",
  gemini: "google",
  vertex: "google",
  bedrock: "aws",
  "azure-openai": "azure",
  openrouter: "openrouter",
  groq: "groq",
  mistral: "mistral",
  deepseek: "deepseek",
  xai: "x-ai",
  together: "together",
  fireworks: "fireworks",
  cerebras: "cerebras",
  perplexity: "perplexity",
  moonshot: "moonshotai",
};

/** The price list's facts of `provider/model`; empty when it has none. What is not known is never taken for free. */
export async function factsOf(provider: string, model: string, config: Config | undefined): Promise<ModelFacts> {
  const vendor = config?.providers[provider]?.vendor ?? provider;
  if (vendor === "sim") return { inputPerMillion: 0, outputPerMillion: 0 };
  const providerId = Object.hasOwn(vendors, vendor) ? idOfVendor[vendor] : undefined;
  if (providerId === undefined) return {};
  // Most of a megabyte, so it is read only where there is something to look up.
  const { calcPrice } = await import("@pydantic/genai-prices");
  try {
    const found = calcPrice({ input_tokens: 0, output_tokens: 0 }, model, { providerId });
    if (found === null) return {};
    const { input_mtok: input, output_mtok: output } = found.model_price;
    const { context_window: contextTokens } = found.model;
    return {
      ...(input !== undefined && { inputPerMillion: baseOf(input) }),
      ...(output !== undefined && { outputPerMillion: baseOf(output) }),
      ...(contextTokens !== undefined && { contextTokens }),
    };
  } catch {
    // The list does not know this model.
    return {};
  }
}

/** Prices that depend on the length of the prompt are told as for a short one. */
function baseOf(price: number | { base: number }): number {
  return typeof price === "number" ? price : price.base;
}
