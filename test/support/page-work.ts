import type { CDPSession, Page } from "playwright-core";

/** What a page did while something went on. */
export interface PageWork {
  /** Of the page's main thread, in milliseconds of CPU, the longest first. */
  tasks: number[];
  /** Milliseconds of CPU of the main thread, all together. */
  cpuMs: number;
  frames: number;
  /** Times that the page was laid out. */
  layouts: number;
  /** Paths that it asked the gateway for, without their parameters. */
  requests: string[];
}

interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  /** Microseconds of CPU. */
  tdur?: number;
  args: { name?: string };
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
  const frames = await page.evaluateHandle(countFrames);
  const before = await metricsOf(session);
  await work();
  const after = await metricsOf(session);
  const asked = [...requests];
  const tasks = mainThreadTasks(await stopTracing());
  const counted = await frames.evaluate((counter) => counter.count);
  await session.detach();
  return {
    tasks: tasks.toSorted((one, other) => other - one),
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
    traceConfig: { includedCategories: ["toplevel"], excludedCategories: ["*"] },
  });
  return async () => {
    await session.send("Tracing.end");
    await complete;
    return events;
  };
}

function mainThreadTasks(events: readonly TraceEvent[]): number[] {
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid}/${tid}`;
  const main = new Set(
    events.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain").map(threadOf),
  );
  const tasks = events.filter((event) => event.name === "ThreadControllerImpl::RunTask" && main.has(threadOf(event)));
  return tasks.map(({ tdur = Number.NaN }) => tdur / 1000);
}

/** Runs in the page. */
function countFrames(): { count: number } {
  const counter = { count: 0 };
  const next = () => {
    counter.count++;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
  return counter;
}
