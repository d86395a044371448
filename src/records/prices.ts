import type * as Listed from "@pydantic/genai-prices";
import type { Usage } from "../core/events.ts";
import type { UsagePart } from "../core/usage-parts.ts";

/** US dollars per million tokens. */
export interface ModelPrice {
  inputPerMillion: number;
  outputPerMillion: number;
  /** Default: as any other input. */
  cachedInputPerMillion?: number | undefined;
  /** Without them nobody knows what an answer cost that has audio in it, or pictures in its output. */
  inputAudioPerMillion?: number | undefined;
  outputAudioPerMillion?: number | undefined;
  outputImagePerMillion?: number | undefined;
  /** Default: as any other input. */
  inputImagePerMillion?: number | undefined;
}

export interface PricesOptions {
  /** By `provider/model` or `provider/*`; they count before what a provider says, and that before what is known of its vendor. */
  prices: Readonly<Record<string, ModelPrice>>;
  /** Who is behind a provider's name, and where. */
  vendorOf: (provider: string) => { vendor: string; baseUrl?: string | undefined } | undefined;
}

export interface Billed {
  provider: string;
  /** As the provider calls it. */
  model: string;
  usage: Usage;
  /** Milliseconds since the epoch: prices change. */
  at: number;
}

/** What is known of a model beside its name. */
export interface ModelFacts extends Partial<ModelPrice> {
  contextTokens?: number;
}

type Package = Pick<typeof Listed, "calcPrice">;

/** Our vendors, as the package of prices calls them. Those that are not here are found by their address, or not at all. */
const idOfVendor: Readonly<Record<string, string>> = {
  openai: "openai",
  "openai-responses": "openai",
  anthropic: "anthropic",
  gemini: "google",
  vertex: "google",
  bedrock: "aws",
  "azure-openai": "azure",
  "azure-openai-deployments": "azure",
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

const free: ModelPrice = {
  inputPerMillion: 0,
  outputPerMillion: 0,
  inputAudioPerMillion: 0,
  outputAudioPerMillion: 0,
  outputImagePerMillion: 0,
};

/**
 * Kinds of tokens that cost more than text, by the names of their prices in the list. Pictures that a model looks at have
 * the price of text, unless the list says otherwise.
 */
const dearKinds = {
  inputAudioTokens: "input_audio_mtok",
  outputAudioTokens: "output_audio_mtok",
  outputImageTokens: "output_image_mtok",
} as const satisfies Partial<Record<UsagePart, string>>;

/** Vendors who name one price for text and audio where they are the same, and two where they are not. */
const vendorsOfOnePrice = new Set(["google"]);

/** What attempts cost. What is not known stays unknown: it is never taken for nothing. */
export class Prices {
  readonly #options: PricesOptions;
  #package: Package | undefined;

  constructor(options: PricesOptions) {
    this.#options = options;
  }

  /** Reads the vendors' prices, which are most of a megabyte; before that, only configured ones are known. */
  async load(): Promise<void> {
    this.#package ??= await import("@pydantic/genai-prices");
  }

  /** What is known of models, by `provider/model`, as they are priced at this time. */
  async facts(targets: readonly string[], at: number): Promise<Map<string, ModelFacts>> {
    await this.load();
    const known = targets.map((target) => {
      const slash = target.indexOf("/");
      const [provider, model] = slash < 0 ? ["models", target] : [target.slice(0, slash), target.slice(slash + 1)];
      return [target, this.factsOf(provider, model, at)] as const;
    });
    return new Map(known);
  }

  /** In US dollars; undefined when it is not known. */
  costOf(billed: Billed): number | undefined {
    const price = this.#configured(billed.provider, billed.model);
    if (price !== undefined) return priceOf(billed.usage, price);
    return billed.usage.costUsd ?? this.#listedCost(billed);
  }

  /** What is known of a model, for people to look at. */
  factsOf(provider: string, model: string, at: number): ModelFacts {
    const listed = this.#listed({ provider, model, usage: { inputTokens: 0, outputTokens: 0 }, at });
    const facts: ModelFacts = {};
    const contextTokens = listed?.model.context_window;
    if (contextTokens !== undefined) facts.contextTokens = contextTokens;
    const configured = this.#configured(provider, model);
    if (configured !== undefined) return { ...facts, ...configured };
    const { input_mtok: input, output_mtok: output, cache_read_mtok: cached } = listed?.model_price ?? {};
    if (input === undefined || output === undefined) return facts;
    facts.inputPerMillion = baseOf(input);
    facts.outputPerMillion = baseOf(output);
    if (cached !== undefined) facts.cachedInputPerMillion = baseOf(cached);
    return facts;
  }

  #configured(provider: string, model: string): ModelPrice | undefined {
    const { prices, vendorOf } = this.#options;
    for (const name of [`${provider}/${model}`, `${provider}/*`]) if (Object.hasOwn(prices, name)) return prices[name];
    // Nobody is charged for it, whatever the model is called.
    return vendorOf(provider)?.vendor === "simulator" ? free : undefined;
  }

  #listedCost(billed: Billed): number | undefined {
    const listed = this.#listed(billed);
    if (listed === undefined) return undefined;
    const isOnePrice = vendorsOfOnePrice.has(listed.provider.id);
    for (const [part, price] of Object.entries(dearKinds) as [keyof typeof dearKinds, string][]) {
      if (isOnePrice && part !== "outputImageTokens") continue;
      // The list would take the price of text, which is lower by far.
      if ((billed.usage[part] ?? 0) > 0 && listed.model_price[price] === undefined) return undefined;
    }
    return listed.total_price;
  }

  #listed({ provider, model, usage, at }: Billed) {
    const found = this.#options.vendorOf(provider);
    if (found === undefined || this.#package === undefined) return undefined;
    const providerId = Object.hasOwn(idOfVendor, found.vendor) ? idOfVendor[found.vendor] : undefined;
    if (providerId === undefined && found.baseUrl === undefined) return undefined;
    const place = providerId === undefined ? { providerApiUrl: found.baseUrl as string } : { providerId };
    const tokens = {
      input_tokens: usage.inputTokens,
      output_tokens: usage.outputTokens,
      cache_read_tokens: usage.cachedInputTokens ?? 0,
      cache_write_tokens: usage.cacheWriteTokens ?? 0,
      input_audio_tokens: usage.inputAudioTokens ?? 0,
      input_image_tokens: usage.inputImageTokens ?? 0,
      output_audio_tokens: usage.outputAudioTokens ?? 0,
      output_image_tokens: usage.outputImageTokens ?? 0,
      // Where it counts and nobody has said it, the sum is not known.
      ...(usage.cachedAudioTokens !== undefined && { cache_audio_read_tokens: usage.cachedAudioTokens }),
    };
    try {
      return this.#package.calcPrice(tokens, model, { ...place, timestamp: new Date(at) }) ?? undefined;
    } catch {
      // The list has no price for a kind of token that was used, or no such model: then the sum is not known either.
      return undefined;
    }
  }
}

/** Undefined when a kind of token was used that has no price. */
function priceOf(usage: Usage, price: ModelPrice): number | undefined {
  const { inputPerMillion, outputPerMillion } = price;
  const { cachedInputPerMillion = inputPerMillion, inputImagePerMillion = inputPerMillion } = price;
  const { inputAudioTokens: heard = 0, inputImageTokens: seen = 0, cachedAudioTokens: heardBefore = 0 } = usage;
  const { outputAudioTokens: spoken = 0, outputImageTokens: drawn = 0 } = usage;
  const dear = [
    [heard, price.inputAudioPerMillion],
    [spoken, price.outputAudioPerMillion],
    [drawn, price.outputImagePerMillion],
  ] as const;
  let perMillion = seen * inputImagePerMillion;
  for (const [tokens, each] of dear) {
    if (tokens === 0) continue;
    if (each === undefined) return undefined;
    perMillion += tokens * each;
  }
  const read = Math.max(0, usage.inputTokens - heard - seen);
  const cached = Math.min(Math.max(0, (usage.cachedInputTokens ?? 0) - heardBefore), read);
  const written = Math.max(0, usage.outputTokens - spoken - drawn);
  perMillion += (read - cached) * inputPerMillion + cached * cachedInputPerMillion + written * outputPerMillion;
  return perMillion / 1e6;
}

/** Prices that depend on the length of the prompt are told as for a short one. */
function baseOf(price: number | { base: number }): number {
  return typeof price === "number" ? price : price.base;
}
