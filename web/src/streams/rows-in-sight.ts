import { type RefObject, useLayoutEffect, useState } from "react";
import { flushSync } from "react-dom";

interface Range {
  from: number;
  /** The first one that is not in it. */
  to: number;
}

export interface RowsInSight extends Range {
  /** To be called whenever the scroller has scrolled. */
  look(): void;
}

/** Rows beyond both edges that are on the page too, and the steps in which they come and go. */
const ahead = 8;

/** Which rows, all of the same height, are on the page: the same few however many there are. */
export function useRowsInSight(scroller: RefObject<HTMLElement | null>, rowHeight: number): RowsInSight {
  const [range, setRange] = useState<Range>({ from: 0, to: 0 });

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    // Calls at once, too.
    const observer = new ResizeObserver(() => setRange(rangeIn(element, rowHeight)));
    observer.observe(element);
    return () => observer.disconnect();
  }, [scroller, rowHeight]);

  const look = () => {
    if (scroller.current === null) return;
    const next = rangeIn(scroller.current, rowHeight);
    if (next.from === range.from && next.to === range.to) return;
    // With the frame that is scrolled: a moment later there would be blank places.
    flushSync(() => setRange(next));
  };
  return { ...range, look };
}

function rangeIn({ scrollTop, clientHeight }: HTMLElement, rowHeight: number): Range {
  const steps = scrollTop / rowHeight / ahead;
  const stepsInSight = clientHeight / rowHeight / ahead;
  return {
    from: Math.max(0, Math.floor(steps) - 1) * ahead,
    to: (Math.ceil(steps + stepsInSight) + 1) * ahead,
  };
}
