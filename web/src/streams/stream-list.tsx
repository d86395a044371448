import { useState } from "react";

import { Notice } from "../elements/notice.tsx";
import { useTitle } from "../shell/page.tsx";
import { FilterBar } from "./filter-bar.tsx";
import { noFilters } from "./filters.ts";
import { StreamTable } from "./stream-table.tsx";
import { useStreams } from "./use-streams.ts";

/** All streams, newest first, live. */
export function StreamList() {
  useTitle("Streams");
  const [filters, setFilters] = useState(noFilters);
  const feed = useStreams(filters);
  return (
    <div className="flex h-full flex-col">
      <div className="flex flex-wrap items-center gap-x-6 gap-y-3 px-4 pt-6 pb-4 md:px-8">
        <h1 className="text-xl font-semibold tracking-tight">Streams</h1>
        <FilterBar filters={filters} onChange={setFilters} />
      </div>
      {feed?.error !== undefined && (
        <div className="px-4 pb-4 md:px-8">
          <Notice tone="bad">{feed.error}</Notice>
        </div>
      )}
      {feed?.rows !== undefined &&
        (feed.rows.length === 0 && feed.rows.waiting === 0 ? (
          <div className="px-4 md:px-8">
            <Notice>
              No streams here
              {filters === noFilters
                ? ". Ask something in the playground, or point a client at this address."
                : " that fit. With fewer filters there are more."}
            </Notice>
          </div>
        ) : (
          <StreamTable feed={feed} rows={feed.rows} />
        ))}
    </div>
  );
}
