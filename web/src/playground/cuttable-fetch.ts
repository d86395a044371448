export interface CuttableFetch {
  fetch(url: string, init: RequestInit): Promise<Response>;
  /** Breaks the connections that are open, as a network would. */
  cut(): void;
}

export const cutMessage = "the connection was cut";

/** @param onResume - told of each connection that goes on where another one was cut. */
export function createCuttableFetch(
  fetch: (url: string, init: RequestInit) => Promise<Response>,
  onResume: (lastEventId: string) => void,
): CuttableFetch {
  let cutting = new AbortController();
  return {
    fetch(url, init) {
      const lastEventId = new Headers(init.headers).get("last-event-id");
      if (lastEventId !== null) onResume(lastEventId);
      const signals = [cutting.signal, ...(init.signal ? [init.signal] : [])];
      return fetch(url, { ...init, signal: AbortSignal.any(signals) });
    },
    cut() {
      cutting.abort(new TypeError(cutMessage));
      cutting = new AbortController();
    },
  };
}
