import type { StreamSource } from "../../core/source.ts";
import type { CallProvider } from "../../core/provider-call.ts";
import type { Clock } from "../../core/time.ts";
import { protocols } from "../../protocols/all.ts";
import { createFetchTransport } from "../fetch-transport.ts";
import { createHttpProvider } from "../http-provider.ts";
import { createProviderCall } from "../provider-call.ts";
import { parseWishes, splitModel } from "./faults/wishes.ts";
import { createSimulator } from "./simulator.ts";

/**
 * The simulator as a provider of its own, over the wire as any other. What is wrong with a fault that was asked for is told
 * here, since a provider's own words about it would not be passed on.
 */
export function createSimulatorProvider({ clock, name = "sim" }: { clock: Clock; name?: string }): {
  source: StreamSource;
  call: CallProvider;
} {
  const transport = createFetchTransport(createSimulator({ clock }));
  const options = { name, protocol: protocols["openai-chat"], baseUrl: "http://simulator/v1", transport };
  return { source: withWishesRead(createHttpProvider(options)), call: createProviderCall(options) };
}

function withWishesRead(source: StreamSource): StreamSource {
  return (request, options) => {
    try {
      parseWishes(splitModel(request.model).query);
    } catch (error) {
      return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) };
    }
    return source(request, options);
  };
}
