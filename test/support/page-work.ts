import type { CDPSession, Page } from "playwright-core";
import { expect } from "vitest";

/** What a page did while something went on. */
export interface PageWork {
  /** Milliseconds of CPU in which the page could not answer: of each task of its main thread, what it takes over 50 ms. */
  blockedMs: number;
  /** Milliseconds of CPU of the main thread, all together. */
  cpuMs: number;
  frames: number;
  /** Times that the page was laid out. */
  layouts: number;
  /** Paths that it asked the gateway for, without their parameters. */
  requests: string[];
}

/** Tells the page's thread from all others. */
const markName = "headrace-watched";
/** From here on people notice that a page does not answer. */
const longTaskMs = 50;
/** Less than the 16 that there are at sixty frames a second. */
const mostCpuPerFrameMs = 12;
/** One long task may be the garbage collector, or another machine on the same processor. */
const mostBlockedMs = 150;

/** The page has answered all the time, and has left the processor some. */
export function expectSmooth({ blockedMs, cpuMs, frames }: PageWork): void {
  expect(blockedMs, "CPU of the page over 50 ms in one go, in ms").toBeLessThan(mostBlockedMs);
  expect(frames).toBeGreaterThan(0);
  expect(cpuMs / frames, "CPU of the page per frame, in ms").toBeLessThan(mostCpuPerFrameMs);
}

interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  /** Microseconds. */
  ts: number;
  dur?: number;
  /** Of CPU. */
  tdur?: number;
}

/**
 * Counts what a page does during `work`.
 *
 * In CPU time and counts: on a machine that has other things to do, frames are late and tasks long whatever the page does.
 */
export async function watchWork(page: Page, work: () => Promise<void>): Promise<PageWork> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const requests: string[] = [];
  page.on("request", (request) => requests.push(new URL(request.url()).pathname));
  const stopTracing = await trace(session);
  const frames = await page.evaluateHandle(countFrames, markName);
  const before = await metricsOf(session);
  await work();
  const after = await metricsOf(session);
  const asked = [...requests];
  const tasks = mainThreadTasks(await stopTracing());
  expect(tasks.length, "tasks of the page's main thread").toBeGreaterThan(0);
  const counted = await frames.evaluate((counter) => counter.count);
  await session.detach();
  return {
    blockedMs: tasks.reduce((sum, ms) => sum + Math.max(0, ms - longTaskMs), 0),
    cpuMs: (after("TaskDuration") - before("TaskDuration")) * 1000,
    frames: counted,
    layouts: after("LayoutCount") - before("LayoutCount"),
    requests: asked,
  };
}

/** Bytes that the page's scripts hold on to. */
export async function heapBytes(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  await session.send("HeapProfiler.collectGarbage");
  const bytes = (await metricsOf(session))("JSHeapUsedSize");
  await session.detach();
  return bytes;
}

async function metricsOf(session: CDPSession): Promise<(name: string) => number> {
  const { metrics } = await session.send("Performance.getMetrics");
  return (name) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
}

async function trace(session: CDPSession): Promise<() => Promise<TraceEvent[]>> {
  const events: TraceEvent[] = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...(value as unknown as TraceEvent[])));
  const complete = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
  await session.send("Tracing.start", {
    transferMode: "ReportEvents",
    traceConfig: { includedCategories: ["toplevel", "blink.user_timing"], excludedCategories: ["*"] },
  });
  return async () => {
    await session.send("Tracing.end");
    await complete;
    return events;
  };
}

function mainThreadTasks(events: readonly TraceEvent[]): number[] {
  // Other pages, and those that the browser keeps ready, have main threads, too.
  const own = events.find(({ name }) => name === markName);
  const tasks = events.filter(
    ({ name, pid, tid }) => name === "ThreadControllerImpl::RunTask" && pid === own?.pid && tid === own.tid,
  );
  // Some are told of twice, one within the other.
  let end = 0;
  return tasks
    .toSorted((one, other) => one.ts - other.ts || (other.dur ?? 0) - (one.dur ?? 0))
    .flatMap(({ ts, dur = 0, tdur }) => {
      // One that had not ended yet has no time.
      if (tdur === undefined || ts < end) return [];
      end = ts + dur;
      return [tdur / 1000];
    });
}

/** Runs in the page. */
function countFrames(mark: string): { count: number } {
  performance.mark(mark);
  const counter = { count: 0 };
  const next = () => {
    counter.count++;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
  return counter;
}
