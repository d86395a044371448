import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { faultNames } from "../src/providers/simulator/faults/catalog.ts";
import { createClient } from "../src/client/client.ts";
import { main, useCommandLine } from "./support/command-line.ts";

const question = "Why is the sky blue?";
const cli = useCommandLine();
const { start, run, firstOutput, serve } = cli;

describe("headrace stream", () => {
  test("prints the answer and nothing else", async () => {
    const { code, stdout, stderr } = await run(["stream", question, "-m", "sim/instant"]);
    assert.equal(code, 0);
    assert.ok(stdout.length > 20);
    assert.doesNotMatch(stdout, /[^ -~\n\u00a0-\uffff]/);
    assert.equal(stderr, "");
  });

  test("asks the simulator when nothing is configured", async () => {
    const { stdout } = await run(["stream", "Say one short sentence.", "--json"]);
    const final = JSON.parse(stdout) as { text: string; outcome: string; usage: { outputTokens: number } };
    assert.equal(final.outcome, "completed");
    assert.ok(final.text.length > 0 && final.usage.outputTokens > 0);
  });

  test("reads the prompt from a pipe", async () => {
    const args = ["-m", "sim/instant", "--json"];
    const [asked, piped, dash] = await Promise.all([
      run(["stream", question, ...args]),
      run(["stream", ...args], { stdin: `${question}\n` }),
      run(["stream", "-", ...args], { stdin: question }),
    ]);
    const textOf = ({ stdout }: { stdout: string }) => (JSON.parse(stdout) as { text: string }).text;
    assert.equal(textOf(piped), textOf(asked));
    assert.equal(textOf(dash), textOf(asked));
  });

  test("runs a model of the user's own from headrace.config.ts", async () => {
    await writeFile(
      join(cli.directory, "headrace.config.ts"),
      "export default { models: { async *poet({ prompt }: { prompt: string }) { yield 'Roses, '; yield prompt; } } };",
    );
    const { code, stdout } = await run(["stream", "violets", "-m", "poet"]);
    assert.equal(stdout, "Roses, violets");
    assert.equal(code, 0);
  });

  test("ends quietly when its reader has seen enough", async () => {
    const { PATH = "" } = process.env;
    const command = `"${process.execPath}" "${main}" stream "${question}" -m sim/gpt-4o-mini | head -c 5`;
    const child = spawn("sh", ["-c", command], { cwd: cli.directory, env: { PATH } });
    let output = "";
    child.stdout.on("data", (text: Buffer) => void (output += text.toString()));
    child.stderr.on("data", (text: Buffer) => void (output += text.toString()));
    await once(child, "close");
    assert.equal(output.length, 5);
  });

  test("stops the answer on Ctrl-C, keeps what was printed, and exits with 130", async () => {
    const command = start(["stream", question, "-m", "sim/gpt-4o"]);
    const first = await firstOutput(command);
    command.child.kill("SIGINT");
    const { code, stdout, stderr } = await command.ended;
    assert.equal(code, 130);
    assert.ok(stdout.startsWith(first) && stdout.length < 300, stdout);
    assert.equal(stderr, "");
  });
});

describe("a mistake on the command line", () => {
  test.each([
    [["stret", "hi"], 2, /there is no command "stret"; did you mean stream\?/],
    [["stream", "--modle", "x"], 2, /unknown option '--modle'/],
    [["stream"], 2, /standard input is empty; pipe a prompt in/],
    [["serve", "--port", "http"], 2, /--port must be a whole number from 0 to 65535, but is "http"/],
    [["serve", "--host", "0.0.0.0", "--port", "0"], 2, /needs keys: set HEADRACE_API_KEYS or access\.keys/],
    [["serve", "--log-store", "redis"], 2, /log\.store \(from --log-store\) must be "sqlite" or "memory"/],
    [["serve", "--config", "nowhere.yaml"], 2, /there is no configuration file .*nowhere\.yaml/],
    [["stream", "hi", "-m", "nobody/knows"], 1, /"nobody\/knows".*sim\/gpt-4o/],
    [["tail", "st_0", "--url", "http://127.0.0.1:1"], 1, /cannot reach http:\/\/127\.0\.0\.1:1;/],
  ])("%j is told in one line, with the exit code %i", async (args, expectedCode, message) => {
    const { code, stdout, stderr } = await run(args);
    assert.match(stderr, message);
    assert.equal(code, expectedCode, stderr);
    assert.equal(stdout, "");
    assert.doesNotMatch(stderr, /\n {4}at /);
  });

  test("in the configuration names the file and the key", async () => {
    await writeFile(join(cli.directory, "headrace.config.json"), '{ "server": { "prot": 1 } }');
    const { code, stderr } = await run(["serve"]);
    assert.equal(stderr, "error headrace.config.json: server.prot is not a known key; did you mean server.port?\n");
    assert.equal(code, 2);
  });

  test("in .env counts as one in a variable", async () => {
    await writeFile(join(cli.directory, ".env"), "HEADRACE_PORT=eighty\n");
    const { stderr } = await run(["serve"]);
    assert.match(stderr, /HEADRACE_PORT must be a number, but is the text "eighty"/);
  });
});

describe("headrace serve", () => {
  test("prints where it is, and a curl line that works", async () => {
    const { child, ended, result } = start(["--port", "0"]);
    while (!result.stdout.endsWith("\n\n")) await once(child.stdout, "data");
    const [, curl] = /^ +(curl .*)$/m.exec(result.stdout) ?? [];
    assert.ok(curl !== undefined, result.stdout);
    const [, url = "", body = ""] = /curl -N (\S+) .* -d '(.*)'$/.exec(curl) ?? [];
    const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
    assert.match(await response.text(), /data: \[DONE\]/);
    child.kill("SIGTERM");
    assert.equal((await ended).code, 0);
    assert.ok(existsSync(join(cli.directory, ".headrace", "headrace.db")));
  });

  test("says which port is taken, and how to take another", async () => {
    const first = await serve(["--log-store", "memory"]);
    const { code, stderr } = await run(["serve", "--port", String(first.port)]);
    assert.match(stderr, new RegExp(`port ${first.port} on 127\\.0\\.0\\.1 is taken.*--port`));
    assert.equal(code, 2);
  });

  test("asks for the key that HEADRACE_API_KEYS sets", async () => {
    const env = { HEADRACE_API_KEYS: "alice=her-key" };
    const { url } = await serve(["serve", "--log-store", "memory"], { env });
    assert.equal((await fetch(`${url}/v1/models`)).status, 401);
    const refused = await run(["models", "--url", url]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /key/);
    const { stdout, code } = await run(["models", "--json"], {
      env: { HEADRACE_URL: url, HEADRACE_API_KEY: "her-key" },
    });
    assert.equal(code, 0);
    assert.ok((JSON.parse(stdout) as { id: string }[]).some(({ id }) => id === "sim/gpt-4o"));
  });

  test("lets an open answer finish when it is told to stop", async () => {
    const server = await serve(["serve", "--log-store", "memory"]);
    const answer = createClient({ baseUrl: server.url }).stream({ model: "sim/gpt-4o-mini", prompt: question });
    await answer.id;
    server.child.kill("SIGTERM");
    assert.equal((await answer.final).outcome, "completed");
    assert.equal((await server.ended).code, 0);
  });

  test("ends at once on a second Ctrl-C", async () => {
    const server = await serve(["serve", "--log-store", "memory"]);
    const answer = createClient({ baseUrl: server.url, retry: { maxTries: 1 } }).stream({ prompt: question });
    await answer.id;
    server.child.kill("SIGINT");
    await once(server.child.stderr, "data");
    server.child.kill("SIGINT");
    assert.equal((await server.ended).code, 130);
    await assert.rejects(answer.final);
  });
});

describe("with a gateway that runs", () => {
  let gateway: Awaited<ReturnType<typeof serve>>;
  let streamId: string;
  let whole: string;

  beforeAll(async () => {
    gateway = await serve(["serve", "--log-store", "memory"], { shared: true });
    const final = await createClient({ baseUrl: gateway.url }).stream({ model: "sim/instant", prompt: question }).final;
    streamId = final.streamId;
    whole = final.text;
  });
  afterAll(() => gateway?.child.kill("SIGKILL"));

  test("tail follows a stream as text and as events, also from a cursor", async () => {
    const at = ["--url", gateway.url];
    const [text, events, rest] = await Promise.all([
      run(["tail", streamId, ...at]),
      run(["tail", streamId, "--as", "events", ...at]),
      run(["tail", streamId, "--after", "1-8", ...at]),
    ]);
    assert.equal(text.stdout, whole);
    const lines = events.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string });
    assert.equal(lines[0]?.type, "stream-start");
    assert.equal(lines.at(-1)?.type, "stream-end");
    assert.ok(rest.stdout.length > 0 && rest.stdout.length < whole.length && whole.endsWith(rest.stdout));
  });

  test("tail says when there is no such stream", async () => {
    const { code, stderr } = await run(["tail", "st_0000000000000000000000", "--url", gateway.url]);
    assert.match(stderr, /there is no stream st_0/);
    assert.equal(code, 1);
  });

  test("chat answers each line of a pipe, and remembers the conversation", async () => {
    const stdin = `${question}\nAnd at night?\n`;
    const { code, stdout, stderr } = await run(["chat", "-m", "sim/instant", "--json", "--url", gateway.url], {
      stdin,
    });
    const answers = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { text: string; usage: { inputTokens: number } });
    assert.equal(answers.length, 2, stderr);
    assert.equal(answers[0]?.text, whole);
    // The second question brings the first one and its answer along.
    assert.ok((answers[1]?.usage.inputTokens ?? 0) > (answers[0]?.usage.inputTokens ?? 0) + 10);
    assert.equal(code, 0);
  });
});

describe("headrace simulate", () => {
  test("serves a provider that any OpenAI client can talk to", async () => {
    const { baseUrl, child, ended } = await serve(["simulate"]);
    const response = await fetch(`${baseUrl}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "instant", stream: true, messages: [{ role: "user", content: "Hello" }] }),
    });
    assert.equal(response.status, 200);
    assert.match(await response.text(), /"delta".*data: \[DONE\]/s);
    child.kill("SIGTERM");
    assert.equal((await ended).code, 0);
  });

  test("names every fault in its help", async () => {
    const { stdout, code } = await run(["simulate", "--help"]);
    const listed = stdout.slice(stdout.indexOf("Faults")).split(/[\s,:@]+/);
    assert.deepEqual(
      faultNames.filter((name) => name !== "status" && !listed.includes(name)),
      [],
    );
    assert.match(stdout, /429:retry-after=2/);
    assert.equal(code, 0);
  });

  test("does what a scenario says, and explains one that is wrong", async () => {
    await writeFile(join(cli.directory, "scenario.yaml"), "- calls: 1\n  faults: 503\n");
    await writeFile(join(cli.directory, "wrong.yaml"), "- faults: cutt@3\n");
    const { baseUrl } = await serve(["simulate", "--scenario", "scenario.yaml"]);
    const ask = () => {
      const body = JSON.stringify({ model: "instant", messages: [{ role: "user", content: "Hello" }] });
      return fetch(`${baseUrl}/chat/completions`, { method: "POST", body });
    };
    assert.equal((await ask()).status, 503);
    assert.equal((await ask()).status, 200);
    const wrong = await run(["simulate", "--scenario", "wrong.yaml"]);
    assert.match(wrong.stderr, /^error the scenario rule 1: fault "cutt@3": there is no "cutt"; known are/);
    assert.equal(wrong.code, 2);
    const missing = await run(["simulate", "--scenario", "none.yaml"]);
    assert.match(missing.stderr, /none\.yaml cannot be read: ENOENT/);
    assert.equal(missing.code, 2);
  });
});
