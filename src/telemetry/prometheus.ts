import type { ErrorReport } from "../core/errors.ts";
import { isErrorCode } from "../core/errors.ts";
import { isWhole } from "../core/events.ts";
import type { AttemptEnded, Observation, StreamStarted } from "../core/observer.ts";
import type { Gauges, Instruments } from "./instruments.ts";
import { createInstruments } from "./instruments.ts";
import type { TelemetryNames } from "./names.ts";
import { operationName } from "./operation.ts";

/** What has to be known of a stream until it ends. Times by the clock's `elapsed()`. */
interface OpenStream {
  model: string;
  operation: string;
  protocol: string;
  startedAt: number;
  /** Starts of its attempts by number. */
  attempts: Map<number, number>;
  firstContentAt?: number;
  outputTokens: number;
}

export interface PrometheusOptions {
  names: TelemetryNames;
  version: () => string;
  gauges: Gauges;
}

/** Counts observations. Only what ends is counted, so that ratios of counters are right at any moment. */
export class Prometheus {
  readonly #names: TelemetryNames;
  readonly #instruments: Instruments;
  readonly #open = new Map<string, OpenStream>();

  constructor({ names, version, gauges }: PrometheusOptions) {
    this.#names = names;
    this.#instruments = createInstruments(version, gauges);
  }

  get contentType(): string {
    return this.#instruments.registry.contentType;
  }

  render(): Promise<string> {
    return this.#instruments.registry.metrics();
  }

  /** @param at - when it was observed, by the clock's `elapsed()`. */
  record(observation: Observation, at: number): void {
    const { seams, readersAttached, resumes } = this.#instruments;
    switch (observation.type) {
      case "stream-started":
        this.#started(observation, at);
        break;
      case "attempt-started":
        this.#open.get(observation.streamId)?.attempts.set(observation.attempt, at);
        break;
      case "attempt-ended":
        this.#attemptEnded(observation);
        break;
      case "seam-joined":
        seams.inc({ rung: observation.rung });
        break;
      case "stream-ended":
        this.#ended(observation, at);
        break;
      case "stream-lost":
        this.#open.delete(observation.streamId);
        break;
      case "reader-attached":
        readersAttached.inc();
        if (observation.resumed) resumes.inc();
        break;
      default:
    }
  }

  #started({ streamId, model, protocol }: StreamStarted, startedAt: number): void {
    this.#open.set(streamId, {
      model: this.#names.asked(model),
      operation: operationName(protocol),
      protocol,
      startedAt,
      attempts: new Map(),
      outputTokens: 0,
    });
  }

  #attemptEnded(ended: AttemptEnded): void {
    const { attempts, operationDuration, timeToFirstChunk } = this.#instruments;
    const { provider, outcome, reason, firstContentMs, usage } = ended;
    const model = this.#names.model(provider, ended.model);
    const stream = this.#open.get(ended.streamId);
    const labels = {
      gen_ai_operation_name: stream?.operation ?? operationName("events"),
      gen_ai_provider_name: this.#names.provider(provider),
      gen_ai_request_model: model,
    };
    attempts.inc({ target: `${provider}/${model}`, reason, outcome, error_type: codeOf(ended.error) ?? "" });
    const errorType = codeOf(ended.error) ?? (outcome === "completed" ? "" : outcome);
    operationDuration.observe({ ...labels, error_type: errorType }, ended.durationMs / 1000);
    if (firstContentMs !== undefined) timeToFirstChunk.observe(labels, firstContentMs / 1000);
    if (usage !== undefined) this.#countTokens(labels, usage);
    if (stream !== undefined) follow(stream, ended);
  }

  #countTokens(
    labels: { gen_ai_operation_name: string; gen_ai_provider_name: string; gen_ai_request_model: string },
    { inputTokens, outputTokens, estimated }: NonNullable<AttemptEnded["usage"]>,
  ): void {
    const { tokenUsage, estimates } = this.#instruments;
    tokenUsage.observe({ ...labels, gen_ai_token_type: "input" }, inputTokens);
    // Embeddings have no output that would be counted in tokens.
    const hasOutput = labels.gen_ai_operation_name !== "embeddings" || outputTokens > 0;
    if (hasOutput) tokenUsage.observe({ ...labels, gen_ai_token_type: "output" }, outputTokens);
    if (estimated === true) estimates.inc({ gen_ai_provider_name: labels.gen_ai_provider_name });
  }

  #ended({ streamId, outcome, error }: Observation & { type: "stream-ended" }, at: number): void {
    const stream = this.#open.get(streamId);
    if (stream === undefined) return;
    this.#open.delete(streamId);
    const { streams, requestDuration, timeToFirstToken, timePerOutputToken } = this.#instruments;
    const { model, operation, protocol, startedAt, firstContentAt, outputTokens } = stream;
    const labels = { gen_ai_operation_name: operation, gen_ai_request_model: model };
    streams.inc({ gen_ai_request_model: model, protocol, outcome, error_type: codeOf(error) ?? "" });
    const errorType = codeOf(error) ?? (isWhole(outcome) ? "" : outcome);
    requestDuration.observe({ ...labels, error_type: errorType }, (at - startedAt) / 1000);
    if (firstContentAt === undefined) return;
    timeToFirstToken.observe(labels, (firstContentAt - startedAt) / 1000);
    if (!isWhole(outcome) || outputTokens < 2) return;
    timePerOutputToken.observe(labels, (at - firstContentAt) / 1000 / (outputTokens - 1));
  }
}

/** What an attempt means for the answer that it was made for. */
function follow(stream: OpenStream, { attempt, outcome, firstContentMs, usage }: AttemptEnded): void {
  const startedAt = stream.attempts.get(attempt);
  stream.attempts.delete(attempt);
  if (outcome === "lost") return;
  stream.outputTokens += usage?.outputTokens ?? 0;
  if (startedAt === undefined || firstContentMs === undefined) return;
  stream.firstContentAt = Math.min(stream.firstContentAt ?? Infinity, startedAt + firstContentMs);
}

/** User-written models say what they like. */
function codeOf(error: ErrorReport | undefined): string | undefined {
  return error === undefined || isErrorCode(error.code) ? error?.code : "internal";
}
