import type { Command } from "commander";
import type { ConfigInput } from "../config.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { RunningServer } from "../runtimes/node.ts";
import { addCommonOptions } from "./connect.ts";
import { exitCodes, say, sayDim, sayError, sayWarning, styled, UsageError, writeJson } from "./terminal.ts";
import { packageVersion } from "../version.ts";

interface ServeFlags {
  host?: string;
  port?: number;
  config?: string;
  logStore?: string;
  logPath?: string;
  logDurability?: string;
  json?: boolean;
}

export function addServeCommand(program: Command): void {
  const command = program
    .command("serve", { isDefault: true })
    .description("serve the gateway (this is also what plain `headrace` does)")
    .option("--host <host>", "address to listen on (127.0.0.1)")
    .option("-p, --port <port>", "port to listen on (8484)", readPort)
    .option("--config <file>", "configuration file (headrace.config.ts, .json, .yaml, ...)")
    .option("--log-store <store>", "where answers are kept: sqlite or memory (sqlite)")
    .option("--log-path <file>", "the database file (.headrace/headrace.db)")
    .option("--log-durability <level>", "what an entry survives: auto, memory, process or disk (auto)");
  addCommonOptions(command).action(serveGateway);
}

/** A port of the command line. */
export function readPort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65535) return port;
  throw new UsageError(`--port must be a whole number from 0 to 65535, but is ${JSON.stringify(text)}`);
}

async function serveGateway(flags: ServeFlags): Promise<void> {
  const { input, names } = readFlags(flags);
  // Loaded only here, so that the other commands start faster.
  const { loadConfig } = await import("../config/load.ts");
  const loaded = await loadConfig({ file: flags.config, flags: input, flagNames: names });
  for (const warning of loaded.warnings) sayWarning(warning);
  const [{ createHeadrace }, { serve }] = await Promise.all([import("../headrace.ts"), import("../runtimes/node.ts")]);
  const headrace = await createHeadrace(loaded.config, { warnings: loaded.warnings });
  let server: RunningServer;
  try {
    server = await serve(headrace);
  } catch (error) {
    await headrace.close();
    throw error;
  }
  closeOnSignal(server);
  if (flags.json) writeJson({ url: server.url, port: server.port, pid: process.pid });
  else await printWelcome(server, loaded);
}

function readFlags(flags: ServeFlags): { input: ConfigInput; names: Map<string, string> } {
  const sections: Record<string, Record<string, unknown>> = {};
  const names = new Map<string, string>();
  const set = (section: string, key: string, value: unknown, name: string) => {
    if (value === undefined) return;
    (sections[section] ??= {})[key] = value;
    names.set(`${section}.${key}`, name);
  };
  set("server", "host", flags.host, "--host");
  set("server", "port", flags.port, "--port");
  set("log", "store", flags.logStore, "--log-store");
  set("log", "path", flags.logPath, "--log-path");
  set("log", "durability", flags.logDurability, "--log-durability");
  return { input: sections, names };
}

async function printWelcome({ url }: RunningServer, { config, file }: LoadedConfig): Promise<void> {
  const [{ hasAdmin }, { providersFromEnvironment }, { vendors }] = await Promise.all([
    import("../config/access-schema.ts"),
    import("../config/environment.ts"),
    import("../providers/vendors.ts"),
  ]);
  const found = Object.keys({ ...providersFromEnvironment(process.env, vendors), ...config.providers });
  const providers = ["sim (the built-in simulator)", ...found].join(", ");
  const hasKeys = config.access.keys.length > 0;
  const key = hasKeys ? ' -H "authorization: Bearer $HEADRACE_API_KEY"' : "";
  const routes = Object.keys(config.routes);
  const model = routes[0] ?? "sim/gpt-4o";
  const body = JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "Why is the sky blue?" }] });
  const row = (name: string, value: string) => `  ${styled("dim", name.padEnd(10))} ${value}`;
  const lines = [
    `${styled("bold", "Headrace")} ${packageVersion()} is listening on ${styled("cyan", url)}`,
    "",
    `  curl -N ${url}/v1/chat/completions -H "content-type: application/json"${key} -d '${body}'`,
    "",
    row("providers", found.length > 0 ? providers : `${providers}; OPENAI_API_KEY and its like add more`),
    ...(routes.length > 0 ? [row("routes", routes.join(", "))] : []),
    row("keys", keysText(hasKeys, hasAdmin(config.access))),
    row("log", config.log.store === "memory" ? "in memory, gone with this process" : config.log.path),
    ...(file === undefined ? [] : [row("config", file)]),
  ];
  process.stdout.write(`${lines.join("\n")}\n\n`);
}

function keysText(hasKeys: boolean, hasAdminKey: boolean): string {
  if (!hasKeys) return "not needed, since only this machine can call; HEADRACE_API_KEYS sets some";
  if (hasAdminKey) return "required";
  return "required; none is an admin key, so /metrics and what is for operators is closed: HEADRACE_ADMIN_KEYS adds one";
}

/** The first signal lets open streams finish, the second one ends the process at once. */
export function closeOnSignal(server: { close(): Promise<void> }): void {
  let closing = false;
  const close = (code: number) => {
    if (closing) process.exit(code);
    closing = true;
    say("");
    sayDim("Stopping when open streams are done; once more stops at once.");
    server.close().then(
      () => process.exit(exitCodes.ok),
      (error: unknown) => {
        sayError(error);
        process.exit(exitCodes.failure);
      },
    );
  };
  process.on("SIGINT", () => close(exitCodes.interrupted));
  process.on("SIGTERM", () => close(exitCodes.terminated));
}
