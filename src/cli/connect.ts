import { type Command, Option } from "commander";
import { createClient, type HeadraceClient } from "../client/client.ts";
import type { Config } from "../config.ts";
import { sayWarning } from "./terminal.ts";

/** What every command that asks something can be told. */
export interface ConnectOptions {
  url?: string;
  apiKey?: string;
  config?: string;
  verbose?: boolean;
}

export interface ConnectedClient {
  client: HeadraceClient;
  /** Any call of the gateway's API, past the client: `/v1/models`. */
  fetch(path: string, init: RequestInit): Promise<Response>;
  /** The gateway's address; missing when it runs in this process. */
  url?: string;
  /** Of the engine that runs here. */
  config?: Config;
  close(): Promise<void>;
}

export function addConnectOptions(command: Command): Command {
  return command
    .addOption(new Option("--url <url>", "a running gateway; without it the engine runs here").env("HEADRACE_URL"))
    .addOption(new Option("--api-key <key>", "key for the gateway").env("HEADRACE_API_KEY"))
    .option("--config <file>", "configuration of the engine that runs here");
}

export function addCommonOptions(command: Command): Command {
  return command.option("--json", "print JSON").option("--verbose", "show where an error comes from");
}

/**
 * A client of the gateway at `--url`, or of one in this very process. The latter keeps its streams in memory: the log on
 * disk has one owner, and that may be a gateway that runs at the same time.
 */
export async function connect(options: ConnectOptions): Promise<ConnectedClient> {
  if (options.url !== undefined) {
    return {
      client: connectTo(options),
      fetch: fetchFrom(options.url, options),
      url: options.url,
      close: async () => {},
    };
  }
  // Loaded only here: a client of a gateway elsewhere starts faster without an engine.
  const [{ loadConfig }, { createHeadrace }] = await Promise.all([
    import("../config/load.ts"),
    import("../headrace.ts"),
  ]);
  const { config, warnings } = await loadConfig({
    file: options.config,
    flags: { server: { host: "127.0.0.1" }, log: { store: "memory" }, access: { required: false, keys: [] } },
  });
  for (const warning of warnings) sayWarning(warning);
  // What goes wrong is told once, by the command itself.
  const headrace = await createHeadrace(config, options.verbose ? {} : { report: () => {} });
  const client = createClient({ fetch: async (url, init) => headrace.fetch(new Request(url, init)) });
  const fetch = fetchFrom("http://127.0.0.1:8484", {}, async (url, init) => headrace.fetch(new Request(url, init)));
  return { client, fetch, config, close: () => headrace.close() };
}

function fetchFrom(
  url: string,
  { apiKey }: ConnectOptions,
  fetch: (url: string, init: RequestInit) => Promise<Response> = globalThis.fetch,
): ConnectedClient["fetch"] {
  const base = url.replace(/\/+$/, "").replace(/\/v1$/, "");
  const key: Record<string, string> = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  return (path, { headers, ...init }) =>
    fetch(base + path, { ...init, headers: { ...key, ...(headers as typeof key) } });
}

/** A client of a running gateway, by default the one that `headrace` starts. */
export function connectTo({ url = "http://127.0.0.1:8484", apiKey }: ConnectOptions): HeadraceClient {
  // A person waits in front of it, so it gives up sooner than a program would.
  const retry = { maxTries: 3, maxTotalMs: 20_000 };
  return createClient({ baseUrl: url, retry, ...(apiKey === undefined ? {} : { apiKey }) });
}
