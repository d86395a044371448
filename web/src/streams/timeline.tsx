import { useMemo, useState } from "react";
import type uPlot from "uplot";

import type { Trace } from "../../../src/records/trace.ts";
import { writeCount, writeDuration } from "../numbers.ts";
import { axis, colorOf, Plot } from "../plot.tsx";
import { Lanes } from "./lanes.tsx";

/** Room for the numbers at the left; the lanes keep to it. */
const axisWidth = 56;

export interface TimelineProps {
  trace: Trace;
  /** Where a replay is, from the start of the stream. */
  atMs: number | undefined;
}

/** When the answer came: its growth, its silences, its seams, and the attempts behind it. */
export function Timeline({ trace, atMs }: TimelineProps) {
  const endMs = Math.max(trace.durationMs ?? 0, trace.timeline.at(-1)?.[0] ?? 0, 1);
  return (
    <figure className="border-line bg-surface flex flex-col gap-3 rounded-xl border p-4">
      {(trace.timeline.length > 0 || trace.operation === "chat") && <Growth trace={trace} endMs={endMs} atMs={atMs} />}
      <Lanes trace={trace} endMs={endMs} inset={axisWidth} />
    </figure>
  );
}

function Growth({ trace, endMs, atMs }: TimelineProps & { endMs: number }) {
  const { timeline, seams } = trace;
  const data = useMemo(() => dataOf(timeline), [timeline]);
  // Drawn anew for other seams, not for every new point.
  const seamTimes = seams.map((seam) => seam.atMs).join();
  const options = useMemo(() => optionsOf(seamTimes === "" ? [] : seamTimes.split(",").map(Number)), [seamTimes]);
  const [point, setPoint] = useState<number>();
  const gaps = data[2] ?? [];
  const longest = Math.max(0, ...Array.from(gaps, (gap) => gap ?? 0));
  return (
    <>
      <figcaption className="text-muted flex flex-wrap gap-x-4 gap-y-1 text-xs">
        <Key color="bg-accent">Characters so far</Key>
        <Key color="bg-line-strong">Arrivals, as high as the silence before them</Key>
        {longest >= longFrom(gaps) && <Key color="bg-warn/30">Long silence</Key>}
        {seams.length > 0 && <Key color="bg-warn">Seam</Key>}
        <span aria-hidden className="text-soft ml-auto min-h-4">
          {point !== undefined && wordsAt(data, point)}
        </span>
      </figcaption>
      <div className="relative">
        <Plot
          data={data}
          options={options}
          height={190}
          onPoint={setPoint}
          label={`The answer over ${writeDuration(endMs)}: ${writeCount(timeline.at(-1)?.[1] ?? 0)} characters, ${seams.length} seams, longest silence ${writeDuration(trace.gaps?.max ?? longest)}`}
        />
        {atMs !== undefined && (
          <div aria-hidden className="absolute inset-y-0 right-0" style={{ left: axisWidth }}>
            <div
              className="bg-bad absolute inset-y-0 w-px"
              style={{ left: `${Math.min(100, (atMs / endMs) * 100)}%` }}
            />
          </div>
        )}
      </div>
    </>
  );
}

function Key({ color, children }: { color: string; children: string }) {
  return (
    <span className="inline-flex items-center gap-1.5">
      <span className={`size-2 rounded-sm ${color}`} aria-hidden />
      {children}
    </span>
  );
}

function wordsAt([times, characters = [], gaps = []]: uPlot.AlignedData, point: number): string {
  const at = `${writeDuration(times[point] ?? 0)}: ${writeCount(characters[point] ?? 0)} characters`;
  return point === 0 ? at : `${at}, after ${writeDuration(gaps[point] ?? 0)}`;
}

/** From how many milliseconds on a silence is out of the ordinary for this answer, and a reader notices. */
function longFrom(gaps: ArrayLike<number | null | undefined>): number {
  const sorted = Array.from(gaps, (gap) => gap ?? 0).toSorted((one, other) => one - other);
  return Math.max(100, 4 * (sorted[sorted.length >> 1] ?? 0));
}

function drawLongSilences(plot: uPlot): void {
  const { ctx, bbox } = plot;
  const [times, , gaps = []] = plot.data;
  const long = longFrom(gaps);
  ctx.save();
  ctx.fillStyle = colorOf("warn");
  ctx.globalAlpha = 0.16;
  for (const [index, ms] of [...gaps].entries()) {
    if (ms === null || ms === undefined || ms < long) continue;
    const to = plot.valToPos(times[index] ?? 0, "x", true);
    const from = plot.valToPos((times[index] ?? 0) - ms, "x", true);
    ctx.fillRect(from, bbox.top, to - from, bbox.height);
  }
  ctx.restore();
}

function dataOf(timeline: Trace["timeline"]): uPlot.AlignedData {
  const times = timeline.map(([atMs]) => atMs);
  return [
    times,
    timeline.map(([, characters]) => characters),
    times.map((atMs, index) => (index === 0 ? 0 : atMs - (times[index - 1] ?? 0))),
  ];
}

function optionsOf(seamTimes: readonly number[]): Omit<uPlot.Options, "width" | "height"> {
  return {
    legend: { show: false },
    padding: [8, 0, 0, 0],
    cursor: { y: false, points: { show: false } },
    scales: {
      x: { time: false, range: (_plot, _min, max) => [0, max || 1] },
      gap: { range: (_p, _min, max) => [0, (max || 1) * 1.5] },
    },
    axes: [
      axis(writeDuration, { grid: { show: false }, size: 26, space: 90, values: timesThatFit }),
      axis(writeCount, { size: axisWidth }),
    ],
    series: [
      {},
      { stroke: () => colorOf("accent"), fill: () => colorOf("accent-soft"), width: 1.5, points: { show: false } },
      {
        scale: "gap",
        stroke: () => colorOf("line-strong"),
        fill: () => colorOf("line-strong"),
        width: 1,
        points: { show: false },
        paths: stems,
      },
    ],
    hooks: { drawAxes: [drawLongSilences], draw: [(plot) => drawSeams(plot, seamTimes)] },
  };
}

/** Lanes end where the plot does, so a time at the very end would be cut off. */
function timesThatFit(plot: uPlot, splits: number[]): string[] {
  const end = plot.bbox.width / devicePixelRatio - 24;
  return splits.map((ms) => (plot.valToPos(ms, "x") > end ? "" : writeDuration(ms)));
}

/** A thin line up from the bottom for each value. */
const stems: uPlot.Series.PathBuilder = (plot, seriesIndex, from, to) => {
  const path = new Path2D();
  const values = plot.data[seriesIndex] ?? [];
  const bottom = plot.valToPos(0, "gap", true);
  for (let index = from; index <= to; index++) {
    const x = Math.round(plot.valToPos(plot.data[0][index] ?? 0, "x", true));
    path.moveTo(x, bottom);
    path.lineTo(x, plot.valToPos(values[index] ?? 0, "gap", true));
  }
  return { stroke: path };
};

function drawSeams(plot: uPlot, times: readonly number[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = colorOf("warn");
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const time of times) {
    const x = Math.round(plot.valToPos(time, "x", true));
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}
