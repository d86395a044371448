import type { StreamSource } from "../../core/source.ts";
import type { Clock } from "../../core/time.ts";
import { protocols } from "../../protocols/all.ts";
import { createFetchTransport } from "../fetch-transport.ts";
import { createHttpProvider } from "../http-provider.ts";
import { parseWishes, splitModel } from "./faults/wishes.ts";
import { createSimulator } from "./simulator.ts";

/**
 * The simulator as a provider of its own, over the wire as any other. What is wrong with a fault that was asked for is told
 * here, since a provider's own words about it would not be passed on.
 */
export function createSimulatorSource({ clock, name = "sim" }: { clock: Clock; name?: string }): StreamSource {
  const transport = createFetchTransport(createSimulator({ clock }));
  const protocol = protocols["openai-chat"];
  const source = createHttpProvider({ name, protocol, baseUrl: "http://simulator/v1", transport });

  return (request, options) => {
    try {
      parseWishes(splitModel(request.model).query);
    } catch (error) {
      return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) };
    }
    return source(request, options);
  };
}
