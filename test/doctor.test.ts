import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, onTestFinished, test } from "vitest";
import { contradictionsIn } from "../src/cli/doctor/contradictions.ts";
import type { Finding } from "../src/cli/doctor/finding.ts";
import { findLocalServers } from "../src/cli/doctor/local-servers.ts";
import { judgeClock } from "../src/cli/doctor/machine.ts";
import type { Examination } from "../src/cli/doctor/examine.ts";
import { type ConfigInput, parseConfig } from "../src/config.ts";
import { useCommandLine } from "./support/command-line.ts";

const cli = useCommandLine();
const goodKey = "sk-good-0123456789abcdef";

interface Vendor {
  url: string;
  calls: { method: string; path: string; headers: IncomingMessage["headers"] }[];
}

/** A vendor that takes one key and answers with `status` to all who have it. */
async function startVendor({ status = 200, aheadMs = 0, body = '{"data":[]}' } = {}): Promise<Vendor> {
  const calls: Vendor["calls"] = [];
  const server = createServer(({ method = "", url: path = "", headers }, response) => {
    calls.push({ method, path, headers });
    const key = headers.authorization?.replace("Bearer ", "") ?? headers["x-api-key"] ?? headers["x-goog-api-key"];
    response.setHeader("date", new Date(Date.now() + aheadMs).toUTCString());
    response.writeHead(key === goodKey ? status : 401, { "content-type": "application/json" });
    response.end(key === goodKey ? body : '{"error":{"message":"Incorrect API key provided: sk-good"}}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls };
}

type Report = Examination & { ok: boolean };

async function examine(env: Record<string, string> = {}, ...args: string[]) {
  const { stdout, stderr, code } = await cli.run(["doctor", "--json", ...args], { env });
  assert.equal(stderr, "");
  return { report: JSON.parse(stdout) as Report, stdout, code };
}

const about = (findings: readonly Finding[], name: string) => findings.find((finding) => finding.about === name);

describe("headrace doctor", () => {
  test("is content where nothing is configured, and says what could be", async () => {
    const { stdout, code } = await cli.run(["doctor"]);
    assert.equal(code, 0);
    assert.match(stdout, /only the built-in simulator answers\n.*OPENAI_API_KEY/);
    assert.match(stdout, /reliability\.stallTimeoutMs +30 s +HEADRACE_RELIABILITY_STALL_TIMEOUT_MS/);
    assert.match(stdout, new RegExp(`Node +${process.versions.node}`));
    assert.match(stdout, /data folder .* will be made by the first start/);
    assert.match(stdout, /disk +\d+/);
  });

  test("checks every key with one call that costs nothing, and says where the key came from", async () => {
    const vendor = await startVendor();
    await writeFile(join(cli.directory, ".env"), `OPENAI_API_KEY=${goodKey}\n`);
    const { report, stdout, code } = await examine({
      OPENAI_BASE_URL: `${vendor.url}/v1`,
      ANTHROPIC_API_KEY: "wrong-key-0123456789",
      ANTHROPIC_BASE_URL: vendor.url,
      GEMINI_API_KEY: goodKey,
      GOOGLE_GEMINI_BASE_URL: vendor.url,
    });
    const openai = about(report.providers, "openai");
    assert.equal(openai?.message, "takes the key");
    assert.equal(openai.foundBy, "OPENAI_API_KEY (.env), OPENAI_BASE_URL");
    assert.ok((openai.ms ?? -1) >= 0);
    assert.equal(about(report.providers, "gemini")?.message, "takes the key");
    const anthropic = about(report.providers, "anthropic");
    assert.match(anthropic?.message ?? "", /refuses the key \(HTTP 401\)/);
    assert.match(anthropic?.next ?? "", /put a valid key into ANTHROPIC_API_KEY/);
    assert.equal(code, 1);
    const paths = vendor.calls.map(({ method, path }) => `${method} ${path}`).toSorted();
    assert.deepEqual(paths, ["GET /v1/models", "GET /v1/models", "GET /v1beta/models"]);
    for (const secret of [goodKey, "wrong-key-0123456789"]) assert.ok(!stdout.includes(secret));
  });

  test("tells a key that is limited, an account without credit, and a provider in trouble apart", async () => {
    const [limited, empty, down] = await Promise.all([403, 429, 503].map((status) => startVendor({ status })));
    const provider = (vendor: Vendor | undefined) => ({
      vendor: "openai-compatible",
      baseUrl: vendor?.url,
      apiKey: goodKey,
    });
    const providers = {
      limited: provider(limited),
      empty: provider(empty),
      down: provider(down),
      nobody: provider(undefined),
    };
    providers.nobody.baseUrl = "http://127.0.0.1:1/v1";
    await writeFile(join(cli.directory, "headrace.config.json"), JSON.stringify({ providers }), { mode: 0o600 });
    const { report, stdout, code } = await examine();
    const levels = report.providers.map(({ about: name, level }) => [name, level]);
    const expected = { limited: "warning", empty: "warning", down: "problem", nobody: "problem" };
    assert.deepEqual(Object.fromEntries(levels), expected);
    assert.match(about(report.providers, "limited")?.message ?? "", /does not let this key list models/);
    assert.match(about(report.providers, "empty")?.message ?? "", /too many calls or has no credit/);
    assert.match(about(report.providers, "down")?.message ?? "", /trouble of its own \(HTTP 503\)/);
    assert.equal(about(report.providers, "down")?.foundBy, "headrace.config.json");
    assert.ok(!stdout.includes(goodKey));
    assert.equal(code, 1);
  });

  test("calls nothing outside this machine when it is told so", async () => {
    const vendor = await startVendor();
    const { report, code } = await examine(
      {
        OPENAI_API_KEY: goodKey,
        // Would be an error, not a note, if anything went there.
        OPENAI_BASE_URL: "http://nowhere.invalid/v1",
        VLLM_BASE_URL: `${vendor.url}/v1`,
      },
      "--offline",
    );
    assert.match(about(report.providers, "openai")?.message ?? "", /not called, because of --offline/);
    assert.equal(vendor.calls.length, 1);
    assert.equal(about(report.providers, "vllm")?.level, "problem");
    assert.equal(code, 1);
  });

  test("shows every limit with what has set it", async () => {
    await writeFile(join(cli.directory, "headrace.config.json"), '{"limits":{"readers":2000},"server":{"port":9000}}');
    const { report } = await examine({ HEADRACE_PORT: "9001", HEADRACE_HEARTBEAT_MS: "20000" });
    const row = (path: string) => report.settings.find((setting) => setting.path === path);
    assert.equal(row("limits.readers")?.setBy, "headrace.config.json");
    assert.equal(row("server.port")?.setBy, "HEADRACE_PORT");
    assert.equal(row("server.port")?.value, 9001);
    assert.equal(row("server.heartbeatMs")?.text, "20 s");
    assert.equal(row("reliability.stallTimeoutMs")?.setBy, undefined);
  });

  test("looks at the rest even where the configuration is wrong", async () => {
    await writeFile(join(cli.directory, "headrace.config.json"), '{"server":{"prot":1}}');
    const { stdout, code } = await cli.run(["doctor"]);
    assert.match(stdout, /server\.prot is not a known key; did you mean server\.port\?/);
    assert.match(stdout, /data folder/);
    assert.equal(code, 1);
  });

  test("notices a data folder that is none", async () => {
    await mkdir(join(cli.directory, "log.db"));
    const { report, code } = await examine({ HEADRACE_LOG_PATH: "log.db" });
    assert.match(about(report.machine, "data folder")?.message ?? "", /log\.db is not a file/);
    assert.equal(code, 1);
  });

  test("compares this machine's clock with the providers'", async () => {
    const vendor = await startVendor({ aheadMs: 600_000 });
    const { report } = await examine({ OPENAI_API_KEY: goodKey, OPENAI_BASE_URL: vendor.url });
    const clock = about(report.machine, "clock");
    assert.match(clock?.message ?? "", /is (10 min|\d+\.?\d* s) behind the providers'/);
    assert.equal(clock?.level, "problem");
    const levelAt = (clockAheadMs: number) =>
      judgeClock([{ level: "ok", about: "x", vendor: "x", message: "", clockAheadMs }])[0]?.level;
    assert.deepEqual([900, -45_000, 300_000].map(levelAt), ["ok", "warning", "problem"]);
  });
});

describe("servers on this machine", () => {
  const local = (baseUrl: string) => ({
    label: "Ollama",
    protocol: "openai-chat" as const,
    baseUrl,
    baseUrlVariable: "OLLAMA_HOST",
    local: true as const,
  });

  test("are found at their usual ports, with how to use them", async () => {
    const server = createServer((_request, response) =>
      response.end('{"data":[{"id":"llama3\\u001b[31m"},{"id":"qwen"}]}'),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const vendors = { ollama: local(baseUrl), vllm: local("http://127.0.0.1:1/v1") };
    const [found, ...others] = await findLocalServers({ vendors, used: [], timeoutMs: 2_000 });
    assert.deepEqual(others, []);
    assert.match(found?.message ?? "", /^answers at 127\.0\.0\.1:\d+ with 2 models: llama3\?\[31m, qwen$/);
    assert.match(found?.next ?? "", new RegExp(`^OLLAMA_HOST=${baseUrl} adds it`));
    const [used] = await findLocalServers({ vendors, used: [baseUrl], timeoutMs: 2_000 });
    assert.equal(used?.level, "ok");
    assert.equal(used.next, undefined);
  });
});

describe("settings that contradict each other are told", () => {
  const find = (input: ConfigInput, surroundings = {}) =>
    contradictionsIn(parseConfig(input), {
      environment: {},
      providers: ["openai"],
      modelPrefixes: ["gpt-"],
      ...surroundings,
    });
  const key = { name: "alice", key: "0123456789abcdef0123" };

  test("but the defaults do not", () => {
    assert.deepEqual(find({}, { openFiles: 1_048_576 }), []);
  });

  test.each<[string, ConfigInput, RegExp]>([
    ["server.heartbeatMs", { server: { heartbeatMs: 60_000 } }, /proxies .* cut what is silent for 60 s/],
    ["server.heartbeatMs", { server: { heartbeatMs: 50_000 } }, /client reconnects after 45 s/],
    ["server.keepAliveMs", { server: { keepAliveMs: 5_000 } }, /answers 502/],
    ["server.drainMs", { server: { drainMs: 60_000 } }, /Kubernetes kills/],
    [
      "reliability.firstEventTimeoutMs",
      { reliability: { firstEventTimeoutMs: 90_000 } },
      /longer than firstTokenTimeoutMs/,
    ],
    [
      "reliability.stallTimeoutMs",
      { reliability: { stallTimeoutMs: 200_000 } },
      /longer than progressTimeoutMs \(2 min\)/,
    ],
    ["reliability.reasoningTimeoutMs", { reliability: { totalTimeoutMs: 240_000 } }, /longer than totalTimeoutMs/],
    ["reliability.hedge", { reliability: { hedge: { afterMs: 60_000 } } }, /first token has to be there after 1 min/],
    ["routes.smart.hedge", { routes: { smart: { targets: ["openai/x"], hedge: "p95" } } }, /no second target/],
    ["routes.smart", { routes: { smart: { targets: ["opnai/x"] } } }, /no such provider/],
    ["limits.streamsPerKey", { limits: { openStreams: 10 } }, /one key can take them all/],
    ["log.maxBytes", { log: { maxBytes: 1_048_576 } }, /less than one answer may have/],
    ["access.keys (bob)", { access: { keys: [{ name: "bob", key: "short" }] } }, /can be guessed/],
    ["access.keys (bob)", { access: { keys: [{ name: "bob", keyVariable: "BOB" }] } }, /BOB is not set/],
    ["server.host", { server: { host: "0.0.0.0" }, access: { keys: [key] } }, /without TLS/],
    ["server.corsOrigins", { server: { corsOrigins: ["*"] } }, /every web page/],
    [
      "providers.box.baseUrl",
      { providers: { box: { vendor: "vllm", baseUrl: "http://10.0.0.7/v1" } } },
      /read on the way/,
    ],
  ])("%s", (name, input, message) => {
    const found = find(input).filter((finding) => finding.about === name);
    assert.equal(found.length, 1, JSON.stringify(find(input)));
    assert.match(found[0]?.message ?? "", message);
    assert.ok((found[0]?.next ?? "").length > 0);
  });

  test("keys of which none is an admin's are no mistake, but what they close is told", () => {
    const told = (keys: NonNullable<ConfigInput["access"]>["keys"]) =>
      find({ access: { keys } }).filter((finding) => finding.about === "access.keys");
    assert.deepEqual(told([]), []);
    assert.deepEqual(told([{ ...key, role: "admin" }]), []);
    const [note] = told([key]);
    assert.equal(note?.level, "note");
    assert.match(note.message, /\/metrics.*closed.*HEADRACE_ADMIN_KEYS/);
  });

  test("readers and open files", () => {
    assert.match(find({}, { openFiles: 1024 })[0]?.message ?? "", /takes 25100 open files; this process may have 1024/);
    assert.deepEqual(
      find({ limits: { readers: 500, readersPerStream: 100, openStreams: 300 } }, { openFiles: 1024 }),
      [],
    );
  });
});
