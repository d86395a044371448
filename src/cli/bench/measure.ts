import type { ConnectedClient } from "../connect.ts";
import { type Mode, type Sample, takeSample } from "./sample.ts";

export interface Plan {
  models: readonly string[];
  modes: readonly Mode[];
  /** For each model and mode. */
  requests: number;
  /** At once, to one model. */
  concurrency: number;
  prompt: string;
  /** Of output, for each answer. */
  maxTokens: number;
}

/** All answers of one model in one mode. */
export interface Series {
  model: string;
  mode: Mode;
  samples: Sample[];
}

export interface MeasureOptions {
  /** Ends it early; what was measured until then is kept. */
  signal: AbortSignal;
  onSample: (series: Series) => void;
}

/** Asks one model after the other, each of them in every mode. */
export async function measure(
  connected: Pick<ConnectedClient, "client" | "fetch">,
  { models, modes, requests, concurrency, prompt, maxTokens }: Plan,
  { signal, onSample }: MeasureOptions,
): Promise<Series[]> {
  const all: Series[] = [];
  for (const model of models) {
    for (const mode of modes) {
      const series: Series = { model, mode, samples: [] };
      all.push(series);
      onSample(series);
      let next = 0;
      const worker = async () => {
        while (next < requests && !signal.aborted) {
          const sample = await takeSample(connected, mode, { model, prompt, maxTokens, index: next++ }, signal);
          if (sample === undefined) continue;
          series.samples.push(sample);
          onSample(series);
        }
      };
      await Promise.all(Array.from({ length: Math.min(concurrency, requests) }, worker));
    }
  }
  return all;
}
