import type { TracePage, TraceSummary } from "../../../src/records/trace.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { type Filters, queryOf } from "./filters.ts";
import { followLive } from "./live.ts";
import { StreamRows } from "./rows.ts";

/** News are shown together, so often. */
const showEveryMs = 100;

/** A list of streams and what keeps it up to date, from `open` to `close`. */
export class StreamsFeed {
  rows: StreamRows | undefined;
  error: string | undefined;
  readonly #gateway: Gateway;
  readonly #filters: Filters;
  readonly #onChange: () => void;
  readonly #leaving = new AbortController();
  /** Where news go: the rows that are shown, or those that are about to be. */
  #coming: StreamRows;
  #isLoading = false;
  #isHeld = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(gateway: Gateway, filters: Filters, onChange: () => void) {
    this.#gateway = gateway;
    this.#filters = filters;
    this.#onChange = onChange;
    this.#coming = new StreamRows(filters);
  }

  open(): void {
    void followLive(this.#gateway, {
      onStream: (stream) => this.#take(stream),
      onConnect: () => void this.#begin(),
      signal: this.#leaving.signal,
    });
  }

  close(): void {
    this.#leaving.abort();
    clearTimeout(this.#timer);
  }

  /** There are older ones, and they are not on their way. */
  get canLoad(): boolean {
    return this.rows?.next !== undefined && !this.#isLoading;
  }

  async load(): Promise<void> {
    if (this.rows !== undefined && this.canLoad) await this.#loadInto(this.rows);
  }

  /** While held, new streams wait. */
  hold(on: boolean): void {
    this.#isHeld = on;
    if (!on && this.rows !== undefined && this.rows.waiting > 0) this.#show();
  }

  /** From the newest on; what happened until now is in no news. */
  async #begin(): Promise<void> {
    if (this.#leaving.signal.aborted) return;
    const rows = new StreamRows(this.#filters);
    this.#coming = rows;
    this.#isHeld = false;
    await this.#loadInto(rows);
  }

  async #loadInto(rows: StreamRows): Promise<void> {
    const { signal } = this.#leaving;
    const query = queryOf(this.#filters, Date.now());
    for (const [name, value] of Object.entries(rows.next ?? {})) query.set(name, String(value));
    this.#isLoading = true;
    try {
      await rows.addPage(this.#gateway.json<TracePage>(`/admin/streams?${query}`, { signal }));
      if (rows === this.#coming) this.rows = rows;
      this.error = undefined;
    } catch (error) {
      this.error = error instanceof Error ? error.message : String(error);
    }
    this.#isLoading = false;
    this.#show();
  }

  #take(stream: TraceSummary): void {
    this.#coming.take(stream);
    this.#timer ??= setTimeout(() => this.#show(), showEveryMs);
  }

  #show(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#leaving.signal.aborted) return;
    if (!this.#isHeld) this.rows?.letIn();
    this.#onChange();
  }
}
