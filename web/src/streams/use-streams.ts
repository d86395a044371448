import { useCallback, useEffect, useState } from "react";

import type { TracePage, TraceSummary } from "../../../src/records/trace.ts";
import { useGateway } from "../gateway/gateway.ts";
import { useStore } from "../store.ts";
import { type Filters, fits, queryOf } from "./filters.ts";
import { followLive } from "./live.ts";

export interface StreamRows {
  rows: readonly TraceSummary[] | undefined;
  error: string | undefined;
  /** Gets older ones; undefined when there are none, or they are on their way. */
  more: (() => void) | undefined;
}

interface Loaded {
  filters: Filters;
  rows: readonly TraceSummary[];
  next: string | undefined;
}

/** The streams that fit, newest first; new ones and changes come by themselves. */
export function useStreams(filters: Filters): StreamRows {
  const gateway = useGateway();
  const key = useStore(gateway.key);
  const [loaded, setLoaded] = useState<Loaded>();
  const [error, setError] = useState<string>();
  const [loading, setLoading] = useState(false);

  const load = useCallback(
    async (before: string | undefined, signal?: AbortSignal) => {
      const query = queryOf(filters, Date.now());
      if (before !== undefined) query.set("before", before);
      setLoading(true);
      try {
        const page = await gateway.json<TracePage>(`/admin/streams?${query}`, signal ? { signal } : {});
        setLoaded((last) => ({
          filters,
          rows: before === undefined ? page.data : [...(last?.rows ?? []), ...page.data],
          next: page.next,
        }));
        setError(undefined);
      } catch (error_) {
        if (signal?.aborted !== true) setError(error_ instanceof Error ? error_.message : String(error_));
      }
      setLoading(false);
    },
    [gateway, filters],
  );

  useEffect(() => {
    const leaving = new AbortController();
    // A moment, so that not every letter of a search is asked for.
    const timer = setTimeout(() => void load(undefined, leaving.signal), 150);
    return () => {
      clearTimeout(timer);
      leaving.abort();
    };
    // Another key sees other streams.
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [load, key]);

  useEffect(() => {
    const leaving = new AbortController();
    const add = (stream: TraceSummary) =>
      setLoaded((last) => (last === undefined ? last : { ...last, rows: withStream(last, stream) }));
    void followLive(gateway, add, leaving.signal);
    return () => leaving.abort();
  }, [gateway]);

  const next = loaded?.next;
  return {
    rows: loaded?.rows,
    error,
    more: next === undefined || loading ? undefined : () => void load(next),
  };
}

function withStream({ rows, filters }: Loaded, stream: TraceSummary): readonly TraceSummary[] {
  const index = rows.findIndex(({ id }) => id === stream.id);
  if (!fits(stream, filters)) return index < 0 ? rows : rows.toSpliced(index, 1);
  if (index >= 0) return rows.with(index, stream);
  return [stream, ...rows];
}
