import { useCallback, useEffect, useRef, useState } from "react";

import { HeadraceError } from "../../../src/core/errors.ts";
import { useStore } from "../store.ts";
import { useGateway } from "./gateway.ts";

export interface Query<T> {
  /** The last answer; it stays while a new one is under way. */
  data: T | undefined;
  /** It answers another path, which was asked for before. */
  stale: boolean;
  error: string | undefined;
  reload(): void;
}

export interface QueryOptions<T> {
  /** Asks again so often, in milliseconds, while the page is visible. */
  everyMs?: number;
  /** No more once this is so, or nothing could be had. */
  until?: (data: T) => boolean;
}

/** How often to ask whether the gateway is back. */
const whileAwayMs = 2_000;

/** What a path of the gateway answers; undefined asks nothing. */
export function useQuery<T>(path: string | undefined, { everyMs, until }: QueryOptions<T> = {}): Query<T> {
  const gateway = useGateway();
  const key = useStore(gateway.key);
  const [answer, setAnswer] = useState<{ path: string; data?: T; error?: string; away?: boolean }>();
  const [round, setRound] = useState(0);
  const pending = useRef(false);
  const reload = useCallback(() => setRound((count) => count + 1), []);

  useEffect(() => {
    if (path === undefined) return;
    const leaving = new AbortController();
    pending.current = true;
    gateway.json<T>(path, { signal: leaving.signal }).then(
      (data) => {
        pending.current = false;
        setAnswer({ path, data });
      },
      (error: unknown) => {
        if (leaving.signal.aborted) return;
        pending.current = false;
        const message = error instanceof Error ? error.message : String(error);
        const away = error instanceof HeadraceError && error.code === "stream-interrupted";
        setAnswer((last) => ({ path, error: message, away, ...(last?.path === path && { data: last.data as T }) }));
      },
    );
    return () => leaving.abort();
    // Another key, or another round, asks the same again.
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [gateway, path, key, round]);

  const away = answer?.away === true;
  const failed = answer?.data === undefined && answer?.error !== undefined && !away;
  const done = until !== undefined && (failed || (answer?.data !== undefined && until(answer.data)));
  const pauseMs = away ? whileAwayMs : done ? undefined : everyMs;
  useEffect(() => {
    if (pauseMs === undefined) return;
    const timer = setInterval(() => {
      // An answer that takes longer than the pause is waited for.
      if (!document.hidden && !pending.current) reload();
    }, pauseMs);
    return () => clearInterval(timer);
  }, [pauseMs, reload]);

  return { data: answer?.data, stale: answer?.path !== path, error: answer?.error, reload };
}
