import { Worker } from "node:worker_threads";
import type { CheckpointReply, CheckpointStep } from "./sqlite-checkpoint-worker.ts";

/**
 * Moves the WAL into the database file from a thread of its own, so that syncs never block the event loop. The thread
 * starts with the first checkpoint.
 */
export class Checkpointer {
  readonly #path: string;
  #worker: Worker | undefined;
  #waiting: PromiseWithResolvers<void> | undefined;
  #running: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Calls `pause` for the short last part, in which nobody may write, and what it returned afterwards. One at a time.
   *
   * @throws Error - the WAL stays as it is; the next run takes it along.
   */
  run(pause: () => () => void): Promise<void> {
    this.#running = this.#run(pause);
    return this.#running;
  }

  async #run(pause: () => () => void): Promise<void> {
    await this.#ask("copy");
    const goOn = pause();
    try {
      await this.#ask("truncate");
    } finally {
      goOn();
    }
  }

  async stop(): Promise<void> {
    await this.#running?.catch(() => {});
    if (this.#worker === undefined) return;
    await this.#ask("stop").catch(() => {});
    await this.#worker?.terminate();
  }

  #ask(step: CheckpointStep): Promise<void> {
    this.#worker ??= this.#start();
    this.#waiting = Promise.withResolvers<void>();
    // Only work that is under way keeps the process alive.
    this.#worker.ref();
    this.#worker.postMessage(step);
    return this.#waiting.promise;
  }

  #start(): Worker {
    // Sources run as they are, and as JavaScript once they were built.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const worker = new Worker(new URL(`./sqlite-checkpoint-worker.${extension}`, import.meta.url), {
      workerData: { path: this.#path },
    });
    worker.on("message", ({ error }: CheckpointReply) => {
      worker.unref();
      if (error === undefined) this.#waiting?.resolve();
      else this.#waiting?.reject(new Error(error));
    });
    worker.on("error", (error) => {
      this.#worker = undefined;
      this.#waiting?.reject(error);
    });
    worker.on("exit", () => {
      this.#worker = undefined;
      this.#waiting?.reject(new Error("the checkpoint thread ended"));
    });
    return worker;
  }
}
