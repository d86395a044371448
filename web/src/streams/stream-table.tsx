import { ArrowUp } from "lucide-react";
import { type FocusEvent, useLayoutEffect, useRef } from "react";

import { Button } from "../elements/button.tsx";
import { writeCount } from "../numbers.ts";
import type { StreamRows } from "./rows.ts";
import { useRowsInSight } from "./rows-in-sight.ts";
import { columns, rowHeight, StreamRow } from "./stream-row.tsx";
import type { StreamsFeed } from "./streams-feed.ts";

/** From so far away of the end, older ones are asked for. */
const loadAhead = 100 * rowHeight;

export interface StreamTableProps {
  feed: StreamsFeed;
  rows: StreamRows;
}

/** Only the rows in sight are on the page. While somebody reads further down, new ones wait. */
export function StreamTable({ feed, rows }: StreamTableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const { from, to, look } = useRowsInSight(scroller, rowHeight);
  const focused = useRef<Element>(undefined);

  /** Looks where the reader is. */
  const attend = () => {
    const { scrollTop = 0, clientHeight = 0, scrollHeight = 0 } = scroller.current ?? {};
    feed.hold(scrollTop > rowHeight || focused.current !== undefined);
    if (scrollHeight - scrollTop - clientHeight < loadAhead) void feed.load();
  };
  const attendFocus = ({ type, target, currentTarget }: FocusEvent) => {
    focused.current = type === "focus" && target !== currentTarget ? target : undefined;
    attend();
  };
  const goUp = () => {
    scroller.current?.scrollTo({ top: 0 });
    scroller.current?.focus();
    feed.hold(false);
  };
  useLayoutEffect(() => {
    scroller.current?.scrollTo({ top: 0 });
    // Other rows begin at their top.
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [rows]);
  useLayoutEffect(() => {
    // A row that has left the page takes the focus with it, and the keyboard would scroll no more.
    if (focused.current?.isConnected !== false) return;
    focused.current = undefined;
    scroller.current?.focus({ preventScroll: true });
  });

  const shown = Array.from({ length: Math.max(0, Math.min(to, rows.length) - from) }, (_, index) => from + index);
  return (
    <div className="relative min-h-0 flex-1">
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- what it hears of is its rows' */}
      <div
        ref={scroller}
        onScroll={() => {
          look();
          attend();
        }}
        onFocus={attendFocus}
        onBlur={attendFocus}
        tabIndex={0}
        role="table"
        aria-label="Streams"
        aria-rowcount={rows.length + 1}
        className="border-line h-full overflow-auto border-t -outline-offset-2"
      >
        <Head />
        <div role="rowgroup" className="relative md:min-w-[54rem]" style={{ height: rows.length * rowHeight }}>
          {shown.map((index) => {
            const stream = rows.at(index);
            return (
              stream !== undefined && (
                <StreamRow key={stream.id} stream={stream} position={index + 2} top={index * rowHeight} />
              )
            );
          })}
        </div>
      </div>
      {rows.waiting > 0 && (
        <Button className="absolute top-12 left-1/2 -translate-x-1/2 shadow-md" onClick={goUp}>
          <ArrowUp size={14} aria-hidden /> {writeCount(rows.waiting)} new
        </Button>
      )}
    </div>
  );
}

const names = ["Status", "Stream", "Model", "First token", "Tokens/s", "Tokens", "Cost", "Duration"];

function Head() {
  return (
    <div role="rowgroup" className="sticky top-0 z-10 md:min-w-[54rem]">
      <div role="row" aria-rowindex={1} className={`bg-canvas border-line hidden border-b md:grid ${columns}`}>
        {names.map((name) => (
          <span key={name} role="columnheader" className="text-muted py-2 text-xs font-medium md:nth-[n+4]:text-right">
            {name}
          </span>
        ))}
      </div>
    </div>
  );
}
