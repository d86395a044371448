import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What a row needs to know to start its server. */
export interface RowSetting {
  port: number;
  upstreamPort: number;
  /** An empty folder of its own, removed afterwards. */
  folder: string;
  /** Where an observed row sends its traces. */
  tracesUrl: string | undefined;
}

export interface RowCommand {
  command: string;
  arguments: string[];
  environment?: Record<string, string>;
}

/** One way from the load client to the upstream. */
export interface Row {
  name: string;
  /** For tables. */
  label: string;
  /** The model name that clients of this row ask for. */
  model: string;
  /** What its clients call. Default: Chat Completions. */
  path?: string;
  /** The only scenarios that it is there for. Default: all. */
  scenarios?: readonly string[];
  /** Why it cannot run here and what to do about it; undefined when it can. */
  missing?: () => string | undefined;
  /** Metrics are scraped while it runs, and a collector takes its traces. */
  observed?: true;
  /** Undefined: nothing in between. */
  start?: (setting: RowSetting) => RowCommand;
}

export const chatPath = "/v1/chat/completions";
export const messagesPath = "/v1/messages";

export const rows: Row[] = [
  { name: "nothing", label: "nothing (client to upstream)", model: "bench" },
  { name: "nginx", label: "nginx, proxy_buffering off", model: "bench", missing: installNginx, start: startNginx },
  { name: "node-http", label: "node:http relay, reads events", model: "bench", start: relay("relays/node-http.ts") },
  { name: "hono-fetch", label: "Hono + fetch relay", model: "bench", start: relay("relays/hono-fetch.ts") },
  {
    name: "headrace-process",
    label: "Headrace, log survives kill -9",
    model: "up/bench",
    start: headrace(durable),
  },
  {
    name: "headrace-memory",
    label: "Headrace, log in memory",
    model: "up/bench",
    start: headrace(() => ({ store: "memory" })),
  },
  {
    name: "headrace-messages",
    label: "Headrace, Messages to Messages",
    model: "claude/bench",
    path: messagesPath,
    scenarios: ["paced-250x40"],
    start: headrace(durable),
  },
  {
    name: "headrace-chat-messages",
    label: "Headrace, Chat to Messages",
    model: "claude/bench",
    scenarios: ["paced-250x40"],
    start: headrace(durable),
  },
  {
    name: "headrace-unobserved",
    label: "Headrace, telemetry off",
    model: "up/bench",
    scenarios: ["telemetry-125x40"],
    start: headrace(durable, () => ({ metrics: false })),
  },
  {
    name: "headrace-telemetry",
    label: "Headrace, metrics and traces",
    model: "up/bench",
    scenarios: ["telemetry-125x40"],
    observed: true,
    start: headrace(durable, (tracesUrl) => ({ tracesUrl })),
  },
];

function durable(folder: string): object {
  return { store: "sqlite", path: join(folder, "headrace.db"), durability: "process" };
}

function fileHere(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

function relay(file: string): (setting: RowSetting) => RowCommand {
  return ({ port, upstreamPort }) => ({
    command: process.execPath,
    arguments: [fileHere(file), String(port), `http://127.0.0.1:${upstreamPort}`],
  });
}

function headrace(
  log: (folder: string) => object,
  telemetry: (tracesUrl: string | undefined) => object = () => ({}),
): (setting: RowSetting) => RowCommand {
  return ({ port, upstreamPort, folder, tracesUrl }) => {
    const config = join(folder, "headrace.config.json");
    const up = { vendor: "openai-compatible", baseUrl: `http://127.0.0.1:${upstreamPort}/v1`, apiKey: "sk-bench" };
    const claude = { vendor: "anthropic", baseUrl: `http://127.0.0.1:${upstreamPort}`, apiKey: "sk-bench" };
    const written = { providers: { up, claude }, log: log(folder), telemetry: telemetry(tracesUrl) };
    writeFileSync(config, JSON.stringify(written), { mode: 0o600 });
    return {
      command: process.execPath,
      arguments: [fileHere("../src/cli/main.ts"), "serve", "--port", String(port), "--config", config],
    };
  };
}

function startNginx({ port, upstreamPort, folder }: RowSetting): RowCommand {
  const config = join(folder, "nginx.conf");
  writeFileSync(config, nginxConfig(port, upstreamPort, folder));
  return { command: nginxPath() ?? "nginx", arguments: ["-e", "stderr", "-p", folder, "-c", config] };
}

/** One worker, as every other row is one process; what a guide for streaming answers through nginx would say. */
function nginxConfig(port: number, upstreamPort: number, folder: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `  ${name}_temp_path ${join(folder, name)};`)
    .join("\n");
  return `daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid ${join(folder, "nginx.pid")};
error_log stderr error;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 1000000;
${temporary}
  upstream model {
    server 127.0.0.1:${upstreamPort};
    keepalive 2048;
    keepalive_requests 1000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 300s;
    }
  }
}
`;
}

/** Debian keeps it in a folder that is not on every user's PATH. */
export function nginxPath(): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin"];
  return folders.map((folder) => join(folder, "nginx")).find((file) => existsSync(file));
}

function installNginx(): string | undefined {
  const hint = "nginx is missing; on Debian: apt-get install -y nginx-light";
  if (nginxPath() !== undefined) return undefined;
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) return hint;
  // In run level 1 the package does not start its own server on port 80.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  try {
    execFileSync("apt-get", ["update", "-q"], { env, stdio: "ignore", timeout: 120_000 });
    execFileSync("apt-get", ["install", "-y", "-q", "nginx-light"], { env, stdio: "ignore", timeout: 180_000 });
  } catch {
    return `${hint} (tried, and it failed)`;
  }
  return nginxPath() === undefined ? hint : undefined;
}
