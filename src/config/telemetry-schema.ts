import { z } from "zod";

/** The section `telemetry` of the configuration: what is counted, and what is sent elsewhere. */
export const telemetrySchema = z.strictObject({
  metrics: z
    .boolean()
    .default(true)
    .describe("Serve metrics for Prometheus at `/metrics`; where keys are in use, reading them needs an admin key."),
  models: z
    .array(z.string().min(1))
    .default([])
    .describe(
      "Further models that metrics call by their names. Those of routes and of `providers.<name>.models` are known; any other is `other`.",
    ),
  traces: z
    .boolean()
    .optional()
    .describe(
      "Send OpenTelemetry traces over OTLP. Default: when `tracesUrl` or a variable like `OTEL_EXPORTER_OTLP_ENDPOINT` is set.",
    ),
  tracesUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      "Where to, with its path. Default: what the `OTEL_*` variables say, else `http://localhost:4318/v1/traces`.",
    ),
  captureContent: z
    .boolean()
    .default(false)
    .describe("Put questions and answers into traces. Whoever can read the traces can then read them."),
});
