import { Worker } from "node:worker_threads";
import { HeadraceError } from "../core/errors.ts";
import type { Clock } from "../core/time.ts";
import type { ReadReply, ReadRequest } from "./sqlite-reader-worker.ts";
import type { Row } from "./sqlite-statements.ts";

export interface SqliteReaderOptions {
  path: string;
  clock: Clock;
  /** Longest that a statement may take. */
  limitMs: number;
}

/**
 * Reads a database in a thread of its own, so that no question about the past holds up an answer that is being written.
 * The thread starts with the first statement.
 */
export class SqliteReader {
  readonly #options: SqliteReaderOptions;
  readonly #waiting = new Map<number, PromiseWithResolvers<Row[]>>();
  #worker: Worker | undefined;
  #lastId = 0;

  constructor(options: SqliteReaderOptions) {
    this.#options = options;
  }

  /** @throws HeadraceError `overloaded` - it took too long. */
  readonly run = async (sql: string, parameters: readonly unknown[]): Promise<Row[]> => {
    const { clock, limitMs } = this.#options;
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<Row[]>();
    this.#waiting.set(id, answer);
    const patience = new AbortController();
    clock.sleep(limitMs, { signal: patience.signal }).then(
      () => this.#giveUp(),
      () => {},
    );
    const worker = (this.#worker ??= this.#start());
    worker.ref();
    worker.postMessage({ id, sql, parameters } satisfies ReadRequest);
    try {
      return await answer.promise;
    } finally {
      patience.abort();
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#worker?.unref();
    }
  };

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#fail(new HeadraceError("log-unavailable", "the records are closed"));
    await worker?.terminate();
  }

  /** A statement cannot be interrupted, so the thread is left to itself; the next question gets a new one. */
  #giveUp(): void {
    const worker = this.#worker;
    this.#fail(new HeadraceError("overloaded", "this takes too long; ask for a shorter time or with fewer filters"));
    void worker?.terminate();
  }

  #fail(error: Error): void {
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #start(): Worker {
    // Sources run as they are, and as JavaScript once they were built.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const worker = new Worker(new URL(`./sqlite-reader-worker.${extension}`, import.meta.url), {
      workerData: { path: this.#options.path },
    });
    worker.unref();
    worker.on("message", (reply: ReadReply) => {
      const waiting = this.#waiting.get(reply.id);
      if ("rows" in reply) waiting?.resolve(reply.rows);
      else
        waiting?.reject(
          new HeadraceError("log-unavailable", "the records cannot be read", { cause: new Error(reply.error) }),
        );
    });
    const onEnd = (cause?: unknown): void => {
      if (this.#worker !== worker) return;
      this.#fail(new HeadraceError("log-unavailable", "the thread that reads the records ended", { cause }));
    };
    worker.on("error", onEnd);
    worker.on("exit", () => onEnd());
    return worker;
  }
}
