import type { Config } from "../config.ts";
import type { Environment } from "../config/environment.ts";
import { proxiesFromEnvironment } from "../config/environment.ts";
import type { Fetch } from "../providers/fetch-transport.ts";
import { createFetchTransport } from "../providers/fetch-transport.ts";
import type { Transport } from "../providers/transport.ts";

/** How providers are called: over a company's proxy where the variables name one. */
export async function openNetwork(
  { reliability }: Config,
  environment: Environment,
  fetch?: Fetch,
): Promise<{ transport: Transport; close(): Promise<void> }> {
  if (fetch !== undefined) return { transport: createFetchTransport(fetch), close: async () => {} };
  const proxies = proxiesFromEnvironment(environment);
  if (proxies !== undefined) {
    const { createProxyTransport } = await import("../providers/proxy-transport.ts");
    return createProxyTransport({ ...proxies, ...reliability });
  }
  const { createSocketTransport } = await import("../providers/socket-transport.ts");
  return createSocketTransport(reliability);
}
