import { describe, expect, test } from "vitest";

import type { Trace, TracePage } from "../src/records/trace.ts";
import { writeTable } from "../src/cli/table.ts";
import { useCommandLine } from "./support/command-line.ts";
import { eventually, scriptedModel, startGateway } from "./support/gateway.ts";

const { run } = useCommandLine();

async function askTwice(): Promise<{ url: string; ids: string[] }> {
  const { url } = await startGateway({ routes: { best: { targets: ["sim/instant?fault=500", "sim/instant"] } } });
  const ids: string[] = [];
  for (const model of ["sim/instant", "best"]) {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "Hello" }] }),
    });
    await response.text();
    ids.push(response.headers.get("headrace-stream-id") ?? "");
  }
  return { url, ids };
}

describe("headrace streams", () => {
  test("lists what passed through a gateway, and shows what one stream took", async () => {
    const { url, ids } = await askTwice();
    const [list, filtered, json] = await Promise.all([
      run(["streams", "--url", url]),
      run(["streams", "list", "--url", url, "--route", "best", "--json"]),
      run(["streams", "show", ids[1] ?? "", "--url", url, "--json"]),
    ]);
    expect(list).toMatchObject({ code: 0, stderr: "" });
    expect(list.stdout.split("\n")[0]).toMatch(/^ID +STARTED +MODEL +STATE +FIRST TOKEN +TOKENS +COST$/);
    for (const id of ids) expect(list.stdout).toContain(id);
    expect((JSON.parse(filtered.stdout) as TracePage).data.map(({ id }) => id)).toEqual([ids[1]]);
    expect((JSON.parse(json.stdout) as Trace).attempts.length).toBeGreaterThan(1);
    const { stdout } = await run(["streams", "show", ids[1] ?? "", "--url", url]);
    expect(stdout).toMatch(/asked for +best \(a route\), in openai-chat/);
    expect(stdout).toMatch(/0 {2}sim\/instant\?fault=500 {2}first, failed: .*provider-error \(HTTP 500\)/);
    expect(stdout).toMatch(/sim\/instant {2}(failover|retry), completed: /);
    expect(stdout).toMatch(/cost +\$0/);
  });

  test("fits into a narrow terminal, with whole ids", () => {
    const head = ["ID", "STARTED", "MODEL", "STATE", "TOKENS"];
    const row = [
      "st_0123456789abcdefghijkl",
      "2026-01-01 12:00:00",
      "sim/gpt-4o?fault=cut@20:calls=1",
      "completed",
      "12 in, 145 out",
    ];
    const lines = (columns?: number) =>
      writeTable(head, [row], { columns, shrinks: "MODEL", dispensable: ["STARTED", "TOKENS"] });
    expect(lines()[1]).toBe(row.join("  "));
    for (const columns of [110, 95, 80, 60, 50]) {
      for (const line of lines(columns)) expect(line.length, line).toBeLessThanOrEqual(columns);
      expect(lines(columns)[1]).toContain(row[0]);
      expect(lines(columns)[1]).toContain("completed");
    }
    expect(lines(95)[0]).toContain("STARTED");
    expect(lines(60)[0]).not.toContain("STARTED");
    expect(lines(60)[1]).toContain("sim/gpt-4o?");
  });

  test("breaks the connection to a provider, and says what was broken", async () => {
    const script = scriptedModel(["one ", "two "]);
    const letGo = script.hold(1);
    const { url, headrace } = await startGateway({ models: { counter: script.model } });
    const answer = headrace.stream({ model: "counter", prompt: "Count" });
    for await (const _text of answer.text) break;
    const id = await answer.id;
    const { code, stdout } = await run(["streams", "break", id, "--url", url]);
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("models/counter") });
    await eventually(() => script.started > 1);
    letGo();
    expect((await answer.final).text).toBe("one two ");
    const again = await run(["streams", "break", id, "--url", url]);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain("is over");
  });

  test("says what is wrong with a stream that is not there, or a gateway", async () => {
    const { url } = await startGateway();
    expect(await run(["streams", "show", "st_none", "--url", url])).toMatchObject({ code: 2, stdout: "" });
    const nowhere = await run(["streams", "--url", "http://127.0.0.1:9"]);
    expect(nowhere.code).toBe(1);
    expect(nowhere.stderr).toContain("there is no gateway at http://127.0.0.1:9");
  });
});

test("headrace models shows context and prices where they are known", async () => {
  const { url } = await startGateway({
    providers: { mine: { vendor: "openai", apiKey: "sk-none", models: ["gpt-4o", "nobody-knows"] } },
    prices: { "mine/nobody-knows": { inputPerMillion: 11, outputPerMillion: 22 } },
    routes: { best: { targets: ["mine/gpt-4o"] } },
  });
  const { stdout } = await run(["models", "--url", url]);
  expect(stdout).toMatch(/mine\/gpt-4o +128,000 +2\.5, 10 /);
  expect(stdout).toMatch(/mine\/nobody-knows +11, 22 /);
  expect(stdout).toMatch(/best +128,000 +2\.5, 10 /);
});
