import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import type { Sampler, SpanExporter } from "@opentelemetry/sdk-trace";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";

import { HeadraceError } from "../core/errors.ts";
import type { Clock } from "../core/time.ts";
import type { TelemetryNames } from "./names.ts";
import { readList, tracesUrl } from "./trace-settings.ts";
import type { TraceSettings, Variables } from "./trace-settings.ts";
import { Traces } from "./traces.ts";

export interface OpenTracesOptions {
  settings: TraceSettings;
  environment: Variables;
  names: TelemetryNames;
  clock: Clock;
  version: () => string;
  onFailure: (error: HeadraceError) => void;
}

export interface OpenedTraces {
  traces: Traces;
  /** Sends what is left; gives up after a moment, because a collector that is gone must not keep us. */
  close(): Promise<void>;
}

const longestFlushMs = 2_000;

/** Traces that go to a collector over OTLP. Whether it takes them concerns no stream: what it does not take is dropped. */
export function openTraces(options: OpenTracesOptions): OpenedTraces {
  const { settings, environment, names, clock } = options;
  const version = options.version();
  const service = environment["OTEL_SERVICE_NAME"];
  const resource = resourceFromAttributes({
    "service.name": "headrace",
    "service.version": version,
    ...readList(environment["OTEL_RESOURCE_ATTRIBUTES"]),
    ...(service !== undefined && service !== "" && { "service.name": service }),
  });
  const sampler = samplerOf(environment);
  const provider = new TracerProvider({
    resource: defaultResource().merge(resource),
    spanProcessors: [new BatchSpanProcessor({ exporter: openExporter(options), ...batchSettings(environment) })],
    ...(sampler !== undefined && { sampler }),
  });
  const tracer = provider.getTracer("headrace", version);
  const traces = new Traces({ tracer, names, clock, captureContent: settings.captureContent });
  let closing: Promise<void> | undefined;
  return { traces, close: () => (closing ??= shutDown(provider, clock)) };
}

/** Batches in protobuf over HTTP. Says when they are not taken, but not for each of them. */
function openExporter({ settings, environment, onFailure }: OpenTracesOptions): SpanExporter {
  const url = tracesUrl(settings, environment);
  const exporter = new OTLPTraceExporter({
    url,
    headers: {
      ...readList(environment["OTEL_EXPORTER_OTLP_HEADERS"]),
      ...readList(environment["OTEL_EXPORTER_OTLP_TRACES_HEADERS"]),
    },
  });
  let failing = false;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const failed = result.error !== undefined;
        // The address may hold credentials, its origin does not.
        const place = URL.canParse(url) ? new URL(url).origin : "their collector";
        if (failed && !failing) {
          onFailure(new HeadraceError("internal", `traces cannot be sent to ${place}; answers are not affected`));
        }
        failing = failed;
        done(result);
      }),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
}

async function shutDown(provider: TracerProvider, clock: Clock): Promise<void> {
  const patience = new AbortController();
  const timeUp = clock.sleep(longestFlushMs, { signal: patience.signal }).catch(() => {});
  // What cannot be sent now is lost, as it would have been without a shutdown.
  await Promise.race([provider.shutdown().catch(() => {}), timeUp]);
  patience.abort();
}

function batchSettings(environment: Variables): { scheduledDelayMillis?: number } {
  const delay = Number(environment["OTEL_BSP_SCHEDULE_DELAY"]);
  return Number.isInteger(delay) && delay > 0 ? { scheduledDelayMillis: delay } : {};
}

/** @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
function samplerOf(environment: Variables): Sampler | undefined {
  const ratio = Number(environment["OTEL_TRACES_SAMPLER_ARG"] ?? 1);
  const byRatio = new TraceIdRatioBasedSampler(ratio >= 0 && ratio <= 1 ? ratio : 1);
  switch (environment["OTEL_TRACES_SAMPLER"]) {
    case "always_on":
      return new AlwaysOnSampler();
    case "always_off":
      return new AlwaysOffSampler();
    case "traceidratio":
      return byRatio;
    case "parentbased_always_off":
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case "parentbased_traceidratio":
      return new ParentBasedSampler({ root: byRatio });
    default:
      return undefined;
  }
}
