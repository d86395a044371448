import type { Attributes, Context, HrTime, Span, Tracer } from "@opentelemetry/api";
import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";

import type { AttemptEnded, AttemptStarted, Observation, Observe, StreamStarted } from "../core/observer.ts";
import { isPassed } from "../core/operation.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { StreamSource } from "../core/source.ts";
import type { Clock } from "../core/time.ts";
import { contentOf, withContent } from "./content.ts";
import type { TelemetryNames } from "./names.ts";
import { operationName } from "./operation.ts";
import { endAttributes, requestAttributes } from "./span-attributes.ts";
import { readTraceContext, writeTraceContext } from "./trace-context.ts";

export interface TracesOptions {
  tracer: Tracer;
  names: TelemetryNames;
  clock: Pick<Clock, "now">;
  /** Put questions and answers into spans. */
  captureContent: boolean;
}

interface TracedStream {
  span: Span;
  /** For its attempts. */
  context: Context;
  operation: string;
  /** What was asked for, as each attempt's span says it again. */
  request: Attributes;
  attempts: Map<number, Span>;
  hasContent: boolean;
  /** Its bytes are passed on as they are, so that there is no content to be told of. */
  isPassed: boolean;
}

/**
 * Spans of streams and attempts.
 *
 * A stream's span is the server's side of a request, but lasts until the stream has ended, though the request may be gone
 * long before; readers that come back are events of it. Each attempt is a client span below it.
 */
export class Traces {
  readonly #options: TracesOptions;
  readonly #open = new Map<string, TracedStream>();

  constructor(options: TracesOptions) {
    this.#options = options;
  }

  readonly observe: Observe = (observation) => {
    if (observation.type === "stream-started") {
      this.#started(observation);
      return;
    }
    const stream = this.#open.get(observation.streamId);
    if (stream !== undefined) this.#record(stream, observation);
  };

  /** Headers for a provider's call, so that its spans come below the attempt's. */
  readonly propagate = (streamId: string, attempt: number): Record<string, string> | undefined => {
    const span = this.#open.get(streamId)?.attempts.get(attempt);
    return span === undefined ? undefined : writeTraceContext(span.spanContext());
  };

  /** The same source, whose requests say in their stream's span what they ask for. */
  describing(source: StreamSource): StreamSource {
    return (request, options) => {
      const stream = this.#open.get(options.stream?.id ?? "");
      if (stream === undefined) return source(request, options);
      return this.#describe(stream, request, (described) => source(described, options));
    };
  }

  #describe(
    stream: TracedStream,
    request: GenerateRequest,
    open: (request: GenerateRequest) => ReturnType<StreamSource>,
  ) {
    stream.request = requestAttributes(request);
    if (stream.isPassed) stream.request["gen_ai.request.stream"] = request.wantsStream === true;
    if (!this.#options.captureContent || stream.isPassed || !stream.span.isRecording()) return open(request);
    stream.span.setAttributes(contentOf(request));
    return withContent(open(request), (attributes) => stream.span.setAttributes(attributes));
  }

  #started({ streamId, model, protocol, origin, startedAt }: StreamStarted): void {
    const operation = operationName(protocol);
    const [method = "", route] = origin?.route.split(" ") ?? [];
    const attributes: Attributes = {
      "headrace.stream.id": streamId,
      "headrace.model": model,
      "headrace.protocol": protocol,
      ...(route !== undefined && { "http.request.method": method, "http.route": route }),
    };
    // An application that is traced itself knows better than a header whose part this is.
    const active = context.active();
    const remote = readTraceContext(origin?.traceparent);
    const parent =
      trace.getSpan(active) !== undefined || remote === undefined ? active : trace.setSpanContext(ROOT_CONTEXT, remote);
    const span = this.#options.tracer.startSpan(
      origin?.route ?? `${operation} ${model}`,
      { kind: origin === undefined ? SpanKind.INTERNAL : SpanKind.SERVER, startTime: timeOf(startedAt), attributes },
      parent,
    );
    const own = trace.setSpan(parent, span);
    this.#open.set(streamId, {
      span,
      context: own,
      operation,
      request: {},
      attempts: new Map(),
      hasContent: false,
      isPassed: isPassed(protocol),
    });
  }

  #record(stream: TracedStream, observation: Exclude<Observation, StreamStarted>): void {
    const { span } = stream;
    switch (observation.type) {
      case "attempt-started":
        this.#attemptStarted(stream, observation);
        break;
      case "attempt-ended":
        this.#attemptEnded(stream, observation);
        break;
      case "seam-joined": {
        const { fromAttempt, toAttempt, rung, overlap, confidence } = observation;
        const seam = { from_attempt: fromAttempt, to_attempt: toAttempt, rung, overlap, confidence };
        span.addEvent("headrace.seam", prefixed(seam), this.#now());
        break;
      }
      case "reader-attached":
        if (observation.resumed) span.addEvent("headrace.resume", undefined, this.#now());
        break;
      case "stream-ended": {
        const { outcome, error } = observation;
        span.setAttribute("headrace.outcome", outcome);
        if (error !== undefined) fail(span, error.code);
        this.#close(observation.streamId, stream);
        break;
      }
      case "stream-lost":
        fail(span, "stream-lost");
        this.#close(observation.streamId, stream);
        break;
      default:
    }
  }

  #attemptStarted(stream: TracedStream, { attempt, provider, model, reason, startedAt }: AttemptStarted): void {
    const { names, tracer } = this.#options;
    const startTime = timeOf(startedAt);
    if (reason !== "first") {
      stream.span.addEvent(`headrace.${reason}`, prefixed({ attempt, target: `${provider}/${model}` }), startTime);
    }
    const address = names.address(provider);
    const attributes: Attributes = {
      "gen_ai.operation.name": stream.operation,
      "gen_ai.provider.name": names.provider(provider),
      "gen_ai.request.model": model,
      "gen_ai.request.stream": true,
      ...stream.request,
      ...(address !== undefined && { "server.address": address.host, "server.port": address.port }),
      ...prefixed({ attempt, reason }),
    };
    const options = { kind: SpanKind.CLIENT, startTime, attributes };
    const span = tracer.startSpan(`${stream.operation} ${model}`, options, stream.context);
    stream.attempts.set(attempt, span);
  }

  #attemptEnded(stream: TracedStream, ended: AttemptEnded): void {
    const span = stream.attempts.get(ended.attempt);
    if (span === undefined) return;
    stream.attempts.delete(ended.attempt);
    const { startedAt, durationMs, firstContentMs, outcome, error } = ended;
    span.setAttributes(endAttributes(ended));
    if (firstContentMs !== undefined) {
      const at = timeOf(startedAt + firstContentMs);
      span.addEvent("headrace.first_token", undefined, at);
      if (!stream.hasContent && outcome !== "lost") stream.span.addEvent("headrace.first_token", undefined, at);
      stream.hasContent ||= outcome !== "lost";
    }
    if (error !== undefined) fail(span, error.code);
    span.end(timeOf(startedAt + durationMs));
  }

  #close(streamId: string, { span, attempts }: TracedStream): void {
    this.#open.delete(streamId);
    for (const attempt of attempts.values()) attempt.end(this.#now());
    span.end(this.#now());
  }

  #now(): HrTime {
    return timeOf(this.#options.clock.now());
  }
}

/** Numbers would be read as times of another clock when they are small. */
function timeOf(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

/** The code only: messages may name what a request said. */
function fail(span: Span, code: string): void {
  span.setAttribute("error.type", code);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

function prefixed(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`headrace.${name}`, value]));
}
