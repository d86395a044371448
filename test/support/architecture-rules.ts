/** What a part of `src/` may use. A part is a folder or, directly in `src/`, a file. */
export interface Part {
  /** Other parts that it may import. */
  imports: readonly string[];
  /** Packages that it may import; `node` stands for all of Node's own modules. */
  packages: readonly string[];
  /** It runs in a Worker, in a browser and under a virtual clock: what it needs from outside, it takes as parameters. */
  pure?: true;
}

const engine = ["core", "protocols", "log", "records", "access", "routing", "providers", "streams", "gateway"];

/** From the bottom up: a part imports only parts above it in this list. ARCHITECTURE.md shows the same table. */
export const parts: Record<string, Part> = {
  core: { imports: [], packages: [], pure: true },
  version: { imports: [], packages: ["node"] },
  outside: { imports: ["core"], packages: [] },
  protocols: { imports: ["core"], packages: [], pure: true },
  reliability: { imports: ["core"], packages: [], pure: true },
  log: { imports: ["core"], packages: ["node"] },
  records: { imports: ["core", "log"], packages: ["node", "kysely", "@pydantic/genai-prices"] },
  telemetry: {
    imports: ["core", "log"],
    packages: [
      "prom-client",
      "@opentelemetry/api",
      "@opentelemetry/resources",
      "@opentelemetry/sdk-trace",
      "@opentelemetry/exporter-trace-otlp-proto",
    ],
  },
  access: { imports: ["core"], packages: ["node"] },
  routing: { imports: ["core", "reliability"], packages: [], pure: true },
  // Node only in the transports, which are loaded where there is Node.
  providers: {
    imports: ["core", "protocols"],
    packages: ["node", "undici", "aws4fetch", "@aws-sdk/credential-provider-node"],
  },
  streams: { imports: ["core", "log"], packages: [], pure: true },
  // An entry point of its own, so it picks the real clock itself.
  client: { imports: ["core", "protocols", "outside"], packages: [], pure: true },
  config: { imports: ["core", "reliability"], packages: ["node", "zod", "confbox"] },
  gateway: {
    imports: ["core", "protocols", "log", "records", "access", "routing", "streams"],
    packages: ["hono", "tokenx", "zod"],
  },
  testing: { imports: ["core"], packages: [] },
  "web-files": { imports: ["gateway"], packages: ["node"] },
  headrace: {
    imports: [...engine, "web-files", "reliability", "config", "outside", "telemetry", "version"],
    packages: [],
  },
  runtimes: {
    imports: ["core", "gateway", "providers", "headrace"],
    packages: ["node", "@hono/node-server", "ws"],
  },
  index: { imports: ["core", "config", "headrace", "runtimes"], packages: [] },
  cli: {
    imports: ["core", "records", "config", "providers", "client", "headrace", "runtimes", "outside", "version"],
    packages: ["node", "commander"],
  },
};

/** Globals that reach for the outside world, and what to take instead. */
export const outsideWorld: Record<string, string> = {
  "Date.now": "a Clock",
  "performance.now": "a Clock",
  setTimeout: "a Clock",
  setInterval: "a Clock",
  setImmediate: "a Clock",
  "Math.random": "Randomness",
  "crypto.randomUUID": "Randomness",
  "crypto.getRandomValues": "Randomness",
  "process.": "a parameter",
};

/** Syntax that Node cannot erase, and what to write instead. */
export const notErasable: Record<string, string> = {
  TSEnumDeclaration: "a union of strings",
  TSModuleDeclaration: "a module",
  TSParameterProperty: "a field and an assignment",
  TSExportAssignment: "a named export",
  TSImportEqualsDeclaration: "an import",
};

export const longestFileLines = 400;
