import type { TracePage, TraceSummary } from "../../../src/records/trace.ts";
import { type Filters, fits } from "./filters.ts";

/** Where a list goes on, as parameters of its next page. */
export type Place = { before: string } | { to: number };

export interface StreamRowsOptions {
  /** So many are kept when new ones push them down; older ones can be had again. 1,000. */
  mostPushed?: number;
}

/**
 * The streams that fit, newest first, as pages and news bring them, each once.
 *
 * News cost the same however many rows there are. New streams wait until they are let in, so that nothing moves under
 * somebody who reads.
 */
export class StreamRows {
  readonly #filters: Filters;
  readonly #mostPushed: number;
  readonly #streams = new Map<string, TraceSummary>();
  #order: string[] = [];
  /** Newer than all others. */
  readonly #waiting = new Map<string, TraceSummary>();
  /** When the newest one began that has waited too long: between those that wait and the others there is a gap. */
  #gapUntil: number | undefined;
  /** News since a page was asked for, which is older than they are. */
  #since: TraceSummary[] | undefined;
  #isLoaded = false;
  #next: Place | undefined;

  constructor(filters: Filters, { mostPushed = 1_000 }: StreamRowsOptions = {}) {
    this.#filters = filters;
    this.#mostPushed = mostPushed;
  }

  get length(): number {
    return this.#order.length;
  }

  /** New streams that are not shown yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Where older ones are; undefined at the end. */
  get next(): Place | undefined {
    return this.#next;
  }

  at(index: number): TraceSummary | undefined {
    const id = this.#order[index];
    return id === undefined ? undefined : this.#streams.get(id);
  }

  /** Adds the first page, or the one at `next`, once it is there. */
  async addPage(page: Promise<TracePage>): Promise<void> {
    const since: TraceSummary[] = [];
    const place = this.#next;
    this.#since = since;
    try {
      const { data, next } = await page;
      // The end was cut off meanwhile: between it and the page there would be a gap.
      if (place !== this.#next) return;
      for (const stream of data) this.#append(stream);
      this.#next = next === undefined ? undefined : { before: next };
      this.#isLoaded = true;
    } finally {
      this.#since = undefined;
    }
    for (const stream of since) this.take(stream);
  }

  /** A stream begins, changes or ends. */
  take(stream: TraceSummary): void {
    const { id } = stream;
    this.#since?.push(stream);
    if (!this.#isLoaded) return;
    if (!fits(stream, this.#filters)) {
      this.#remove(id);
    } else if (this.#streams.has(id)) {
      this.#streams.set(stream.id, stream);
    } else if (this.#waiting.has(id) || stream.startedAt >= (this.at(0)?.startedAt ?? 0)) {
      if (stream.startedAt >= (this.#gapUntil ?? 0)) this.#wait(stream);
    } else if (this.#next === undefined || isAbove(stream, this.at(this.length - 1))) {
      this.#insert(stream);
    }
  }

  /** Shows what waits, and gives up the oldest ones of a list that grows and grows. */
  letIn(): void {
    if (this.#waiting.size === 0) return;
    const first = this.at(0);
    const waiting = [...this.#waiting.values()].toSorted((one, other) => (isAbove(one, other) ? -1 : 1));
    this.#waiting.clear();
    // The others began in the same millisecond as the first one.
    const newest = waiting.filter((stream) => isAbove(stream, first));
    for (const stream of newest) this.#streams.set(stream.id, stream);
    this.#order = [...newest.map(({ id }) => id), ...this.#order];
    for (const stream of waiting.slice(newest.length)) this.#insert(stream);
    if (this.#gapUntil !== undefined) this.#cut(newest.length);
    else if (this.length > this.#mostPushed) this.#cut(this.#mostPushed);
    this.#gapUntil = undefined;
  }

  #wait(stream: TraceSummary): void {
    this.#waiting.set(stream.id, stream);
    if (this.#waiting.size <= this.#mostPushed) return;
    const oldest = [...this.#waiting.values()].reduce((one, other) => (isAbove(one, other) ? other : one));
    this.#waiting.delete(oldest.id);
    this.#gapUntil = oldest.startedAt;
  }

  #append(stream: TraceSummary): void {
    // What is here already is what was told since, or will be.
    if (this.#streams.has(stream.id) || this.#waiting.has(stream.id)) return;
    if (isAbove(stream, this.at(this.length - 1))) return this.#insert(stream);
    this.#order.push(stream.id);
    this.#streams.set(stream.id, stream);
  }

  /** Seldom: one that fits only since it changed, or began in the same millisecond as others. */
  #insert(stream: TraceSummary): void {
    const below = this.#order.findIndex((_id, index) => isAbove(stream, this.at(index)));
    this.#order.splice(below < 0 ? this.length : below, 0, stream.id);
    this.#streams.set(stream.id, stream);
  }

  #remove(id: string): void {
    this.#waiting.delete(id);
    if (this.#streams.delete(id)) this.#order.splice(this.#order.indexOf(id), 1);
  }

  #cut(length: number): void {
    const last = this.at(length - 1);
    for (const id of this.#order.splice(length)) this.#streams.delete(id);
    // With those of the same millisecond, of which some may be here.
    if (last !== undefined) this.#next = { to: last.startedAt + 1 };
  }
}

/** The order of lists: newest first, then by id. */
function isAbove(stream: TraceSummary, other: TraceSummary | undefined): boolean {
  if (other === undefined) return true;
  return stream.startedAt === other.startedAt ? stream.id > other.id : stream.startedAt > other.startedAt;
}
