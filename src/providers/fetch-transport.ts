import { HeadraceError } from "../core/errors.ts";
import type { Transport } from "./transport.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A transport over any web-standard `fetch`: the simulator's, an edge worker's, a test's. */
export function createFetchTransport(fetch: Fetch): Transport {
  return async ({ method, url, headers, body, signal }) => {
    let response: Response;
    try {
      const init: RequestInit = { method, headers, signal, redirect: "manual" };
      if (body !== undefined) init.body = body as BodyInit;
      response = await fetch(url, init);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw new HeadraceError("provider-unreachable", `no answer from ${new URL(url).host}`, { cause: error });
    }
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: response.body ?? emptyBody(),
    };
  };
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}
