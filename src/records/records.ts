import { setImmediate as nextTurn } from "node:timers/promises";
import { HeadraceError, toHeadraceError } from "../core/errors.ts";
import type { Observe, TapStream } from "../core/observer.ts";
import type { Clock } from "../core/time.ts";
import type { LogEntry, StreamInfo, StreamLog } from "../log/stream-log.ts";
import { LiveFeed } from "./live-feed.ts";
import type { Prices } from "./prices.ts";
import type { ArchivedContent, RecordsStore, SummaryQuery, TraceQuery } from "./records-store.ts";
import { recoverTrace } from "./recovery.ts";
import { TraceCollector } from "./trace-collector.ts";
import { summaryOf } from "./trace-rows.ts";
import type { Summary, Trace, TracePage, TraceSummary } from "./trace.ts";

export interface RecordsOptions {
  openStore: () => Promise<RecordsStore>;
  /** Nothing is kept beyond the process, so the store is made when somebody asks for the first time. */
  lazy: boolean;
  clock: Clock;
  prices: Prices;
  isRoute: (model: string) => boolean;
  /** Told of what went wrong; nobody else hears of it. */
  report: (error: HeadraceError) => void;
}

/** Often enough for people who look, and seldom enough to store the whole of a short stream at once. */
const tickMs = 250;
const storedAtOnce = 64;
const maxWaitingWithoutStore = 2_000;
const readAtOnce = 1_000;

/**
 * What stays of streams beside their content: traces, attempts, usage and cost.
 *
 * Observations are noted in memory as they come and stored a moment later, many together. Questions are answered from the
 * store, which is brought up to date first, and for open streams from memory.
 */
export class Records {
  readonly observe: Observe;
  readonly tap: TapStream;
  readonly #options: RecordsOptions;
  readonly #collector: TraceCollector;
  readonly #feed: LiveFeed;
  readonly #stop: () => void;
  #store: Promise<RecordsStore> | undefined;
  /** One after the other: what is removed must not be stored again by somebody who began before. */
  #queue: Promise<void> = Promise.resolve();
  #isStoring = false;
  /** Has not begun yet, so that it will store what is noted now. */
  #nextFlush: Promise<void> | undefined;
  #recovery: Promise<void> = Promise.resolve();
  #hasFailed = false;
  #isClosed = false;

  constructor(options: RecordsOptions) {
    const { clock, lazy } = options;
    this.#options = options;
    this.#collector = new TraceCollector({ ...options, ...(lazy && { maxWaiting: maxWaitingWithoutStore }) });
    this.#feed = new LiveFeed(clock);
    this.observe = this.#collector.observe;
    this.tap = this.#collector.tap;
    this.#stop = clock.every(tickMs, () => this.#tick());
  }

  /**
   * Makes the store ready and finishes the traces that a dead process left open. Called once, when the log's own
   * streams have their ends.
   */
  recover(log: StreamLog): Promise<void> {
    if (this.#options.lazy) return Promise.resolve();
    this.#recovery = this.#recover(log);
    return this.#recovery;
  }

  async #recover(log: StreamLog): Promise<void> {
    const store = await this.#opened();
    const ids = new Set([...(await store.openIds()), ...(await store.unrecordedIds())]);
    for (const id of ids) {
      // The rest is left to the next start.
      if (this.#isClosed) return;
      // Those of this process are noted already.
      if (this.#collector.get(id) !== undefined) continue;
      await this.#inTurn(() => this.#recoverOne(store, log, id));
    }
  }

  /**
   * @param owner - only whose own; undefined for everybody's.
   * @throws HeadraceError `stream-not-found`.
   */
  async trace(streamId: string, owner: string | undefined): Promise<Trace> {
    await this.#options.prices.load();
    const live = this.#collector.get(streamId);
    const trace = live?.reckonedTrace() ?? (await (await this.#upToDate()).get(streamId))?.trace;
    if (trace !== undefined && (owner === undefined || trace.owner === owner)) return trace;
    throw new HeadraceError("stream-not-found", `there is no trace of a stream ${streamId.slice(0, 64)}`);
  }

  /** Newest first; open streams as they are at this moment. */
  async list(query: TraceQuery): Promise<TracePage> {
    const page = await (await this.#upToDate()).list(query);
    return { ...page, data: page.data.map((summary) => this.#current(summary)) };
  }

  /**
   * Resolves once everything that was noted until now is stored; many who wait at once wait for the same transaction. What
   * cannot be stored stays noted, and is reported as everything else of the kind.
   */
  async noted(): Promise<void> {
    if (this.#options.lazy) return;
    this.#nextFlush ??= this.#flush(() => (this.#nextFlush = undefined)).catch((error: unknown) =>
      this.#onFailure(error),
    );
    await this.#nextFlush;
  }

  async summary(query: SummaryQuery): Promise<Summary> {
    return (await this.#upToDate()).summary(query);
  }

  /** Calls back with each stream that begins, changes or ends, at most four times a second. */
  watch(owner: string | undefined, deliver: (summary: TraceSummary) => void): () => void {
    return this.#feed.watch(owner, deliver);
  }

  /** Removes everything that is kept of a stream. */
  delete(streamId: string): Promise<void> {
    return this.#inTurn(async () => {
      this.#collector.forget(streamId);
      await (await this.#store)?.delete(streamId);
    });
  }

  async sweep(times: { startedBefore: number; archivedBefore: number }): Promise<void> {
    const store = await this.#store;
    if (store !== undefined) await this.#inTurn(() => store.sweep(times));
  }

  /** Keeps the content of a stream that is about to leave the log. */
  async archive(log: Pick<StreamLog, "info" | "read">, info: StreamInfo): Promise<void> {
    const store = await this.#opened();
    await this.#inTurn(async () => {
      // It may have been purged since it was found to be old.
      if ((await log.info(info.id)) === undefined) return;
      const entries = await readWhole(log, info.id);
      await store.archive({ info, entries }, this.#options.clock.now());
    });
  }

  /** The content of a stream that left the log, if it was kept. */
  async content(streamId: string): Promise<ArchivedContent | undefined> {
    return (await this.#opened()).content(streamId);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stop();
    this.#feed.close();
    const store = await this.#store?.catch(() => undefined);
    await this.#recovery.catch(() => {});
    if (store === undefined) return;
    await this.#flush().catch((error: unknown) => this.#options.report(toHeadraceError(error)));
    await store.close();
  }

  #tick(): void {
    this.#feed.tell(this.#collector.all());
    this.#collector.tidy();
    if (this.#store === undefined || this.#isStoring) return;
    this.#isStoring = true;
    this.#flush()
      .then(
        () => (this.#hasFailed = false),
        (error: unknown) => this.#onFailure(error),
      )
      .finally(() => (this.#isStoring = false));
  }

  /** It is tried again and again, but told once. */
  #onFailure(error: unknown): void {
    if (!this.#hasFailed) this.#options.report(toHeadraceError(error));
    this.#hasFailed = true;
  }

  #current(summary: TraceSummary): TraceSummary {
    const live = this.#collector.get(summary.id);
    return live === undefined ? summary : summaryOf(live.trace());
  }

  #opened(): Promise<RecordsStore> {
    this.#store ??= Promise.all([this.#options.openStore(), this.#options.prices.load()]).then(([store]) => store);
    return this.#store;
  }

  async #upToDate(): Promise<RecordsStore> {
    const store = await this.#opened();
    await this.#flush();
    return store;
  }

  #flush(onBegin?: () => void): Promise<void> {
    return this.#inTurn(async () => {
      onBegin?.();
      const store = await this.#opened();
      this.#feed.tell(this.#collector.all());
      while (await this.#storeSome(store)) await nextTurn();
    });
  }

  /** Stores a part of what waits; false when nothing is left. */
  async #storeSome(store: RecordsStore): Promise<boolean> {
    const collector = this.#collector;
    const waiting = collector.waiting(storedAtOnce);
    const readers = new Map(collector.lateReaders);
    if (waiting.length === 0 && readers.size === 0) return false;
    collector.lateReaders.clear();
    const traces = waiting.map((live) => {
      // What is noted from here on is not in what is stored now.
      live.isDirty = false;
      return { trace: live.trace(), estimates: live.estimates() };
    });
    try {
      await store.store(traces, readers);
    } catch (error) {
      for (const live of waiting) live.isDirty = true;
      collector.returnReaders(readers);
      throw error;
    }
    for (const live of waiting) collector.stored(live);
    return true;
  }

  async #recoverOne(store: RecordsStore, log: StreamLog, id: string): Promise<void> {
    const { clock, prices, isRoute } = this.#options;
    const info = await log.info(id);
    const stored = await store.get(id);
    if (info === undefined && stored === undefined) return;
    const events = info === undefined ? [] : (await readWhole(log, id)).map(({ event }) => event);
    const logged = info === undefined ? undefined : { info, events };
    const recovered = recoverTrace({ stored, logged, prices, isRoute, now: clock.now() });
    if (recovered !== undefined) await store.store([recovered]);
    await nextTurn();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => {});
    return done;
  }
}

async function readWhole(log: Pick<StreamLog, "read">, streamId: string): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for (;;) {
    const more = await log.read(streamId, { after: entries.length - 1, limit: readAtOnce });
    if (more.length === 0) return entries;
    entries.push(...more);
  }
}
