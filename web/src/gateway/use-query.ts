import { useCallback, useEffect, useState } from "react";

import { useStore } from "../store.ts";
import { useGateway } from "./gateway.ts";

export interface Query<T> {
  /** The last answer; it stays while a new one is under way. */
  data: T | undefined;
  error: string | undefined;
  reload(): void;
}

export interface QueryOptions {
  /** Asks again so often, in milliseconds, while the page is visible. */
  everyMs?: number;
}

/** What a path of the gateway answers; undefined asks nothing. */
export function useQuery<T>(path: string | undefined, { everyMs }: QueryOptions = {}): Query<T> {
  const gateway = useGateway();
  const key = useStore(gateway.key);
  const [answer, setAnswer] = useState<{ path: string; data?: T; error?: string }>();
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((count) => count + 1), []);

  useEffect(() => {
    if (path === undefined) return;
    const leaving = new AbortController();
    gateway.json<T>(path, { signal: leaving.signal }).then(
      (data) => setAnswer({ path, data }),
      (error: unknown) => {
        if (leaving.signal.aborted) return;
        const message = error instanceof Error ? error.message : String(error);
        setAnswer((last) => ({ path, error: message, ...(last?.path === path && { data: last.data as T }) }));
      },
    );
    return () => leaving.abort();
    // Another key, or another round, asks the same again.
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [gateway, path, key, round]);

  useEffect(() => {
    if (everyMs === undefined) return;
    const timer = setInterval(() => {
      if (!document.hidden) reload();
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs, reload]);

  return { data: answer?.data, error: answer?.error, reload };
}
