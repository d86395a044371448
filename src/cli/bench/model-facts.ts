import type { Config } from "../../config.ts";
import { type ModelFacts, Prices } from "../../records/prices.ts";

export type { ModelFacts } from "../../records/prices.ts";

/** What is known of `provider/model`; empty when nothing is. What is not known is never taken for free. */
export async function factsOf(provider: string, model: string, config: Config | undefined): Promise<ModelFacts> {
  const prices = new Prices({
    prices: config?.prices ?? {},
    // Of a gateway elsewhere we know the names only; most are called as their vendor is.
    vendorOf: (name) => ({ vendor: config?.providers[name]?.vendor ?? (name === "sim" ? "simulator" : name) }),
  });
  await prices.load();
  return prices.factsOf(provider, model, Date.now());
}
