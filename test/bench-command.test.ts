import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "vitest";
import { factsOf } from "../src/cli/bench/model-facts.ts";
import { percentiles, type Summary, summarize } from "../src/cli/bench/summary.ts";
import { parseConfig } from "../src/config.ts";
import { useCommandLine } from "./support/command-line.ts";
import { startGateway } from "./support/gateway.ts";

const { run, start } = useCommandLine();

interface Report {
  interrupted: boolean;
  models: Summary[];
}

const quick = "sim/gpt-4o-mini?words=20&interval=20";

describe("headrace bench", () => {
  test("asks only the simulator unless told otherwise, whatever keys are there", async () => {
    const env = { OPENAI_API_KEY: "sk-0123456789abcdef", OPENAI_BASE_URL: "http://127.0.0.1:1/v1" };
    const { stdout, code } = await run(["bench", "-n", "1", "--max-tokens", "5", "--json"], { env });
    const { models } = JSON.parse(stdout) as Report;
    assert.deepEqual([...new Set(models.map(({ model }) => model.split("/")[0]))], ["sim"]);
    assert.ok(models.length > 1);
    assert.equal(code, 0);
  });

  test("shows a line for each model, and bars", async () => {
    const { stdout, stderr, code } = await run(["bench", "--models", `${quick},sim/instant`, "-n", "3"]);
    assert.match(stdout, /^MODEL +FIRST TOKEN p50 +p95 +TOKENS\/S +TOTAL p50 +\$\/1M OUTPUT +CONTEXT +ERRORS\n/);
    assert.match(stdout, /\nsim\/gpt-4o-mini\S+ +\d+ ms +\d+ ms +[\d.]+ +[\d.]+ m?s +free +\? +0\n/);
    assert.match(stdout, /\nsim\/instant +\d+ ms/);
    assert.match(stdout, /Time to first token\n {2}sim\S+ +█+/);
    assert.match(stdout, /Tokens per second\n {2}sim\S+ +█+/);
    // No progress where nobody looks, and nothing to pay.
    assert.equal(stderr, "");
    assert.equal(code, 0);
  });

  test("measures what the model does", async () => {
    const { stdout } = await run(["bench", "--models", quick, "-n", "4", "-c", "2", "--json"]);
    const [measured] = (JSON.parse(stdout) as Report).models;
    assert.equal(measured?.answered, 4);
    // 20 words, 20 ms before each: the first one after 20 ms, all after 400; more on a busy machine.
    const { seenMs, totalMs, tokensPerSecond = 0 } = measured;
    assert.ok(seenMs !== undefined && totalMs !== undefined);
    assert.ok(seenMs.p50 >= 15 && seenMs.p50 < totalMs.p50, JSON.stringify(measured));
    assert.ok(totalMs.p50 >= 380 && seenMs.p50 <= seenMs.p95 && totalMs.p50 <= totalMs.p95, JSON.stringify(measured));
    assert.ok(tokensPerSecond > 0);
  });

  test("compares streaming with waiting for the whole answer", async () => {
    const args = ["--models", quick, "-n", "2", "--compare", "streaming,blocking"];
    const [{ stdout }, { stdout: text }] = await Promise.all([
      run(["bench", ...args, "--json"]),
      run(["bench", ...args]),
    ]);
    const [streaming, blocking] = (JSON.parse(stdout) as Report).models;
    assert.deepEqual([streaming?.mode, blocking?.mode], ["streaming", "blocking"]);
    assert.ok((streaming?.seenMs?.p50 ?? Infinity) < (blocking?.seenMs?.p50 ?? 0));
    assert.equal(blocking?.seenMs?.p50, blocking?.totalMs?.p50);
    assert.equal(blocking?.outputTokens, streaming?.outputTokens);
    assert.match(text, /something is seen [\d.]+ times sooner when it streams/);
  });

  test("runs against a gateway, with its key, and counts what fails", async () => {
    const { url } = await startGateway({ access: { keys: [{ name: "alice", key: "her-own-long-secret-key" }] } });
    const args = ["--models", "sim/instant,nobody/knows", "-n", "2", "--compare", "streaming,blocking"];
    const env = { HEADRACE_URL: url, HEADRACE_API_KEY: "her-own-long-secret-key" };
    const { stdout, stderr, code } = await run(["bench", ...args], { env });
    assert.match(stdout, /sim\/instant +streaming .* 0\n/);
    assert.match(stdout, /nobody\/knows +blocking +\? +\? +\? +\? +2\n/);
    assert.match(stdout, /nobody\/knows, 4 errors: model-not-found: there is no model/);
    assert.match(stderr, /Asks nobody\/knows 4 times each, at most 256 output tokens an answer; this may cost money/);
    assert.equal(code, 1);
    assert.doesNotMatch(stdout + stderr, /her-own-long-secret-key/);
  });

  test("prints on Ctrl-C what was measured until then", async () => {
    const { url } = await startGateway();
    const command = start([
      "bench",
      "--models",
      "sim/gpt-4o?words=5&interval=5,sim/gpt-4o?words=500&interval=100",
      "--url",
      url,
    ]);
    // The second model has begun once its first answer is being written.
    for (;;) {
      const { data } = (await (await fetch(`${url}/v1/streams`)).json()) as {
        data: { model: string; state: string }[];
      };
      if (data.some(({ model, state }) => model.includes("words=500") && state === "open")) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    command.child.kill("SIGINT");
    const [{ stdout, stderr, code }] = await Promise.all([command.ended, once(command.child, "exit")]);
    assert.equal(code, 130, stderr);
    assert.match(stdout, /words=5&interval=5 +\d+ ms/);
    assert.doesNotMatch(stdout, /words=500/);
    assert.match(stderr, /Interrupted/);
    const { data } = (await (await fetch(`${url}/v1/streams`)).json()) as { data: { state: string }[] };
    assert.ok(data.every(({ state }) => state === "closed"));
  });

  test.each([
    [["--requests", "0"], /whole numbers above 0/],
    [["--models", ","], /--models needs names/],
    [["--compare", "streaming,fast"], /not "fast"/],
  ])("%j is told in one line", async (args, message) => {
    const { code, stderr } = await run(["bench", ...args]);
    assert.match(stderr, message);
    assert.equal(code, 2);
  });
});

describe("what is made of answers", () => {
  test("percentiles are values that were measured", () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    assert.deepEqual(percentiles(hundred), { p50: 50, p95: 95 });
    assert.deepEqual(percentiles([7]), { p50: 7, p95: 7 });
    assert.equal(percentiles([]), undefined);
  });

  test("cost is that of the answers, and not known when one of them does not say", () => {
    const sample = { seenMs: 1, totalMs: 2, inputTokens: 1_000_000, outputTokens: 100_000 };
    const facts = { inputPerMillion: 2, outputPerMillion: 10 };
    const series = { model: "x", mode: "streaming" as const };
    const failed = { seenMs: 9, totalMs: 9, error: { code: "provider-error", message: "x" } };
    const summary = summarize({ ...series, samples: [sample, sample, failed] }, facts);
    assert.equal(summary.costUsd, 6);
    assert.equal(summary.answered, 2);
    assert.deepEqual(summary.seenMs, { p50: 1, p95: 1 });
    assert.equal(summarize({ ...series, samples: [sample, { seenMs: 1, totalMs: 2 }] }, facts).costUsd, undefined);
    assert.equal(summarize({ ...series, samples: [sample] }, {}).costUsd, undefined);
  });

  test("prices and context are those of the vendor behind a name, and never guessed", async () => {
    const config = parseConfig({ providers: { main: { vendor: "openai", apiKeyVariable: "X" } } });
    const known = await factsOf("main", "gpt-4o", config);
    assert.partialDeepStrictEqual(known, { inputPerMillion: 2.5, outputPerMillion: 10, contextTokens: 128_000 });
    assert.deepEqual(await factsOf("main", "no-such-model", config), {});
    assert.deepEqual(await factsOf("ollama", "gpt-4o", config), {});
    assert.equal((await factsOf("sim", "gpt-4o", config)).outputPerMillion, 0);
  });
});
