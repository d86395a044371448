import { useEffect, useState } from "react";

import type { Trace } from "../../../src/records/trace.ts";

export interface Replay {
  /** Milliseconds into the stream; undefined when nothing is replayed. */
  atMs: number | undefined;
  /** How much of the answer had arrived then, from 0 to 1. */
  share: number;
  start(): void;
  stop(): void;
}

/** Goes through a stream's timeline at the pace at which it came. */
export function useReplay(trace: Trace | undefined): Replay {
  const [atMs, setAtMs] = useState<number>();
  const [startedAt, setStartedAt] = useState<number>();
  const endMs = trace?.durationMs ?? trace?.timeline.at(-1)?.[0] ?? 0;

  useEffect(() => {
    if (startedAt === undefined) return;
    let frame = 0;
    const step = () => {
      const passed = performance.now() - startedAt;
      if (passed >= endMs) {
        setAtMs(undefined);
        setStartedAt(undefined);
        return;
      }
      setAtMs(passed);
      frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [startedAt, endMs]);

  return {
    atMs,
    share: trace === undefined || atMs === undefined ? 1 : shareAt(trace.timeline, atMs),
    start() {
      setAtMs(0);
      setStartedAt(performance.now());
    },
    stop() {
      setAtMs(undefined);
      setStartedAt(undefined);
    },
  };
}

/** Between two points of the timeline what came is taken to have come evenly. */
function shareAt(timeline: Trace["timeline"], atMs: number): number {
  const total = timeline.at(-1)?.[1] ?? 0;
  if (total === 0) return 1;
  let [beforeMs, before] = [timeline[0]?.[0] ?? 0, 0];
  for (const [pointMs, characters] of timeline) {
    if (pointMs > atMs) {
      const part = pointMs > beforeMs ? Math.max(0, (atMs - beforeMs) / (pointMs - beforeMs)) : 0;
      return (before + part * (characters - before)) / total;
    }
    [beforeMs, before] = [pointMs, characters];
  }
  return 1;
}
