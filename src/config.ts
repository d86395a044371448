import { z } from "zod";
import { accessSchema } from "./config/access-schema.ts";
import { explainConfigIssues } from "./config/explain.ts";
import { limitsSchema } from "./config/limits-schema.ts";
import { providerSchema } from "./config/provider-schema.ts";
import { pricesSchema, recordsSchema } from "./config/records-schema.ts";
import { reliabilitySchema } from "./config/reliability-schema.ts";
import { routeSchema } from "./config/route-schema.ts";
import { telemetrySchema } from "./config/telemetry-schema.ts";
import { HeadraceError } from "./core/errors.ts";
import type { UserModel } from "./core/user-model.ts";

const milliseconds = () => z.int().nonnegative();
const count = () => z.int().positive();
const megabytes = 1024 * 1024;

const serverSchema = z.strictObject({
  host: z
    .string()
    .min(1)
    .default("127.0.0.1")
    .describe("Address to listen on. Anything but loopback needs `access.keys`."),
  port: z.int().min(0).max(65535).default(8484).describe("Port to listen on; 0 takes a free one."),
  maxBodyBytes: count()
    .default(32 * megabytes)
    .describe("Largest request body; above it the answer is 413."),
  heartbeatMs: count()
    .default(15_000)
    .describe("A comment is sent after this long a silence, so that proxies keep the connection."),
  trustedHosts: z
    .array(z.string().min(1))
    .default([])
    .describe("Host names accepted beside the address itself, such as the name a proxy serves it under."),
  corsOrigins: z
    .array(z.string().min(1))
    .default([])
    .describe("Origins of web pages that may call this server, such as `https://app.example.com`."),
  headersTimeoutMs: count().default(15_000).describe("Longest wait for a request's headers."),
  requestTimeoutMs: count().default(60_000).describe("Longest wait for a request's body."),
  keepAliveMs: count().default(75_000).describe("How long an idle connection is kept."),
  drainMs: milliseconds().default(20_000).describe("How long a stopping server lets open streams finish."),
});

const logSchema = z.strictObject({
  store: z
    .enum(["sqlite", "memory"])
    .default("sqlite")
    .describe("Where answers are kept; `memory` forgets them with the process."),
  path: z
    .string()
    .min(1)
    .default(".headrace/headrace.db")
    .describe(
      "The database file; its folder is made when missing. Its journal is beside it while Headrace runs, as `<path>-entries-<number>`; after a stop the database is all there is.",
    ),
  durability: z
    .enum(["auto", "memory", "process", "disk"])
    .default("auto")
    .describe(
      "What an entry survives before it is shown: nothing, `kill -9`, power loss. `auto` is the most that costs little: `process` on SQLite.",
    ),
  maxBytes: z
    .int()
    .min(1024 * 1024)
    .optional()
    .describe(
      "The size that the database and the journal beside it may grow to together; beyond it new answers get 507. Default: the disk is the limit.",
    ),
  keepClosedHours: z.number().positive().default(24).describe("How long a finished answer can be read again."),
  idempotencyHours: z
    .number()
    .positive()
    .default(24)
    .describe("How long an `Idempotency-Key` leads to the stream it started."),
});

const userModel = z.custom<UserModel>((value) => typeof value === "function", "must be an async generator function");

/** Everything that can be configured: the type, the defaults, the checks and the reference page. */
export const configSchema = z
  .strictObject({
    server: serverSchema.prefault({}),
    providers: z
      .record(z.string(), providerSchema)
      .default({})
      .describe("Upstreams by name; `name/model` is then a model."),
    routes: z
      .record(z.string(), routeSchema)
      .default({})
      .describe("Public model names; a route wins over a model of that name."),
    models: z
      .record(z.string(), userModel)
      .default({})
      .describe("Your own models, as async generators; in TypeScript and JavaScript configuration only."),
    reliability: reliabilitySchema.prefault({}),
    log: logSchema.prefault({}),
    records: recordsSchema.prefault({}),
    prices: pricesSchema
      .default({})
      .describe("What models cost, by `provider/model` or `provider/*`, where the vendor's list is not right for you."),
    access: accessSchema.prefault({}),
    limits: limitsSchema.prefault({}),
    telemetry: telemetrySchema.prefault({}),
  })
  .superRefine(checkAcrossKeys);

export type Config = z.infer<typeof configSchema>;
/** Configuration as written: everything is optional. */
export type ConfigInput = z.input<typeof configSchema>;
export type ProviderConfig = z.infer<typeof providerSchema>;
export type RouteConfig = z.infer<typeof routeSchema>;

/** Gives a configuration file its types: `export default defineConfig({ ... })`. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}

export interface ParseOptions {
  /** What was read, for messages. Default: `the configuration`. */
  where?: string;
  /** Paths that a variable or a flag has set, and its name, for messages. */
  origins?: ReadonlyMap<string, string>;
}

/**
 * Checks a configuration and fills in the defaults.
 *
 * @throws HeadraceError `invalid-request` - all that is wrong, one line each, with the key's path.
 */
export function parseConfig(input: unknown, { where = "the configuration", origins }: ParseOptions = {}): Config {
  const result = configSchema.safeParse(input ?? {});
  if (result.success) return result.data;
  const options = { where, input, schema: configSchema, ...(origins === undefined ? {} : { origins }) };
  throw new HeadraceError("invalid-request", explainConfigIssues(result.error.issues, options));
}

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

function checkAcrossKeys(config: CheckedTogether, context: z.RefinementCtx): void {
  const { server, access, reliability, limits } = config;
  const problem = (path: (string | number)[], message: string) => context.addIssue({ code: "custom", path, message });

  if (!isLoopback(server.host) && access.keys.length === 0) {
    problem(
      ["server", "host"],
      `binding ${server.host} lets everyone who reaches this machine spend your providers' money, so it needs keys: set HEADRACE_API_KEYS or access.keys, or listen on 127.0.0.1`,
    );
  }
  if (access.required && access.keys.length === 0) {
    problem(["access", "required"], "needs at least one key in access.keys or HEADRACE_API_KEYS, or nobody could call");
  }
  const names = new Set<string>();
  for (const [index, key] of access.keys.entries()) {
    const path = ["access", "keys", index];
    if (key.name !== undefined && names.has(key.name))
      problem([...path, "name"], `is "${key.name}" twice; a stream belongs to the name that started it`);
    if (key.name !== undefined) names.add(key.name);
    const given = [key.key, key.keyHash, key.keyVariable].filter((value) => value !== undefined).length;
    if (given !== 1) problem(path, "needs exactly one of key, keyHash and keyVariable");
    if (key.key !== undefined && !isLoopback(server.host) && isGuessable(key.key)) {
      problem(
        [...path, "key"],
        `is easy to guess, and ${server.host} is open to others; use 16 characters or more, such as from \`openssl rand -hex 24\``,
      );
    }
  }
  if (reliability.firstTokenTimeoutMs > reliability.totalTimeoutMs) {
    problem(["reliability", "firstTokenTimeoutMs"], "must not be above totalTimeoutMs, or it would never apply");
  }
  if (limits.readersPerStream > limits.readers) {
    problem(["limits", "readersPerStream"], "must not be above limits.readers, or it would never apply");
  }
}

interface CheckedTogether {
  server: z.infer<typeof serverSchema>;
  access: z.infer<typeof accessSchema>;
  reliability: z.infer<typeof reliabilitySchema>;
  limits: z.infer<typeof limitsSchema>;
}

function isGuessable(key: string): boolean {
  return key.length < 16 || /^(.)\1*$/.test(key);
}
