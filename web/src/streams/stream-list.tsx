import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef, useState } from "react";

import type { TraceSummary } from "../../../src/records/trace.ts";
import { Notice } from "../elements/notice.tsx";
import { useTitle } from "../shell/page.tsx";
import { FilterBar } from "./filter-bar.tsx";
import { noFilters } from "./filters.ts";
import { columns, StreamRow } from "./stream-row.tsx";
import { useStreams } from "./use-streams.ts";

const rowHeight = 44;

/** All streams, newest first, live. */
export function StreamList() {
  useTitle("Streams");
  const [filters, setFilters] = useState(noFilters);
  const { rows, error, more } = useStreams(filters);
  return (
    <div className="flex h-full flex-col">
      <div className="flex flex-wrap items-center gap-x-6 gap-y-3 px-4 pt-6 pb-4 md:px-8">
        <h1 className="text-xl font-semibold tracking-tight">Streams</h1>
        <FilterBar filters={filters} onChange={setFilters} />
      </div>
      {error !== undefined && (
        <div className="px-4 pb-4 md:px-8">
          <Notice tone="bad">{error}</Notice>
        </div>
      )}
      {rows !== undefined && <Rows rows={rows} onEnd={more} />}
    </div>
  );
}

/** Only the rows in sight are on the page, however many there are. */
function Rows({ rows, onEnd }: { rows: readonly TraceSummary[]; onEnd: (() => void) | undefined }) {
  const scroller = useRef<HTMLDivElement>(null);
  // oxlint-disable-next-line react/incompatible-library -- its functions are not handed on
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 12,
  });
  const onScroll = () => {
    const { scrollTop = 0, clientHeight = 0, scrollHeight = 0 } = scroller.current ?? {};
    if (scrollHeight - scrollTop - clientHeight < 20 * rowHeight) onEnd?.();
  };
  if (rows.length === 0) {
    return (
      <div className="px-4 md:px-8">
        <Notice>No streams here. Ask something in the playground, or point a client at this address.</Notice>
      </div>
    );
  }
  return (
    <div
      ref={scroller}
      onScroll={onScroll}
      tabIndex={0}
      role="table"
      aria-label="Streams"
      aria-rowcount={rows.length + 1}
      className="border-line min-h-0 flex-1 overflow-auto border-t -outline-offset-2"
    >
      <div role="rowgroup" className="sticky top-0 z-10 md:min-w-[54rem]">
        <div role="row" aria-rowindex={1} className={`bg-canvas border-line hidden border-b md:grid ${columns}`}>
          {["Status", "Stream", "Model", "First token", "Tokens/s", "Tokens", "Cost", "Duration"].map((name) => (
            <span
              key={name}
              role="columnheader"
              className="text-muted py-2 text-xs font-medium md:nth-[n+4]:text-right"
            >
              {name}
            </span>
          ))}
        </div>
      </div>
      <div role="rowgroup" className="relative md:min-w-[54rem]" style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map(({ key, index, start }) => {
          const stream = rows[index];
          return stream !== undefined && <StreamRow key={key} stream={stream} position={index + 2} top={start} />;
        })}
      </div>
    </div>
  );
}
