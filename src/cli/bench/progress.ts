import type { Plan, Series } from "./measure.ts";

/** One line on standard error that says how far it is; nothing where nobody looks. */
export function createProgress({ models, modes, requests }: Plan): { show(series: Series): void; clear(): void } {
  if (!process.stderr.isTTY) return { show: () => {}, clear: () => {} };
  const total = models.length * modes.length * requests;
  const done = new Map<Series, number>();
  return {
    show(series) {
      done.set(series, series.samples.length);
      const count = [...done.values()].reduce((sum, samples) => sum + samples, 0);
      const filled = Math.round((count / total) * 20);
      const bar = "█".repeat(filled) + "░".repeat(20 - filled);
      const mode = modes.length > 1 ? ` ${series.mode}` : "";
      process.stderr.write(`\r\u001b[2K${bar} ${count}/${total}  ${series.model}${mode}`);
    },
    clear: () => void process.stderr.write("\r\u001b[2K"),
  };
}
