import { percentDecoded } from "../core/percent-encoding.ts";
/** As in the configuration; see there for what each of them means. */
export interface TraceSettings {
  traces?: boolean | undefined;
  tracesUrl?: string | undefined;
  captureContent: boolean;
}

export type Variables = Readonly<Record<string, string | undefined>>;

/** Whether anybody wants traces. OpenTelemetry's own variables switch them on as in any other program. */
export function wantsTraces({ traces, tracesUrl: url }: TraceSettings, environment: Variables): boolean {
  if (environment["OTEL_SDK_DISABLED"]?.toLowerCase() === "true") return false;
  if (traces !== undefined) return traces;
  const exporter = environment["OTEL_TRACES_EXPORTER"];
  if (exporter === "none") return false;
  return url !== undefined || exporter === "otlp" || endpointIn(environment) !== undefined;
}

/** Where traces go. */
export function tracesUrl({ tracesUrl: url }: TraceSettings, environment: Variables): string {
  return url ?? endpointIn(environment) ?? "http://localhost:4318/v1/traces";
}

/** The variable for traces is an address as it is; the common one is the beginning of several. */
function endpointIn(environment: Variables): string | undefined {
  const own = environment["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
  if (own !== undefined && own !== "") return own;
  const common = environment["OTEL_EXPORTER_OTLP_ENDPOINT"];
  return common === undefined || common === "" ? undefined : `${common.replace(/\/+$/, "")}/v1/traces`;
}

/** `key=value,key=value` with percent signs, as OpenTelemetry's variables have it. What is no pair is left out. */
export function readList(text = ""): Record<string, string> {
  const pairs = text.split(",").flatMap((pair) => {
    const at = pair.indexOf("=");
    return at <= 0 ? [] : [[pair.slice(0, at).trim(), percentDecoded(pair.slice(at + 1).trim())] as const];
  });
  return Object.fromEntries(pairs);
}
