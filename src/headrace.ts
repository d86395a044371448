import type { ConfiguredKey } from "./access/keys.ts";
import { createKeyring } from "./access/keys.ts";
import type { Config, ConfigInput } from "./config.ts";
import { isLoopback, parseConfig } from "./config.ts";
import type { Environment } from "./config/environment.ts";
import type { AnswerStream } from "./core/answer-stream.ts";
import { HeadraceError, toHeadraceError } from "./core/errors.ts";
import type { Observe } from "./core/observer.ts";
import { tellAll } from "./core/observer.ts";
import type { Clock, Randomness } from "./core/time.ts";
import type { AppOptions } from "./gateway/app.ts";
import { createApp } from "./gateway/app.ts";
import { PassedCalls } from "./gateway/passed-calls.ts";
import type { RuntimeBindings } from "./gateway/environment.ts";
import type { ReadWebUi } from "./gateway/web-ui.ts";
import type { WebSockets } from "./gateway/websocket.ts";
import { createWebSockets } from "./gateway/websocket.ts";
import { createRouterFrom } from "./headrace/configured-router.ts";
import { findProviders, namesIn, vendorOf } from "./headrace/found-providers.ts";
import type { StreamRequest } from "./headrace/library-stream.ts";
import { startStream } from "./headrace/library-stream.ts";
import { openNetwork } from "./headrace/network.ts";
import { describeSetup } from "./headrace/setup.ts";
import { openStorage } from "./headrace/storage.ts";
import { createIds, systemClock, systemRandomness } from "./outside.ts";
import { protocols } from "./protocols/all.ts";
import type { Fetch } from "./providers/fetch-transport.ts";
import type { ModelInfo } from "./routing/router.ts";
import { Streams } from "./streams/streams.ts";
import { openTelemetry } from "./telemetry/open-telemetry.ts";
import { packageVersion } from "./version.ts";

/** The outside world, all of it. Whatever is left out is the real one. */
export interface Outside {
  clock?: Clock;
  randomness?: Randomness;
  /** Calls providers. Default: connections of its own, without timers. */
  fetch?: Fetch;
  /** Where variables are read. Default: the process's. */
  environment?: Environment;
  /** Told of everything worth counting or tracing. */
  observe?: Observe;
  /** What was noticed when the configuration was read; shown where people set things up. */
  warnings?: readonly string[];
  /** Told of what went wrong inside. Default: one line on standard error. */
  report?: (error: HeadraceError, requestId: string) => void;
}

export interface Headrace {
  readonly config: Config;
  /** The whole gateway as a web-standard handler, to be mounted anywhere. */
  fetch(request: Request, bindings?: RuntimeBindings): Promise<Response>;
  /** Starts a stream and reads it while it grows. The stream has a log like any other. */
  stream(request: StreamRequest): AnswerStream;
  readonly streams: Streams;
  /** The gateway's WebSocket, for runtimes: whoever has a connection asks here whether to accept it. */
  readonly webSockets: WebSockets;
  models(): ModelInfo[];
  /** Takes nothing new, lets open streams finish for `drainMs` (default 0), then ends what is left and closes the log. */
  close(options?: { drainMs?: number }): Promise<void>;
}

/**
 * Puts Headrace together: the one place that knows which concrete parts exist.
 *
 * @param input - configuration as written in a file; left out, it is read as the gateway reads it (file, `.env`,
 * variables).
 * @throws HeadraceError `invalid-request` - the configuration is wrong; the message names every key at fault.
 * @throws HeadraceError `log-unavailable`, `storage-full` - the log cannot be opened.
 */
export async function createHeadrace(input?: ConfigInput, outside: Outside = {}): Promise<Headrace> {
  const { clock = systemClock, randomness = systemRandomness, environment = globalThis.process?.env ?? {} } = outside;
  const { observe, report = reportOnStandardError, warnings = [] } = outside;
  const config = input === undefined ? await readConfig() : parseConfig(input);
  const ids = createIds(randomness);
  const network = await openNetwork(config, environment, outside.fetch);
  const found = findProviders(config, environment);
  const telemetry = await openTelemetry({
    settings: config.telemetry,
    environment,
    names: namesIn(config, found),
    gauges: {
      openStreams: () => streams.openCount + passedCalls.openCount,
      readers: () => streams.readerCount,
      log: () => log.health,
    },
    clock,
    version: packageVersion,
    onFailure: (error) => report(error, "telemetry"),
  });
  const { transport } = network;
  const router = createRouterFrom(config, { found, environment, transport, clock, randomness, telemetry });
  const storage = await openStorage({ config, clock, vendorOf: (name) => vendorOf(found, name), report });
  const { log, records } = storage;
  const { reliability, server, limits } = config;

  const observed = {
    clock,
    createStreamId: ids.streamId,
    observe: tellAll([records?.observe, observe, ...telemetry.observers].filter((one) => one !== undefined)),
    ...(records !== undefined && { tap: records.tap }),
  };
  const passedCalls = new PassedCalls({
    ...observed,
    ...(records !== undefined && { noted: () => records.noted() }),
    limits,
  });
  const streams = new Streams({
    ...observed,
    log,
    heartbeatMs: server.heartbeatMs,
    lingerMs: reliability.lingerMs,
    limits,
  });
  await streams.recover();
  records?.recover(log).catch((error: unknown) => report(toHeadraceError(error), "records"));
  const stopSweeping = storage.sweepRegularly();

  let ready = true;
  const appOptions: AppOptions = {
    streams,
    passedCalls,
    observe: observed.observe,
    log,
    router,
    protocols,
    clock,
    report,
    readWebUi: createWebUiReader(),
    records,
    setup: () => describeSetup({ config, found, environment, version: packageVersion(), warnings }),
    version: packageVersion(),
    factsOf: (targets) => storage.prices.facts(targets, clock.now()),
    keyring: createKeyring(resolveKeys(config, environment)),
    createRequestId: ids.requestId,
    isReady: () => ready,
    ...(telemetry.metrics !== undefined && { metrics: telemetry.metrics }),
    onDisconnect: reliability.onDisconnect,
    loopback: isLoopback(server.host),
    ...server,
    ...limits,
  };
  const app = createApp(appOptions);
  const webSockets = createWebSockets(appOptions);

  return {
    config,
    streams,
    webSockets,
    models: () => router.models(),
    fetch: async (request, bindings = {}) => app.fetch(request, bindings),
    stream: (request) => startStream(request, { streams, router, clock }),
    async close({ drainMs = 0 } = {}) {
      ready = false;
      webSockets.drain();
      await Promise.all([streams.close({ drainMs }), passedCalls.close({ drainMs })]);
      webSockets.close();
      stopSweeping();
      await network.close();
      await telemetry.close();
      await records?.close();
      await log.close();
    },
  };
}

async function readConfig(): Promise<Config> {
  const { loadConfig } = await import("./config/load.ts");
  return (await loadConfig()).config;
}

/** The pages are read when somebody looks at them, and then kept. */
function createWebUiReader(): ReadWebUi {
  let reading: ReturnType<ReadWebUi> | undefined;
  return async () => {
    reading ??= import("./web-files.ts").then(({ readWebUi }) => readWebUi());
    const ui = await reading;
    // Built meanwhile, perhaps.
    if (ui === undefined) reading = undefined;
    return ui;
  };
}

function resolveKeys({ access }: Config, environment: Environment): ConfiguredKey[] {
  return access.keys.map(({ name, role, key, keyHash, keyVariable }) => {
    const value = keyVariable === undefined ? key : environment[keyVariable];
    if (value !== undefined) return { name, role, key: value };
    if (keyHash !== undefined) return { name, role, keyHash };
    throw new HeadraceError("invalid-request", `access.keys: the variable ${keyVariable} is not set; it holds a key`);
  });
}

function reportOnStandardError(error: HeadraceError, requestId: string): void {
  const cause = error.cause instanceof Error ? `: ${error.cause.stack ?? error.cause.message}` : "";
  console.error(`${requestId} ${error.code}: ${error.message}${cause}`);
}
