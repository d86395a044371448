export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const name = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const label = `[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"`;
const sampleLine = new RegExp(`^(${name})(?:\\{(${label}(?:,${label})*)?\\})? (\\S+)$`);
const commentLine = new RegExp(`^# (HELP|TYPE) (${name}) (.+)$`);
const types = new Set(["counter", "gauge", "histogram", "summary", "untyped"]);

/**
 * Reads Prometheus's text format, and refuses what a scraper would: lines of another form, samples without a type, the
 * same series twice, histograms whose buckets do not add up.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export function readPrometheusText(text: string): Sample[] {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const typeOf = new Map<string, string>();
  const series = new Set<string>();
  const samples: Sample[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    if (line.startsWith("#")) {
      const [, kind, metric = "", rest = ""] = commentLine.exec(line) ?? [];
      if (kind === undefined) throw new Error(`no comment of the format: ${line}`);
      if (kind !== "TYPE") continue;
      if (!types.has(rest) || typeOf.has(metric)) throw new Error(`wrong or second type: ${line}`);
      typeOf.set(metric, rest);
      continue;
    }
    const match = sampleLine.exec(line);
    if (match === null) throw new Error(`no sample: ${line}`);
    const [, metric = "", labelText = "", number = ""] = match;
    const family = typeOf.has(metric) ? metric : metric.replace(/_(bucket|sum|count)$/, "");
    if (!typeOf.has(family)) throw new Error(`a sample without a type: ${line}`);
    const value = number === "+Inf" ? Infinity : Number(number);
    if (Number.isNaN(value) && number !== "NaN" && number !== "Nan") throw new Error(`no number: ${line}`);
    const key = `${metric}{${labelText}}`;
    if (series.has(key)) throw new Error(`twice: ${key}`);
    series.add(key);
    samples.push({ name: metric, labels: readLabels(labelText), value });
  }
  for (const [metric, type] of typeOf) if (type === "histogram") checkHistogram(metric, samples);
  return samples;
}

function readLabels(text: string): Record<string, string> {
  const found = text.matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g);
  return Object.fromEntries(
    [...found].map(([, key = "", value = ""]) => [
      key,
      value.replaceAll(/\\(.)/g, (_all, one: string) => (one === "n" ? "\n" : one)),
    ]),
  );
}

function checkHistogram(metric: string, samples: readonly Sample[]): void {
  const without = ({ le: _le, ...rest }: Record<string, string>): string => JSON.stringify(rest);
  for (const { labels, value: count } of samples.filter(({ name: one }) => one === `${metric}_count`)) {
    const buckets = samples.filter((one) => one.name === `${metric}_bucket` && without(one.labels) === without(labels));
    const values = buckets.map(({ value }) => value);
    if (values.some((value, index) => value < (values[index - 1] ?? 0))) throw new Error(`${metric}: buckets shrink`);
    if (buckets.at(-1)?.labels["le"] !== "+Inf" || values.at(-1) !== count) throw new Error(`${metric}: wrong +Inf`);
  }
}

/** The sum over all series of a metric that have these labels. */
export function sumOf(samples: readonly Sample[], metric: string, labels: Record<string, string> = {}): number {
  return samples
    .filter((one) => one.name === metric)
    .filter((one) => Object.entries(labels).every(([key, value]) => (one.labels[key] ?? "") === value))
    .reduce((sum, { value }) => sum + value, 0);
}
