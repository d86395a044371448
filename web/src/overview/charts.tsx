import { useMemo, useState } from "react";
import uPlot from "uplot";

import type { Summary } from "../../../src/records/trace.ts";
import { writeCost, writeCount, writeDuration, writeKnown } from "../numbers.ts";
import { axis, colorOf, Plot } from "../plot.tsx";

type Point = Summary["series"][number];

interface Line {
  name: string;
  color: string;
  value: (point: Point) => number | undefined;
}

interface Chart {
  title: string;
  bars?: boolean;
  write: (value: number) => string;
  lines: readonly Line[];
}

const charts: readonly Chart[] = [
  {
    title: "Requests",
    bars: true,
    write: writeCount,
    lines: [
      { name: "all", color: "accent", value: ({ requests }) => requests },
      { name: "errors", color: "bad", value: ({ errors }) => errors },
    ],
  },
  {
    title: "First token",
    write: writeDuration,
    lines: [
      { name: "p50", color: "accent", value: ({ ttftP50 }) => ttftP50 },
      { name: "p95", color: "warn", value: ({ ttftP95 }) => ttftP95 },
    ],
  },
  {
    title: "Tokens per second",
    write: writeCount,
    lines: [{ name: "median", color: "accent", value: ({ tokensPerSecond }) => tokensPerSecond }],
  },
  {
    title: "Cost",
    bars: true,
    write: writeCost,
    lines: [{ name: "US dollars", color: "accent", value: ({ cost }) => cost }],
  },
];

/** The same time four times over. */
export function Charts({ series }: { series: readonly Point[] }) {
  if (series.length === 0) return null;
  return (
    <div className="grid gap-4 md:grid-cols-2">
      {charts.map((chart) => (
        <ChartView key={chart.title} chart={chart} series={series} />
      ))}
    </div>
  );
}

function ChartView({ chart, series }: { chart: Chart; series: readonly Point[] }) {
  const data = useMemo<uPlot.AlignedData>(
    () => [
      series.map(({ at }) => at / 1000),
      ...chart.lines.map(({ value }) => series.map((point) => value(point) ?? null)),
    ],
    [chart, series],
  );
  const options = useMemo(() => optionsOf(chart), [chart]);
  const [index, setIndex] = useState<number>();
  const point = index === undefined ? undefined : series[index];
  return (
    <figure className="border-line bg-surface rounded-xl border p-4">
      <figcaption className="mb-2 flex flex-wrap items-baseline gap-x-3">
        <span className="font-semibold">{chart.title}</span>
        {chart.lines.map(({ name, color, value }) => (
          <span key={name} className="text-muted inline-flex items-center gap-1.5 text-xs">
            <span className="size-2 rounded-sm" style={{ background: `var(--color-${color})` }} aria-hidden />
            {name}
            {point !== undefined && <b className="text-ink font-medium">{writeKnown(value(point), chart.write)}</b>}
          </span>
        ))}
        {point !== undefined && <span className="text-muted ml-auto text-xs">{writePoint(point.at)}</span>}
      </figcaption>
      <Plot data={data} options={options} height={170} label={`${chart.title} over time`} onPoint={setIndex} />
    </figure>
  );
}

function optionsOf({ lines, bars = false, write }: Chart): Omit<uPlot.Options, "width" | "height"> {
  const barPaths = uPlot.paths.bars?.({ size: [0.7, 24], radius: 0.15 });
  return {
    legend: { show: false },
    padding: [8, 24, 0, 0],
    cursor: { y: false },
    scales: {
      x: { range: (plot, min, max) => (bars ? withRoom(plot, min, max) : [min, max]) },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] },
    },
    axes: [
      {
        ...axis(String, { grid: { show: false }, size: 28, space: 70 }),
        incrs: ({ data: [times] }) => (isDaily(times) ? daySteps : hourSteps),
        values: ({ data: [times] }, seconds) => seconds.map((at) => (isDaily(times) ? day : hour).format(at * 1000)),
      },
      axis(write, { size: 62, ...(write === writeCount && { incrs: wholeSteps }) }),
    ],
    series: [
      {},
      ...lines.map(({ name, color }): uPlot.Series => ({
        label: name,
        stroke: () => colorOf(color),
        width: bars ? 0 : 1.75,
        spanGaps: true,
        points: { show: !bars, size: 4, fill: () => colorOf(color) },
        ...(bars && { fill: () => colorOf(color) }),
        ...(bars && barPaths !== undefined && { paths: barPaths }),
      })),
    ],
  };
}

/** Half a bar more at both ends. */
function withRoom({ data: [times] }: uPlot, min: number, max: number): [number, number] {
  const half = times.length > 1 ? (max - min) / (times.length - 1) / 2 : 1800;
  return [min - half, max + half];
}

const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

const dayAndHour = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit" });

function writePoint(at: number): string {
  return dayAndHour.format(at);
}

/** Half a request would be written as a whole one. */
const wholeSteps = Array.from({ length: 9 }, (_, zeros) => [1, 2, 5].map((step) => step * 10 ** zeros)).flat();

const dayS = 86_400;
const daySteps = [1, 2, 7, 14].map((days) => days * dayS);
const hourSteps = [60, 300, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, dayS];

function isDaily([first = 0, second = 0]: ArrayLike<number> & Iterable<number>): boolean {
  return second - first >= dayS;
}
