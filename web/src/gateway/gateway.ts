import { createContext, useContext } from "react";

import type { HeadraceClient } from "../../../src/client/client.ts";
import { createClient, HeadraceError } from "../../../src/client/client.ts";
import { createStore, type Store } from "../store.ts";

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The gateway that serves this page, with the key it is called with. */
export interface Gateway {
  readonly origin: string;
  /** Empty when none is needed, or none was given yet. */
  readonly key: Store<string>;
  /** The gateway has refused a call for want of a key. */
  readonly locked: Store<boolean>;
  /** Goes on with this key. */
  unlock(key: string): void;
  /** Forgets the key. */
  lock(): void;
  /** Calls a path; `Authorization` is added. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /**
   * What a path answers, as JSON.
   *
   * @throws HeadraceError with the gateway's own words.
   */
  json<T>(path: string, init?: RequestInit): Promise<T>;
  /** The typed client, over a `fetch` that the caller may interfere with. */
  client(fetch?: Fetch): HeadraceClient;
}

const keyName = "headrace-key";

export function createGateway(origin: string, storage: Storage): Gateway {
  const key = createStore(storage.getItem(keyName) ?? "");
  const locked = createStore(false);
  key.subscribe(() => storage.setItem(keyName, key.get()));
  const call: Fetch = async (url, init) => {
    const used = key.get();
    const response = await globalThis.fetch(url, init);
    // Not if another key was given meanwhile.
    if (response.status === 401 && used === key.get()) locked.set(true);
    return response;
  };
  const gateway: Gateway = {
    origin,
    key,
    locked,
    unlock(given) {
      key.set(given);
      locked.set(false);
    },
    lock() {
      key.set("");
      locked.set(true);
    },
    fetch(path, init = {}) {
      const headers = new Headers(init.headers);
      if (key.get() !== "") headers.set("authorization", `Bearer ${key.get()}`);
      return call(path, { ...init, headers });
    },
    async json<T>(path: string, init?: RequestInit): Promise<T> {
      const response = await gateway.fetch(path, init).catch(unreachable);
      if (response.ok) return (await response.json()) as T;
      throw await failureOf(response);
    },
    client(fetch = call) {
      const apiKey = key.get();
      return createClient({ baseUrl: origin, fetch, ...(apiKey !== "" && { apiKey }) });
    },
  };
  return gateway;
}

/** Browsers say little of why: "Failed to fetch". */
function unreachable(error: unknown): never {
  if (!(error instanceof TypeError)) throw error;
  throw new HeadraceError("stream-interrupted", "the gateway does not answer; is it running?", { cause: error });
}

async function failureOf(response: Response): Promise<HeadraceError> {
  const body = (await response.json().catch(() => ({}))) as { error?: { message?: unknown } };
  const said = body.error?.message;
  const message = typeof said === "string" ? said : `the gateway answered with status ${response.status}`;
  return new HeadraceError(response.status === 404 ? "not-found" : "invalid-request", message);
}

export const GatewayContext = createContext<Gateway | undefined>(undefined);

export function useGateway(): Gateway {
  const gateway = useContext(GatewayContext);
  if (gateway === undefined) throw new Error("this part of the page is used outside of the application");
  return gateway;
}
