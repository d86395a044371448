import "uplot/dist/uPlot.min.css";
import { useEffect, useRef } from "react";
import uPlot from "uplot";

import { useTheme } from "./shell/theme.ts";

export interface PlotProps {
  /** Times first, then each series. */
  data: uPlot.AlignedData;
  /** Made anew when this changes: keep it between renderings. */
  options: Omit<uPlot.Options, "width" | "height">;
  height: number;
  /** What there is to see, for those who do not see it. */
  label: string;
  /** Told which point is under the pointer; undefined when it left. */
  onPoint?: (index: number | undefined) => void;
}

/** A plot as wide as its place. */
export function Plot({ data, options, height, label, onPoint }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const latest = useRef(data);
  const pointed = useRef(onPoint);
  const [theme] = useTheme();

  useEffect(() => {
    pointed.current = onPoint;
  }, [onPoint]);

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const setCursor = [({ cursor }: uPlot) => pointed.current?.(cursor.idx ?? undefined)];
    const hooks = { ...options.hooks, setCursor };
    const made = new uPlot({ ...options, hooks, width: element.clientWidth, height }, latest.current, element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [options, height]);

  useEffect(() => {
    latest.current = data;
    plot.current?.setData(data);
  }, [data]);

  useEffect(() => {
    // Colours are asked for at each drawing; before the first one there is nothing to draw anew.
    if (plot.current?.status === 1) plot.current.redraw();
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [theme]);

  return <div ref={place} role="img" aria-label={label} className="w-full min-w-0" />;
}

/** A colour of the style sheet as a canvas takes it: the one of the present theme. */
export function colorOf(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--color-${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** An axis in the colours of the page. */
export function axis(values: (value: number) => string, more: Partial<uPlot.Axis> = {}): uPlot.Axis {
  return {
    stroke: () => colorOf("muted"),
    font: "11px Inter, Arial, sans-serif",
    grid: { stroke: () => colorOf("line"), width: 1 },
    ticks: { show: false },
    values: (_plot, splits) => splits.map((value) => values(value)),
    ...more,
  };
}
