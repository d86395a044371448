import type {
  Deliver,
  ListOptions,
  LogEntry,
  LogHealth,
  StreamInfo,
  StreamLog,
  SweepOptions,
} from "../log/stream-log.ts";
import type { ArchivedContent } from "./records-store.ts";

/** Contents that are kept unpacked for whoever reads on. */
const kept = 4;

/** A log whose streams can still be read after they left it, from what was archived of them. */
export class ArchivedLog implements StreamLog {
  readonly #log: StreamLog;
  readonly #find: (streamId: string) => Promise<ArchivedContent | undefined>;
  readonly #unpacked = new Map<string, ArchivedContent>();
  /** Grows when something may have been removed while it was looked for. */
  #removals = 0;

  constructor(log: StreamLog, find: (streamId: string) => Promise<ArchivedContent | undefined>) {
    this.#log = log;
    this.#find = find;
  }

  get durability() {
    return this.#log.durability;
  }

  get health(): LogHealth | undefined {
    return this.#log.health;
  }

  async info(streamId: string): Promise<StreamInfo | undefined> {
    return (await this.#log.info(streamId)) ?? (await this.#archived(streamId))?.info;
  }

  async read(streamId: string, options: { after: number; limit: number }): Promise<LogEntry[]> {
    if ((await this.#log.info(streamId)) !== undefined) return this.#log.read(streamId, options);
    const archived = await this.#archived(streamId);
    if (archived === undefined) return this.#log.read(streamId, options);
    return archived.entries.slice(options.after + 1, options.after + 1 + options.limit);
  }

  subscribe(streamId: string, after: number, deliver: Deliver): (() => void) | undefined {
    return this.#log.subscribe(streamId, after, deliver);
  }

  waitForEntryAfter(streamId: string, seq: number, signal: AbortSignal): Promise<void> {
    return this.#log.waitForEntryAfter(streamId, seq, signal);
  }

  async delete(streamId: string): Promise<void> {
    await this.#log.delete(streamId);
    this.#removals++;
    this.#unpacked.delete(streamId);
  }

  create(...args: Parameters<StreamLog["create"]>): ReturnType<StreamLog["create"]> {
    return this.#log.create(...args);
  }

  append(...args: Parameters<StreamLog["append"]>): ReturnType<StreamLog["append"]> {
    return this.#log.append(...args);
  }

  list(options: ListOptions): Promise<StreamInfo[]> {
    return this.#log.list(options);
  }

  listOpen(): Promise<StreamInfo[]> {
    return this.#log.listOpen();
  }

  takeOver(streamId: string): Promise<{ epoch: number; next: number }> {
    return this.#log.takeOver(streamId);
  }

  sweep(options: SweepOptions): Promise<number> {
    this.#removals++;
    this.#unpacked.clear();
    return this.#log.sweep(options);
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  async #archived(streamId: string): Promise<ArchivedContent | undefined> {
    let found = this.#unpacked.get(streamId);
    if (found !== undefined) return found;
    const removals = this.#removals;
    found = await this.#find(streamId);
    if (found === undefined || removals !== this.#removals) return found;
    const [oldest] = this.#unpacked.keys();
    if (oldest !== undefined && this.#unpacked.size >= kept) this.#unpacked.delete(oldest);
    this.#unpacked.set(streamId, found);
    return found;
  }
}
