/** A piece of an answer, in milliseconds since the request was sent. */
export interface Arrival {
  atMs: number;
  /** Events of the stream that were complete with it. */
  events: number;
}

export type Delivery = "streams" | "batches" | "buffers" | "unclear";

export interface Verdict {
  delivery: Delivery;
  /** Times at which something came. */
  bursts: number;
  events: number;
  /** From the first to the last event. */
  spanMs: number;
  /** Between one burst and the next; of the median pair. */
  everyMs?: number;
}

export interface Pace {
  /** Milliseconds between events where they are made; missing when nobody knows. */
  intervalMs?: number;
  /** From the request to the end of the answer. */
  totalMs: number;
}

/** What comes within so short a time of each other has come at once. */
const togetherMs = 15;
/** Below this an answer is too short to say how it came. */
const fewestEvents = 8;

/** Tells from the times of arrival whether a stream was passed on as it was made. */
export function judgeArrivals(arrivals: readonly Arrival[], { intervalMs, totalMs }: Pace): Verdict {
  const bursts = inBursts(arrivals, intervalMs === undefined ? togetherMs : Math.min(togetherMs, intervalMs / 2));
  const events = bursts.reduce((sum, burst) => sum + burst.events, 0);
  const spanMs = (bursts.at(-1)?.atMs ?? 0) - (bursts[0]?.atMs ?? 0);
  const gaps = bursts.slice(1).map(({ atMs }, index) => atMs - (bursts[index]?.atMs ?? 0));
  const everyMs = gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)];
  const measured = { bursts: bursts.length, events, spanMs, ...(everyMs !== undefined && { everyMs }) };
  return { delivery: deliveryOf(measured, { totalMs, ...(intervalMs !== undefined && { intervalMs }) }), ...measured };
}

function deliveryOf({ bursts, events, spanMs }: Omit<Verdict, "delivery">, { intervalMs, totalMs }: Pace): Delivery {
  if (events < fewestEvents) return "unclear";
  const shouldSpanMs = intervalMs === undefined ? totalMs : intervalMs * events;
  if (shouldSpanMs < 250) return "unclear";
  if (spanMs < shouldSpanMs * 0.1) return "buffers";
  // A busy machine on either side joins a few events; a proxy that collects them joins nearly all.
  if (events / bursts < 2) return "streams";
  // Without a known pace, a model that sends several events at once is nobody's fault unless one has to wait for them.
  const everyMs = spanMs / Math.max(1, bursts - 1);
  return intervalMs === undefined && everyMs < 100 ? "streams" : "batches";
}

function inBursts(arrivals: readonly Arrival[], apartMs: number): Arrival[] {
  const bursts: Arrival[] = [];
  for (const { atMs, events } of arrivals) {
    if (events === 0) continue;
    const burst = bursts.at(-1);
    if (burst === undefined || atMs - burst.atMs > apartMs) bursts.push({ atMs, events });
    else burst.events += events;
  }
  return bursts;
}
