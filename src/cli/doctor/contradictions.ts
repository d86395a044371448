import type { Config } from "../../config.ts";
import { isLoopback } from "../../config.ts";
import { hasAdmin } from "../../config/access-schema.ts";
import type { Environment } from "../../config/environment.ts";
import type { Finding } from "./finding.ts";
import { durationText, sizeText } from "./settings.ts";

export interface Surroundings {
  environment: Environment;
  /** Names of the providers that were found. */
  providers: readonly string[];
  /** Beginnings of bare model names that belong to one of them. */
  modelPrefixes: readonly string[];
  /** Files and connections that this process may have open; missing where the system does not say. */
  openFiles?: number;
}

/** Idle connections are cut after this time by the usual proxies: nginx, AWS load balancers, many company networks. */
const proxyIdleMs = 60_000;
/** The typed client takes a connection for dead after so long a silence. */
const clientSilenceMs = 45_000;
/** Kubernetes and its like end a process by force this long after asking it to stop. */
const graceMs = 30_000;

/** Settings that contradict each other, or will bite somebody: each with what to do. */
export function contradictionsIn(config: Config, surroundings: Surroundings): Finding[] {
  const findings = [
    ...betweenTimes(config),
    ...withProxies(config),
    ...betweenLimits(config, surroundings),
    ...inHedging(config),
    ...inRoutes(config, surroundings),
    ...inAccess(config, surroundings),
  ];
  return findings;
}

function warn(about: string, message: string, next: string): Finding {
  return { level: "warning", about, message, next };
}

/** A limit that another one always reaches first. */
function betweenTimes({ reliability, server }: Config): Finding[] {
  const never = (name: keyof Config["reliability"], other: keyof Config["reliability"]): Finding[] => {
    const [value, limit] = [reliability[name], reliability[other]];
    if (typeof value !== "number" || typeof limit !== "number" || value <= limit) return [];
    const times = `is ${durationText(value)}, longer than ${other} (${durationText(limit)}), so it never applies`;
    return [warn(`reliability.${name}`, times, `set it below ${other}, or raise that`)];
  };
  return [
    ...never("connectTimeoutMs", "firstTokenTimeoutMs"),
    ...never("firstEventTimeoutMs", "firstTokenTimeoutMs"),
    ...never("stallTimeoutMs", "progressTimeoutMs"),
    ...never("progressTimeoutMs", "totalTimeoutMs"),
    ...never("reasoningTimeoutMs", "totalTimeoutMs"),
    ...never("queueTimeoutMs", "totalTimeoutMs"),
    ...(server.headersTimeoutMs > server.requestTimeoutMs
      ? [warn("server.headersTimeoutMs", "is above requestTimeoutMs, so it never applies", "set it below")]
      : []),
  ];
}

/** What stands between this server and its readers has times of its own. */
function withProxies({ server }: Config): Finding[] {
  const { heartbeatMs, keepAliveMs, drainMs } = server;
  const findings: Finding[] = [];
  if (heartbeatMs >= proxyIdleMs) {
    const text = `is ${durationText(heartbeatMs)}, but common proxies (nginx, AWS load balancers) cut what is silent for 60 s`;
    findings.push(warn("server.heartbeatMs", text, "set it to 15000 (HEADRACE_HEARTBEAT_MS), or 30000 at most"));
  } else if (heartbeatMs >= clientSilenceMs) {
    const text = `is ${durationText(heartbeatMs)}, but the headrace client reconnects after 45 s of silence`;
    findings.push(warn("server.heartbeatMs", text, "set it to 15000 (HEADRACE_HEARTBEAT_MS)"));
  }
  if (keepAliveMs <= proxyIdleMs) {
    const text = `is ${durationText(keepAliveMs)}: a load balancer that keeps connections for 60 s then meets closed ones and answers 502`;
    findings.push(warn("server.keepAliveMs", text, "set it above the balancer's own time, such as 75000"));
  }
  if (drainMs >= graceMs) {
    const text = `is ${durationText(drainMs)}, but Kubernetes kills what has not stopped after 30 s`;
    findings.push(warn("server.drainMs", text, "set it below, or raise terminationGracePeriodSeconds above it"));
  }
  return findings;
}

function betweenLimits({ limits, log, reliability }: Config, { openFiles }: Surroundings): Finding[] {
  const findings: Finding[] = [];
  // A reader is a connection, and so is an attempt; some files are open anyway.
  const needed = limits.readers + limits.openStreams + 100;
  if (openFiles !== undefined && openFiles < needed) {
    const text = `allows ${limits.readers} readers and ${limits.openStreams} open streams, which takes ${needed} open files; this process may have ${openFiles}`;
    findings.push(
      warn("limits.readers", text, `raise it (ulimit -n ${needed}, LimitNOFILE=${needed}), or lower limits.readers`),
    );
  }
  if (limits.streamsPerKey > limits.openStreams) {
    const text = "is above limits.openStreams, so one key can take them all";
    findings.push(warn("limits.streamsPerKey", text, "set it below"));
  }
  if (log.maxBytes !== undefined && log.maxBytes < limits.streamBytes) {
    const text = `is ${sizeText(log.maxBytes)}, less than one answer may have (limits.streamBytes: ${sizeText(limits.streamBytes)})`;
    findings.push(warn("log.maxBytes", text, "raise it, or lower limits.streamBytes"));
  }
  if (log.store === "memory" || log.durability === "memory") {
    findings.push({ level: "note", about: "log.store", message: "is memory: a restart ends and forgets every answer" });
  }
  if (reliability.recovery === "off") {
    findings.push({
      level: "note",
      about: "reliability.recovery",
      message: "is off: an answer that breaks stays broken",
    });
  }
  return findings;
}

function inHedging({ reliability, routes }: Config): Finding[] {
  const findings: Finding[] = [];
  const hedges = [
    { about: "reliability.hedge", hedge: reliability.hedge },
    ...Object.entries(routes).map(([name, { hedge }]) => ({ about: `routes.${name}.hedge`, hedge })),
  ];
  for (const { about, hedge } of hedges) {
    if (typeof hedge !== "object" || hedge.afterMs < reliability.firstTokenTimeoutMs) continue;
    const text = `waits ${durationText(hedge.afterMs)}, but the first token has to be there after ${durationText(reliability.firstTokenTimeoutMs)}`;
    findings.push(warn(about, text, "set afterMs below reliability.firstTokenTimeoutMs, or the hedge to off"));
  }
  for (const [name, { hedge, targets }] of Object.entries(routes)) {
    if (hedge === undefined || hedge === "off" || targets.length > 1) continue;
    findings.push(warn(`routes.${name}.hedge`, "has no second target to race", "add one, or set it to off"));
  }
  return findings;
}

function inRoutes({ routes, models }: Config, { providers, modelPrefixes }: Surroundings): Finding[] {
  return Object.entries(routes).flatMap(([name, route]) =>
    route.targets.flatMap((target): Finding[] => {
      const model = typeof target === "string" ? target : target.target;
      const provider = model.slice(0, Math.max(0, model.indexOf("/")));
      const isKnown =
        Object.hasOwn(models, model) ||
        [...providers, "sim"].includes(provider) ||
        modelPrefixes.some((prefix) => model.startsWith(prefix));
      if (isKnown) return [];
      const next = "set the variable of its key, or write it under providers";
      return [{ level: "problem", about: `routes.${name}`, message: `${model}: there is no such provider here`, next }];
    }),
  );
}

function inAccess({ server, access, providers }: Config, { environment }: Surroundings): Finding[] {
  const findings: Finding[] = [];
  for (const [index, { name, key, keyVariable }] of access.keys.entries()) {
    const value = keyVariable === undefined ? key : environment[keyVariable];
    const about = `access.keys (${name ?? index + 1})`;
    if (keyVariable !== undefined && !environment[keyVariable]) {
      const next = "set it, or take the key out";
      findings.push({ level: "problem", about, message: `the variable ${keyVariable} is not set`, next });
    } else if (value !== undefined && value.length < 16) {
      findings.push(warn(about, "is shorter than 16 characters, so it can be guessed", "take `openssl rand -hex 24`"));
    }
  }
  if (access.keys.length > 0 && !hasAdmin(access)) {
    const text =
      "has no admin key, so /metrics, /admin/targets and /admin/setup are closed; HEADRACE_ADMIN_KEYS adds one";
    findings.push({ level: "note", about: "access.keys", message: text });
  }
  if (!isLoopback(server.host)) {
    const text = `${server.host} is open to others, and this server speaks HTTP without TLS`;
    findings.push(warn("server.host", text, "let a proxy with TLS stand in front of it, and a firewall beside it"));
  }
  if (server.corsOrigins.includes("*") && access.keys.length === 0) {
    findings.push(warn("server.corsOrigins", "lets every web page call without a key", "name the pages, or set keys"));
  }
  for (const [name, { baseUrl }] of Object.entries(providers)) {
    if (baseUrl === undefined || !baseUrl.startsWith("http:") || isLoopback(new URL(baseUrl).hostname)) continue;
    findings.push(
      warn(`providers.${name}.baseUrl`, "is http, so its key and every prompt can be read on the way", "use https"),
    );
  }
  if (environment["NODE_TLS_REJECT_UNAUTHORIZED"] === "0") {
    const text = "is 0: anybody on the way can read and change what providers are sent";
    findings.push(
      warn("NODE_TLS_REJECT_UNAUTHORIZED", text, "unset it; NODE_EXTRA_CA_CERTS adds an authority of your own"),
    );
  }
  return findings;
}
