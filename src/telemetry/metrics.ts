import type { Observation, Observe } from "../core/observer.ts";
import type { Clock } from "../core/time.ts";
import type { Prometheus, PrometheusOptions } from "./prometheus.ts";

export interface MetricsOptions extends PrometheusOptions {
  clock: Pick<Clock, "elapsed">;
}

/** How many observations may wait before the library is loaded all the same. */
const manyWaiting = 1_000;

/**
 * Metrics for Prometheus. Its library takes longer to load than a first answer should have to wait: it is loaded when
 * somebody asks for the metrics, or once the first stream has ended, and then told what it missed.
 */
export class Metrics {
  readonly #options: MetricsOptions;
  #waiting: { observation: Observation; at: number }[] = [];
  #loading: Promise<Prometheus> | undefined;
  #prometheus: Prometheus | undefined;
  #failed = false;

  constructor(options: MetricsOptions) {
    this.#options = options;
  }

  readonly observe: Observe = (observation) => {
    const at = this.#options.clock.elapsed();
    if (this.#prometheus !== undefined) {
      this.#prometheus.record(observation, at);
      return;
    }
    if (this.#failed) return;
    this.#waiting.push({ observation, at });
    if (observation.type === "stream-ended" || this.#waiting.length >= manyWaiting) {
      this.#load().catch(() => {
        // Said to whoever asks for the metrics; until then nothing is kept for them.
        this.#failed = true;
        this.#waiting = [];
      });
    }
  };

  /** All metrics in Prometheus's text format. */
  async render(): Promise<{ contentType: string; text: string }> {
    const prometheus = await this.#load();
    return { contentType: prometheus.contentType, text: await prometheus.render() };
  }

  #load(): Promise<Prometheus> {
    return (this.#loading ??= this.#open());
  }

  async #open(): Promise<Prometheus> {
    const { Prometheus: Loaded } = await import("./prometheus.ts");
    const prometheus = new Loaded(this.#options);
    for (const { observation, at } of this.#waiting) prometheus.record(observation, at);
    this.#waiting = [];
    this.#prometheus = prometheus;
    return prometheus;
  }
}
