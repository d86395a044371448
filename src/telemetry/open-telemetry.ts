import type { HeadraceError } from "../core/errors.ts";
import type { Observe } from "../core/observer.ts";
import type { StreamSource } from "../core/source.ts";
import type { Clock } from "../core/time.ts";
import type { Gauges } from "./instruments.ts";
import { Metrics } from "./metrics.ts";
import type { TelemetryNames } from "./names.ts";
import type { TraceSettings, Variables } from "./trace-settings.ts";
import { wantsTraces } from "./trace-settings.ts";

export interface TelemetryOptions {
  settings: TraceSettings & { metrics: boolean };
  environment: Variables;
  names: TelemetryNames;
  gauges: Gauges;
  clock: Clock;
  version: () => string;
  /** Told once when traces cannot be sent, and again after they could. */
  onFailure: (error: HeadraceError) => void;
}

/** What telemetry wants to be told and asked; what is switched off is missing. */
export interface Telemetry {
  observers: readonly Observe[];
  metrics?: () => Promise<{ contentType: string; text: string }>;
  /** Headers for the call of an attempt. */
  propagate?: (streamId: string, attempt: number) => Readonly<Record<string, string>> | undefined;
  /** The same source, whose requests say in their span what they ask for. */
  describing?: (source: StreamSource) => StreamSource;
  close(): Promise<void>;
}

/** Loads what is switched on, and nothing else: the packages behind it are large. */
export async function openTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { settings, environment } = options;
  const metrics = settings.metrics ? new Metrics(options) : undefined;
  const counted = metrics === undefined ? {} : { metrics: () => metrics.render() };
  const observers = metrics === undefined ? [] : [metrics.observe];
  if (!wantsTraces(settings, environment)) return { ...counted, observers, close: async () => {} };
  const { openTraces } = await import("./open-traces.ts");
  const { traces, close } = openTraces(options);
  return {
    ...counted,
    observers: [...observers, traces.observe],
    propagate: traces.propagate,
    describing: (source) => traces.describing(source),
    close,
  };
}
