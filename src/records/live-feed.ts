import type { Clock } from "../core/time.ts";
import type { LiveTrace } from "./live-trace.ts";
import { summaryOf } from "./trace-rows.ts";
import type { TraceSummary } from "./trace.ts";

interface Watcher {
  owner: string | undefined;
  deliver: (summary: TraceSummary) => void;
}

/** A stream is told of at most this often, other than of its end. */
const restMs = 240;
/** Streams that are told of in one go for no other reason than having grown. */
const maxChanges = 200;

/** Tells whoever watches of streams as they begin, change and end. Costs nothing while nobody does. */
export class LiveFeed {
  readonly #clock: Clock;
  readonly #watchers = new Set<Watcher>();
  readonly #told = new WeakMap<LiveTrace, { at: number; version: string }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  watch(owner: string | undefined, deliver: (summary: TraceSummary) => void): () => void {
    const watcher = { owner, deliver };
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  tell(traces: Iterable<LiveTrace>): void {
    if (this.#watchers.size === 0) return;
    const now = this.#clock.elapsed();
    let changes = 0;
    for (const live of traces) {
      const told = this.#told.get(live);
      const version = versionOf(live);
      const isOver = live.ending !== undefined;
      if (told !== undefined && (told.version === version || (!isOver && now - told.at < restMs))) continue;
      if (told !== undefined && !isOver && ++changes > maxChanges) continue;
      this.#told.set(live, { at: now, version });
      this.#deliver(live);
    }
  }

  close(): void {
    this.#watchers.clear();
  }

  #deliver(live: LiveTrace): void {
    const interested = [...this.#watchers].filter(({ owner }) => owner === undefined || owner === live.started.owner);
    if (interested.length === 0) return;
    const summary = summaryOf(live.trace());
    for (const { deliver } of interested) deliver(summary);
  }
}

/** Another text as soon as anything is to be told of. */
function versionOf({ recorder, readers, ending, changes }: LiveTrace): string {
  return [recorder.entries, changes, readers.attached, readers.left, readers.disconnected, ending?.outcome].join();
}
