import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

import type { LogHealth } from "../log/stream-log.ts";

/** What is looked up when metrics are asked for, and counted elsewhere. */
export interface Gauges {
  openStreams: () => number;
  readers: () => number;
  log: () => LogHealth | undefined;
}

// The boundaries that the semantic conventions recommend.
// https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-metrics.md
const durations = Array.from({ length: 14 }, (_value, index) => 0.01 * 2 ** index);
const tokenCounts = Array.from({ length: 14 }, (_value, index) => 4 ** index);
const firstTokens = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const tokenTimes = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];

const client = ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"] as const;
const server = ["gen_ai_operation_name", "gen_ai_request_model"] as const;

/** What Prometheus is told. Times are in seconds, as its conventions want them. */
export type Instruments = ReturnType<typeof createInstruments>;

/** Every metric of its own registry. Each combination of labels is a time series, so labels take few values. */
export function createInstruments(version: () => string, gauges: Gauges) {
  const registry = new Registry();
  const registers = [registry];
  const histogram = <const Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    buckets: number[],
  ) => new Histogram<Label>({ name, help, labelNames, buckets, registers });
  const counter = <const Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter<Label>({ name, help, labelNames, registers });

  collectDefaultMetrics({ register: registry });
  addBuildInfo(registry, version());
  addGauges(registry, gauges);
  return {
    registry,
    requestDuration: histogram(
      "gen_ai_server_request_duration_seconds",
      "From the start of a stream to its end.",
      [...server, "error_type"],
      durations,
    ),
    timeToFirstToken: histogram(
      "gen_ai_server_time_to_first_token_seconds",
      "From the start of a stream to the first content of its answer, all attempts until then included.",
      server,
      firstTokens,
    ),
    timePerOutputToken: histogram(
      "gen_ai_server_time_per_output_token_seconds",
      "Time from the first content to the end of a whole answer, for each token after the first.",
      server,
      tokenTimes,
    ),
    operationDuration: histogram(
      "gen_ai_client_operation_duration_seconds",
      "Duration of one attempt, which is one call of a provider.",
      [...client, "error_type"],
      durations,
    ),
    timeToFirstChunk: histogram(
      "gen_ai_client_operation_time_to_first_chunk_seconds",
      "From the start of an attempt to its first content.",
      client,
      durations,
    ),
    tokenUsage: histogram(
      "gen_ai_client_token_usage",
      "Tokens of one attempt, as the provider counted them or estimated where it did not.",
      [...client, "gen_ai_token_type"],
      tokenCounts,
    ),
    estimates: counter("headrace_usage_estimates_total", "Attempts whose tokens were estimated.", [
      "gen_ai_provider_name",
    ]),
    streams: counter("headrace_streams_total", "Streams that ended.", [
      "gen_ai_request_model",
      "protocol",
      "outcome",
      "error_type",
    ]),
    attempts: counter("headrace_attempts_total", "Attempts that ended: calls of a target, and why they were made.", [
      "target",
      "reason",
      "outcome",
      "error_type",
    ]),
    seams: counter("headrace_seams_total", "Answers that another attempt went on with, by how the join was found.", [
      "rung",
    ]),
    readersAttached: counter("headrace_readers_attached_total", "Readers that connected to a stream.", []),
    resumes: counter("headrace_resumes_total", "Readers that came back and read on where they stopped.", []),
  };
}

function addBuildInfo(registry: Registry, version: string): void {
  new Gauge({
    name: "headrace_build_info",
    help: "Always 1; the labels say what is running.",
    labelNames: ["version"],
    registers: [registry],
  }).set({ version }, 1);
}

function addGauges(registry: Registry, { openStreams, readers, log }: Gauges): void {
  const gauge = (name: string, help: string, value: () => number): void => {
    const collect = (): void => created.set(value());
    const created: Gauge = new Gauge({ name, help, registers: [registry], collect });
  };
  gauge("headrace_open_streams", "Answers being written.", openStreams);
  gauge("headrace_readers", "Connections that read an answer.", readers);
  if (log() === undefined) return;
  const total = (name: string, help: string, read: (health: LogHealth) => number): void => {
    const collect = (): void => {
      const health = log();
      created.reset();
      if (health !== undefined) created.inc(read(health));
    };
    const created: Counter = new Counter({ name, help, registers: [registry], collect });
  };
  total("headrace_log_commits_total", "Commits of the log.", ({ commits }) => commits);
  total("headrace_log_entries_total", "Entries in them; by commits, how many share one.", ({ entries }) => entries);
  total("headrace_log_failures_total", "Transactions of the log that failed.", ({ failures }) => failures);
}
