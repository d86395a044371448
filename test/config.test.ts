import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { defineConfig, isLoopback, parseConfig } from "../src/config.ts";
import { maskSecrets } from "../src/config/mask-secrets.ts";
import { configFromEnvironment, type Environment, providersFromEnvironment } from "../src/config/environment.ts";
import { loadConfig } from "../src/config/load.ts";
import { vendors } from "../src/providers/vendors.ts";

function mistakesOf(input: unknown): string {
  try {
    parseConfig(input);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("the configuration was accepted");
}

const strongKey = "k".repeat(12) + "0123456789ab";

describe("a configuration", () => {
  test("is not needed: everything has a default", () => {
    const config = parseConfig(undefined);
    assert.equal(config.server.host, "127.0.0.1");
    assert.equal(config.server.port, 8484);
    assert.equal(config.log.path, ".headrace/headrace.db");
    assert.equal(config.reliability.onDisconnect, "continue");
    assert.deepEqual(config.providers, {});
  });

  test("takes its own output as input again", () => {
    const config = parseConfig({ server: { port: 1 }, providers: { main: { vendor: "openai" } } });
    assert.deepEqual(parseConfig(config), config);
  });

  test("takes generator functions as models", () => {
    async function* poet() {
      yield "roses";
    }
    assert.equal(parseConfig(defineConfig({ models: { poet } })).models["poet"], poet);
  });

  test("prints without its secrets", () => {
    const config = parseConfig({
      providers: { box: { vendor: "openai-compatible", apiKey: "canary-1", headers: { "x-key": "canary-2" } } },
      access: { keys: [{ name: "a", key: "canary-3" }] },
    });
    assert.doesNotMatch(JSON.stringify(maskSecrets(config)), /canary/);
    assert.match(JSON.stringify(config), /canary-1.*canary-2.*canary-3/);
  });
});

describe("a mistake in the configuration", () => {
  test("is named by its path, with the key that was probably meant", () => {
    assert.equal(
      mistakesOf({ reliability: { firstTokenTimeout: 3 } }),
      "the configuration: reliability.firstTokenTimeout is not a known key; did you mean reliability.firstTokenTimeoutMs?",
    );
    assert.match(mistakesOf({ sever: {} }), /sever is not a known key; did you mean server\?/);
    assert.match(
      mistakesOf({ routes: { smart: { targets: ["a/b"], hegde: {} } } }),
      /did you mean routes\.smart\.hedge\?/,
    );
    assert.match(
      mistakesOf({ routes: { smart: { targets: [{ targt: "a/b" }] } } }),
      /routes\.smart\.targets\[0\]\.targt is not a known key; did you mean routes\.smart\.targets\[0\]\.target\?/,
    );
  });

  test("says where a key belongs that is in the wrong place", () => {
    assert.match(mistakesOf({ port: 3000 }), /port is not a known key; there is server\.port/);
  });

  test("lists what is known when nothing comes near", () => {
    assert.match(mistakesOf({ log: { zzzzzzzz: 1 } }), /known here: store, path, durability/);
  });

  test("says what was found and what is wanted", () => {
    assert.equal(
      mistakesOf({ server: { port: "8484" } }),
      'the configuration: server.port must be a number, but is the text "8484"',
    );
    assert.match(mistakesOf({ log: { store: "redis" } }), /must be "sqlite" or "memory", but is the text "redis"/);
    assert.match(mistakesOf({ limits: { readers: 1.5 } }), /must be a whole number, but is 1\.5/);
    assert.match(mistakesOf({ providers: { a: {} } }), /providers\.a\.vendor is missing; it must be text/);
    assert.match(mistakesOf({ providers: { a: { vendor: "x", baseUrl: "ftp://x" } } }), /begins with http:\/\//);
    assert.match(mistakesOf({ routes: { a: { targets: [7] } } }), /routes\.a\.targets\[0\] must be text or an object/);
    assert.match(mistakesOf("text"), /must be an object/);
  });

  test("does not hide the others", () => {
    const message = mistakesOf({ server: { port: -1, hots: 1 }, log: { store: 3 } });
    assert.match(message, /^the configuration has 3 mistakes:\n/);
    assert.equal(message.split("\n").length, 4);
  });

  test("is told without printing a secret", () => {
    const message = mistakesOf({
      access: { keys: [{ name: "a", keyHash: "canary" }] },
      providers: { x: { apiKey: 90210 } },
    });
    assert.doesNotMatch(message, /canary|90210/);
  });

  test("cannot be a prototype", () => {
    assert.match(mistakesOf(JSON.parse('{"__proto__": {"polluted": 1}}')), /__proto__ is not a known key/);
    assert.equal(({} as { polluted?: number }).polluted, undefined);
  });
});

describe("keys of the configuration that do not fit together", () => {
  test("a public address without keys is refused, and the message says what to do", () => {
    for (const host of ["0.0.0.0", "::", "192.168.1.7", "example.com", "127.0.0.1.evil.com"]) {
      assert.match(mistakesOf({ server: { host } }), /needs keys: set HEADRACE_API_KEYS or access\.keys/, host);
    }
    assert.equal(
      parseConfig({ server: { host: "0.0.0.0" }, access: { keys: [{ name: "a", key: strongKey }] } }).server.host,
      "0.0.0.0",
    );
  });

  test("a public address with a key that can be guessed is refused", () => {
    for (const key of ["secret", "changeme", "x".repeat(40)]) {
      assert.match(
        mistakesOf({ server: { host: "0.0.0.0" }, access: { keys: [{ name: "a", key }] } }),
        /easy to guess/,
      );
    }
  });

  test("loopback is what stays on this machine", () => {
    for (const host of ["127.0.0.1", "127.8.8.8", "localhost", "::1"]) assert.equal(isLoopback(host), true, host);
    for (const host of ["0.0.0.0", "::", "127.0.0.1.com", "10.0.0.1", ""]) assert.equal(isLoopback(host), false, host);
  });

  test("a key needs exactly one form, and a name of its own", () => {
    assert.match(mistakesOf({ access: { keys: [{ name: "a" }] } }), /access\.keys\[0\] needs exactly one of/);
    assert.match(mistakesOf({ access: { keys: [{ name: "a", key: "x", keyVariable: "X" }] } }), /exactly one of/);
    assert.match(
      mistakesOf({
        access: {
          keys: [
            { name: "a", key: "x" },
            { name: "a", key: "y" },
          ],
        },
      }),
      /access\.keys\[1\]\.name is "a" twice/,
    );
  });

  test("requiring keys without having any is refused", () => {
    assert.match(mistakesOf({ access: { required: true } }), /access\.required needs at least one key/);
  });
});

describe("variables", () => {
  test("set every setting, by one rule", () => {
    const { input, origins } = configFromEnvironment({
      HEADRACE_PORT: "3000",
      HEADRACE_LOG_PATH: "/data/log.db",
      HEADRACE_LIMITS_OPEN_STREAMS: "7",
      HEADRACE_ACCESS_REQUIRED: "false",
      HEADRACE_CORS_ORIGINS: "https://a.example, https://b.example",
      HEADRACE_HOST: "",
    });
    assert.deepEqual(input, {
      server: { port: 3000, corsOrigins: ["https://a.example", "https://b.example"] },
      log: { path: "/data/log.db" },
      limits: { openStreams: 7 },
      access: { required: false },
    });
    assert.equal(origins.get("server.port"), "HEADRACE_PORT");
  });

  test("of the wrong kind are named", () => {
    assert.throws(
      () => configFromEnvironment({ HEADRACE_PORT: "80a" }),
      /HEADRACE_PORT must be a number, but is the text "80a"/,
    );
    assert.throws(() => configFromEnvironment({ HEADRACE_ACCESS_REQUIRED: "maybe" }), /must be true or false/);
  });

  test("that are mistyped get a warning with the near one", () => {
    const { warnings } = configFromEnvironment({
      HEADRACE_PROT: "1",
      HEADRACE_API_KEYS: "k",
      HEADRACE_URL: "x",
      OTHER: "y",
    });
    assert.deepEqual(warnings, ["HEADRACE_PROT is not a known variable; did you mean HEADRACE_PORT?"]);
  });

  test("HEADRACE_API_KEYS and HEADRACE_ADMIN_KEYS hold keys, with or without names", () => {
    const { input } = configFromEnvironment({
      HEADRACE_API_KEYS: "plain, alice=her-key ,c2VjcmV0==",
      HEADRACE_ADMIN_KEYS: "ops=the-key,",
    });
    assert.deepEqual(input.access?.keys, [
      { key: "plain", role: "user" },
      { name: "alice", key: "her-key", role: "user" },
      { key: "c2VjcmV0==", role: "user" },
      { name: "ops", key: "the-key", role: "admin" },
    ]);
  });

  test("of vendors make their providers appear, without copying the key", () => {
    const found = providersFromEnvironment(
      { OPENAI_API_KEY: "canary", OPENROUTER_API_KEY: "", GROQ_BASE_URL: "https://proxy.example/v1" },
      vendors,
    );
    assert.deepEqual(found, {
      openai: { vendor: "openai", apiKeyVariable: "OPENAI_API_KEY" },
      groq: { vendor: "groq", baseUrl: "https://proxy.example/v1" },
    });
  });

  test("of local servers may name just a host, or the address they listen on", () => {
    const baseUrlOf = (text: string) => providersFromEnvironment({ OLLAMA_HOST: text }, vendors)["ollama"]?.baseUrl;
    assert.equal(baseUrlOf("0.0.0.0"), "http://127.0.0.1:11434/v1");
    assert.equal(baseUrlOf("box:9000"), "http://box:9000/v1");
    assert.equal(baseUrlOf("https://box.example"), "https://box.example/v1");
    assert.throws(() => baseUrlOf("ftp://box"), /OLLAMA_HOST must be an address such as/);
  });
});

describe("configuration files", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "headrace-config-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const write = (name: string, text: string) => writeFile(join(directory, name), text, { mode: 0o600 });
  const load = (environment: Environment = {}) => loadConfig({ directory, environment });

  test.each([
    ["headrace.config.ts", "export default { server: { port: 81 as number } };"],
    ["headrace.config.mjs", "export default { server: { port: 81 } };"],
    ["headrace.config.json", '{ "server": { "port": 81 } }'],
    ["headrace.config.jsonc", '{ "server": { "port": 81, }, /* why not */ }'],
    ["headrace.config.yaml", "server:\n  port: 81\n"],
    ["headrace.config.yml", "server: { port: 81 }"],
    ["headrace.config.toml", "[server]\nport = 81\n"],
  ])("%s is found and read", async (name, text) => {
    await write(name, text);
    const { config, file } = await load();
    assert.equal(config.server.port, 81);
    assert.equal(file, join(directory, name));
  });

  test("may be empty, or not there", async () => {
    assert.equal((await load()).config.server.port, 8484);
    await write("headrace.config.yaml", "\n");
    assert.equal((await load()).config.server.port, 8484);
  });

  test("a flag wins over a variable, that over the file, that over the default", async () => {
    await write("headrace.config.json", '{ "server": { "port": 81, "host": "localhost", "heartbeatMs": 5000 } }');
    const { config } = await loadConfig({
      directory,
      environment: { HEADRACE_PORT: "82", HEADRACE_HOST: "127.0.0.2" },
      flags: { server: { port: 83 } },
    });
    assert.equal(config.server.port, 83);
    assert.equal(config.server.host, "127.0.0.2");
    assert.equal(config.server.heartbeatMs, 5000);
    assert.equal(config.server.drainMs, 20_000);
  });

  test("a mistake names the file, or the variable or flag that it came from", async () => {
    await write("headrace.config.json", '{ "server": { "prot": 1 } }');
    await assert.rejects(load(), {
      message: "headrace.config.json: server.prot is not a known key; did you mean server.port?",
    });
    await write("headrace.config.json", "{}");
    await assert.rejects(
      load({ HEADRACE_PORT: "99999" }),
      /server\.port \(from HEADRACE_PORT\) must be at most 65535, but is 99999/,
    );
    const flags = { server: { port: 99_999 } };
    const flagNames = new Map([["server.port", "--port"]]);
    await assert.rejects(loadConfig({ directory, environment: {}, flags, flagNames }), /server\.port \(from --port\)/);
  });

  test.each([
    ["headrace.config.json", '{ "providers": { "x": { "apiKey": "canary", } '],
    ["headrace.config.yaml", "providers:\n  x: [canary\n"],
    ["headrace.config.toml", '[providers.x]\napiKey = "canary'],
    ["headrace.config.mjs", "export default { canary"],
  ])("a broken %s is named, without quoting what may be a key", async (name, text) => {
    await write(name, text);
    await assert.rejects(load(), (error: Error) => {
      assert.match(error.message, new RegExp(`${name} cannot be read: \\w`));
      assert.doesNotMatch(error.message, /canary/);
      return true;
    });
  });

  test("two of them are refused, since one would be ignored", async () => {
    await write("headrace.config.json", "{}");
    await write("headrace.config.ts", "export default {};");
    await assert.rejects(load(), /found headrace\.config\.ts and headrace\.config\.json; keep one/);
  });

  test("one that was named must exist", async () => {
    await assert.rejects(load({ HEADRACE_CONFIG: "nowhere.yaml" }), /there is no configuration file .*nowhere\.yaml/);
  });

  test("keys of the environment come on top of those in the file", async () => {
    await write("headrace.config.json", JSON.stringify({ access: { keys: [{ name: "old", key: "o" }] } }));
    const { config } = await load({ HEADRACE_API_KEYS: "new=n" });
    assert.deepEqual(
      config.access.keys.map(({ name }) => name),
      ["old", "new"],
    );
  });

  test("a key in a file that others can read gets a warning", async () => {
    await write("headrace.config.json", JSON.stringify({ access: { keys: [{ name: "a", key: "canary" }] } }));
    assert.deepEqual((await load()).warnings, []);
    await chmod(join(directory, "headrace.config.json"), 0o644);
    const { warnings } = await load();
    assert.match(warnings.join(), /headrace\.config\.json holds a key and can be read by other users; run chmod 600/);
    assert.doesNotMatch(warnings.join(), /canary/);
  });
});
