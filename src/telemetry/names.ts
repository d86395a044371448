/** A provider as far as its metrics and spans say who it is. */
export interface NamedProvider {
  /** As in the vendor table. */
  vendor: string;
  baseUrl?: string | undefined;
  /** Models that it is known to have. */
  models?: readonly string[] | undefined;
}

/** Every name that the configuration has. */
export interface ConfiguredNames {
  providers: Readonly<Record<string, NamedProvider>>;
  /** Targets by the name of their route. */
  routes: Readonly<Record<string, readonly string[]>>;
  /** User-written models, and others that whoever runs this has named. */
  models: readonly string[];
}

/** In place of a model that nobody configured: names come from requests, and each of them would be a new time series. */
const otherModel = "other";

/** What the semantic conventions call a vendor, where it is not the vendor's own word. */
const conventionalNames: Readonly<Record<string, string>> = {
  "openai-responses": "openai",
  "azure-openai": "azure.ai.openai",
  "azure-openai-deployments": "azure.ai.openai",
  bedrock: "aws.bedrock",
  gemini: "gcp.gemini",
  vertex: "gcp.vertex_ai",
  mistral: "mistral_ai",
  moonshot: "moonshot_ai",
  xai: "x_ai",
};

/** What things are called in metrics and spans. */
export class TelemetryNames {
  readonly #providers: ReadonlyMap<string, NamedProvider>;
  readonly #known: ReadonlySet<string>;

  constructor({ providers, routes, models }: ConfiguredNames) {
    this.#providers = new Map(Object.entries(providers));
    const targets = Object.entries(providers).flatMap(([name, { models: own = [] }]) =>
      own.flatMap((model) => [model, `${name}/${model}`]),
    );
    this.#known = new Set([...Object.keys(routes), ...Object.values(routes).flat(), ...models, ...targets]);
  }

  /** A model as it was asked for, or `other`. */
  asked(model: string): string {
    return this.#known.has(model) ? model : otherModel;
  }

  /** A model as its provider calls it, or `other`. */
  model(provider: string, model: string): string {
    return this.#known.has(`${provider}/${model}`) || this.#known.has(model) ? model : otherModel;
  }

  /** `gen_ai.provider.name`. A server that merely speaks OpenAI's protocol goes by its name in the configuration. */
  provider(name: string): string {
    const vendor = this.#providers.get(name)?.vendor;
    if (vendor === undefined || vendor === "openai-compatible") return name;
    return conventionalNames[vendor] ?? vendor;
  }

  /** Where a provider is called. */
  address(name: string): { host: string; port: number } | undefined {
    const baseUrl = this.#providers.get(name)?.baseUrl;
    if (baseUrl === undefined || !URL.canParse(baseUrl)) return undefined;
    const { hostname, port, protocol } = new URL(baseUrl);
    return { host: hostname, port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port) };
  }
}
