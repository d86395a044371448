import { z } from "zod";
import { explainConfigIssues } from "./config/explain.ts";
import { pricesSchema, recordsSchema } from "./config/records-schema.ts";
import { telemetrySchema } from "./config/telemetry-schema.ts";
import { HeadraceError } from "./core/errors.ts";
import { defaultContinuationPrompt } from "./reliability/continuation-request.ts";
import type { UserModel } from "./core/user-model.ts";

const milliseconds = () => z.int().nonnegative();
const count = () => z.int().positive();
const megabytes = 1024 * 1024;
const onDisconnect = () => z.enum(["continue", "cancel"]);

export const serverSchema = z.strictObject({
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

export const providerSchema = z.strictObject({
  vendor: z
    .string()
    .min(1)
    .describe("Who is behind it: `openai`, `openrouter`, `ollama`, ... or `openai-compatible` with a `baseUrl`."),
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Where to send requests. Default: the vendor's own address."),
  apiKeyVariable: z
    .string()
    .min(1)
    .optional()
    .describe("Name of the environment variable that holds the key. Default: the vendor's usual one."),
  apiKey: z.string().min(1).optional().describe("The key itself, for local servers; prefer `apiKeyVariable`."),
  region: z
    .string()
    .min(1)
    .optional()
    .describe("Region of the service, for vendors that have one. Default: the vendor's usual variable."),
  apiVersion: z
    .string()
    .min(1)
    .optional()
    .describe("Version of the API, for vendors that want it in the address. Default: the vendor's usual variable."),
  headers: z.record(z.string(), z.string()).optional().describe("Headers added to every request."),
  background: z
    .boolean()
    .optional()
    .describe(
      "Whether answers are made in the background, where they survive a broken connection; for `openai-responses` and `azure-openai-responses`, which then store them.",
    ),
  models: z.array(z.string().min(1)).optional().describe("Models to list; others are passed on all the same."),
});

const targetSchema = z.union([
  z.string().min(1),
  z.strictObject({
    target: z.string().min(1).describe("`provider/model`."),
    weight: z
      .number()
      .positive()
      .optional()
      .describe("Share of the requests, with the strategy `weighted`. Default 1."),
    prefill: z
      .boolean()
      .optional()
      .describe("Whether the model goes on from a begun answer. Default: what is known of vendor and model."),
  }),
]);

const hedge = () => z.union([z.literal("off"), z.literal("p95"), z.strictObject({ afterMs: count() })]);
const recovery = () => z.enum(["auto", "off"]);

export const routeSchema = z.strictObject({
  targets: z
    .array(targetSchema)
    .min(1)
    .describe("What may answer, as `provider/model`; the ones after the first when those before it cannot."),
  strategy: z
    .enum(["failover", "weighted"])
    .default("failover")
    .describe("Which target is asked first: the first one, or one drawn by `weight`."),
  hedge: hedge().optional().describe("As `reliability.hedge`, for this route."),
  recovery: recovery().optional().describe("As `reliability.recovery`, for this route."),
  toolCalls: z
    .enum(["stream", "atomic"])
    .default("stream")
    .describe(
      "`atomic` holds tool calls back until the answer is finished, so that one that breaks in the middle can be made anew.",
    ),
  onDisconnect: onDisconnect().optional().describe("As `reliability.onDisconnect`, for this route."),
});

export const reliabilitySchema = z.strictObject({
  connectTimeoutMs: count().default(5_000).describe("Longest wait for a connection to a provider."),
  firstEventTimeoutMs: count()
    .optional()
    .describe("Longest wait for the first byte of an answer. Default: as for the first token."),
  firstTokenTimeoutMs: count().default(60_000).describe("Longest wait for the first token."),
  stallTimeoutMs: count().default(30_000).describe("Longest silence of a provider in mid-answer."),
  progressTimeoutMs: count()
    .default(120_000)
    .describe("Longest time in mid-answer without a step of it, though the connection may carry pings."),
  reasoningTimeoutMs: count()
    .default(300_000)
    .describe("For models that think first, the least of `firstTokenTimeoutMs` and `progressTimeoutMs`."),
  drainTimeoutMs: count()
    .default(5_000)
    .describe("Longest wait for usage and the end of the body once an answer is complete."),
  totalTimeoutMs: count()
    .max(3_600_000)
    .default(900_000)
    .describe("Longest that an answer may take, all attempts together; at most an hour."),
  onDisconnect: onDisconnect()
    .default("continue")
    .describe(
      "What happens when the last reader leaves: the answer is finished for when they come back, or cancelled.",
    ),
  lingerMs: milliseconds().default(10_000).describe("With `cancel`, how long a reader has to come back."),
  maxAttempts: count().max(10).default(3).describe("Calls to providers before the first token, all targets together."),
  retryBudgetPercent: z
    .number()
    .min(0)
    .max(100)
    .default(10)
    .describe(
      "Calls beside the first one of each request, as a share of the requests; three at once are always allowed.",
    ),
  hedge: hedge()
    .default({ afterMs: 10_000 })
    .describe(
      "When a second target is raced because the first has no token yet: after so long, `p95` (when 95 of 100 answers had theirs), or `off`. Only with another target; not for models that think first unless a route or a request says so.",
    ),
  breakerFailures: count().default(5).describe("Failures in a row after which a target rests while there are others."),
  breakerOpenMs: count().default(30_000).describe("How long it rests at first."),
  queueLength: count().default(100).describe("Requests that wait for a target which said that it gets too many."),
  queueTimeoutMs: count().default(5_000).describe("How long they do."),
  recovery: recovery()
    .default("auto")
    .describe("Whether an answer that breaks in the middle is continued by another attempt."),
  maxRecoveries: z
    .int()
    .min(0)
    .max(10)
    .default(2)
    .describe("Attempts to continue an answer that broke after its first token; those that are refused do not count."),
  continuationPrompt: z
    .string()
    .includes("{tail}")
    .default(defaultContinuationPrompt)
    .describe("What a model is told that has to go on with a broken answer; `{tail}` stands for its last words."),
});

export const logSchema = z.strictObject({
  store: z
    .enum(["sqlite", "memory"])
    .default("sqlite")
    .describe("Where answers are kept; `memory` forgets them with the process."),
  path: z
    .string()
    .min(1)
    .default(".headrace/headrace.db")
    .describe("The database file; its folder is made when missing."),
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
      "The size that the database file may grow to; beyond it new answers get 507. Default: the disk is the limit.",
    ),
  keepClosedHours: z.number().positive().default(24).describe("How long a finished answer can be read again."),
  idempotencyHours: z
    .number()
    .positive()
    .default(24)
    .describe("How long an `Idempotency-Key` leads to the stream it started."),
});

const keySchema = z.strictObject({
  name: z.string().min(1).describe("Whose key it is; streams belong to this name."),
  key: z.string().min(1).optional().describe("The key itself; prefer one of the others."),
  keyHash: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/, "must be `sha256:` and 64 hex digits")
    .optional()
    .describe("`sha256:` and the hex SHA-256 of the key."),
  keyVariable: z.string().min(1).optional().describe("Name of the environment variable that holds the key."),
});

export const accessSchema = z.strictObject({
  required: z.boolean().default(false).describe("Refuse requests without a key. Always so when keys are given."),
  keys: z.array(keySchema).default([]).describe("Who may call. `HEADRACE_API_KEYS` adds to them."),
});

export const limitsSchema = z.strictObject({
  openStreams: count().default(5_000).describe("Answers being written at once; above it the answer is 503."),
  readers: count().default(20_000).describe("Connections reading answers at once."),
  readersPerStream: count().default(1_000).describe("Connections reading one answer at once."),
  streamsPerSocket: count().default(64).describe("Answers that one WebSocket can carry at once."),
  streamsPerKey: count().default(50).describe("Open streams of one key; above it the answer is 429."),
  detachedStreams: count()
    .default(1_000)
    .describe(
      "Answers that go on though their last reader has left; above it, such an answer is cancelled after `reliability.lingerMs`.",
    ),
  streamBytes: count()
    .default(4 * megabytes)
    .describe("Size of one answer; at it the stream ends as `length`."),
  streamEntries: count().default(65_536).describe("Events of one answer; at it the stream ends as `length`."),
  readerQueueBytes: count()
    .min(1024)
    .default(65_536)
    .describe("Bytes waiting for a slow reader in memory; beyond them it is served from the log."),
  writeStallMs: count()
    .default(60_000)
    .describe("A reader that does not take what waits for it for this long is disconnected; it can resume."),
  bodyDepth: count().default(64).describe("Nesting of a JSON request body."),
  headerBytes: count().default(16_384).describe("Size of a request's headers."),
  headerCount: count().default(100).describe("Number of a request's headers."),
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
export type LogConfig = Config["log"];

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

/** The same configuration with every secret replaced, for printing. */
export function maskSecrets(config: Config): Config {
  const hidden = "********";
  const providers = Object.entries(config.providers).map(([name, provider]) => {
    const masked: ProviderConfig = { ...provider };
    if (provider.baseUrl !== undefined) masked.baseUrl = maskUrl(provider.baseUrl, hidden);
    if (provider.apiKey !== undefined) masked.apiKey = hidden;
    if (provider.headers !== undefined) {
      masked.headers = Object.fromEntries(Object.keys(provider.headers).map((header) => [header, hidden]));
    }
    return [name, masked] as const;
  });
  const keys = config.access.keys.map((entry) => ({
    ...entry,
    ...(entry.key === undefined ? {} : { key: hidden }),
    ...(entry.keyHash === undefined ? {} : { keyHash: hidden }),
  }));
  return { ...config, providers: Object.fromEntries(providers), access: { ...config.access, keys } };
}

/** A key may be in front of the host, or behind a question mark. */
function maskUrl(text: string, hidden: string): string {
  const url = new URL(text);
  if (url.username === "" && url.password === "" && url.search === "") return text;
  const { protocol, host, pathname, username, search } = url;
  return `${protocol}//${username === "" ? "" : `${hidden}@`}${host}${pathname}${search === "" ? "" : `?${hidden}`}`;
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
    if (names.has(key.name))
      problem([...path, "name"], `is "${key.name}" twice; a stream belongs to the name that started it`);
    names.add(key.name);
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
