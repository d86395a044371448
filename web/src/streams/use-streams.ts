import { useEffect, useReducer, useRef, useState } from "react";

import { useGateway } from "../gateway/gateway.ts";
import { useStore } from "../store.ts";
import type { Filters } from "./filters.ts";
import { StreamsFeed } from "./streams-feed.ts";

const settleMs = 150;

/** The streams that fit, newest first; new ones and changes come by themselves. Undefined until there are some. */
export function useStreams(filters: Filters): StreamsFeed | undefined {
  const gateway = useGateway();
  const key = useStore(gateway.key);
  const [feed, setFeed] = useState<StreamsFeed>();
  const [, showChange] = useReducer((count: number) => count + 1, 0);
  const isFirst = useRef(true);

  useEffect(() => {
    const made = new StreamsFeed(gateway, filters, () => {
      // The one before stays in sight until there is something else to be seen.
      if (made.rows !== undefined || made.error !== undefined) setFeed(made);
      showChange();
    });
    // A moment, so that not every letter of a search is asked for.
    const timer = setTimeout(() => made.open(), isFirst.current ? 0 : settleMs);
    isFirst.current = false;
    return () => {
      clearTimeout(timer);
      made.close();
    };
    // Another key sees other streams.
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [gateway, filters, key]);

  return feed;
}
