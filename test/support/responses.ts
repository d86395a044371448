import OpenAI from "openai";

import type { ConfigInput } from "../../src/index.ts";
import { startGateway } from "./gateway.ts";

/** A model that answers at once. */
export const instant = "sim/instant";

export const clientOf = (url: string, apiKey = "none") => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });

/** A gateway and the official client that talks to it. */
export async function openResponses(config: ConfigInput = {}) {
  const gateway = await startGateway(config);
  return { ...gateway, client: clientOf(gateway.url) };
}

type Event = OpenAI.Responses.ResponseStreamEvent;

export async function allEvents(stream: AsyncIterable<Event>): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of stream) events.push(event);
  return events;
}
