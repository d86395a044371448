import type { Deliver, LogEntry } from "./stream-log.ts";

interface Waiter {
  seq: number;
  wake: () => void;
}

interface Subscription {
  after: number;
  deliver: Deliver;
}

interface Watched {
  waiters: Set<Waiter>;
  subscriptions: Set<Subscription>;
}

/** Who in this process waits for entries of which stream. Keeps nothing of a stream that nobody waits for. */
export class Watchers {
  readonly #streams = new Map<string, Watched>();

  /** Resolves when something after `seq` is published, or the stream is dropped. */
  wait(streamId: string, seq: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const watched = this.#watch(streamId);
    const waiter: Waiter = {
      seq,
      wake: () => {
        signal.removeEventListener("abort", abort);
        resolve();
      },
    };
    const abort = () => {
      watched.waiters.delete(waiter);
      this.#forget(streamId, watched);
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    watched.waiters.add(waiter);
    return promise;
  }

  /** Everything up to `after` must be published already. */
  subscribe(streamId: string, after: number, deliver: Deliver): () => void {
    const watched = this.#watch(streamId);
    const subscription: Subscription = { after, deliver };
    watched.subscriptions.add(subscription);
    return () => {
      if (watched.subscriptions.delete(subscription)) this.#forget(streamId, watched);
    };
  }

  /** Tells everybody about entries that were just committed. */
  publish(streamId: string, entries: readonly LogEntry[]): void {
    const watched = this.#streams.get(streamId);
    const last = entries[entries.length - 1];
    if (watched === undefined || last === undefined) return;
    for (const waiter of watched.waiters) {
      if (last.seq <= waiter.seq) continue;
      watched.waiters.delete(waiter);
      waiter.wake();
    }
    // A callback may end subscriptions and begin others: a Set skips the former, `after` the latter.
    for (const subscription of watched.subscriptions) {
      const fresh = entriesAfter(entries, subscription.after);
      if (fresh.length === 0) continue;
      subscription.after = last.seq;
      subscription.deliver(fresh);
    }
    this.#forget(streamId, watched);
  }

  /** The stream is gone: wakes everybody who waits for it. */
  drop(streamId: string): void {
    const watched = this.#streams.get(streamId);
    if (watched === undefined) return;
    this.#streams.delete(streamId);
    for (const waiter of watched.waiters) waiter.wake();
    for (const subscription of watched.subscriptions) {
      watched.subscriptions.delete(subscription);
      subscription.deliver([]);
    }
  }

  dropAll(): void {
    for (const streamId of this.#streams.keys()) this.drop(streamId);
  }

  /** How many streams somebody waits for. */
  get size(): number {
    return this.#streams.size;
  }

  #watch(streamId: string): Watched {
    let watched = this.#streams.get(streamId);
    if (watched === undefined) {
      watched = { waiters: new Set(), subscriptions: new Set() };
      this.#streams.set(streamId, watched);
    }
    return watched;
  }

  #forget(streamId: string, watched: Watched): void {
    if (watched.waiters.size > 0 || watched.subscriptions.size > 0) return;
    // After a drop the id may be watched anew; that one is not ours to remove.
    if (this.#streams.get(streamId) === watched) this.#streams.delete(streamId);
  }
}

function entriesAfter(entries: readonly LogEntry[], after: number): readonly LogEntry[] {
  const first = entries[0];
  if (first === undefined || first.seq > after) return entries;
  return entries.slice(after + 1 - first.seq);
}
