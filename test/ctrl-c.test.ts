import { describe, expect, test } from "vitest";

import type { TracePage } from "../src/records/trace.ts";
import type { RunningCommand } from "./support/command-line.ts";
import { useCommandLine } from "./support/command-line.ts";
import { eventually, startGateway } from "./support/gateway.ts";

const { start, firstOutput } = useCommandLine();
const talker = "sim/gpt-4o?words=2000&interval=20";
const silent = "sim/gpt-4o?fault=slow-first-token:60s";

const streamsAt = async (url: string, query = "") =>
  ((await (await fetch(`${url}/admin/streams?${query}`)).json()) as TracePage).data;

const isWriting = (url: string) => eventually(async () => (await streamsAt(url, "state=open")).length > 0, "a stream");

async function interrupt({ child, ended }: RunningCommand) {
  child.kill("SIGINT");
  const { code, stdout, stderr } = await ended;
  expect(stderr).not.toMatch(/error|^ {4}at /m);
  return { code, stdout };
}

describe("Ctrl-C ends a command with 130", () => {
  test.each([
    ["stream", talker],
    ["stream", silent],
    ["chat", talker],
    ["chat", silent],
  ])("headrace %s %s stops the answer of the gateway, too", async (command, model) => {
    const { url } = await startGateway();
    const words = command === "stream" ? [command, "Why?"] : [command];
    const asking = start([...words, "-m", model, "--url", url], {
      stdin: command === "chat" ? "Why?\nWhy not?\n" : "",
    });
    await isWriting(url);
    if (model === talker) await firstOutput(asking);
    expect((await interrupt(asking)).code).toBe(130);
    await eventually(async () => (await streamsAt(url, "state=open")).length === 0, "the end of the stream");
    expect((await streamsAt(url)).map(({ outcome }) => outcome)).toEqual(["cancelled"]);
  });

  test("headrace chat in a pipe asks nothing more, in a process that answers itself", async () => {
    const asking = start(["chat", "-m", talker], { stdin: "one\ntwo\nthree\n" });
    await firstOutput(asking);
    expect((await interrupt(asking)).code).toBe(130);
  });

  test("headrace tail leaves the stream alone", async () => {
    const { url, headrace } = await startGateway();
    const answer = headrace.stream({ model: talker, prompt: "Why?" });
    const tailing = start(["tail", await answer.id, "--url", url]);
    await firstOutput(tailing);
    const { code, stdout } = await interrupt(tailing);
    expect(code).toBe(130);
    expect(stdout.length).toBeGreaterThan(0);
    expect(await streamsAt(url, "state=open")).toHaveLength(1);
    await answer.stop();
  });

  test.each(["streaming", "blocking"])("headrace bench, %s, tells what it measured until then", async (mode) => {
    const { url } = await startGateway();
    const models = ["--models", `sim/instant,${talker}`];
    const measuring = start(["bench", "-n", "2", ...models, "--compare", mode, "--url", url, "--json"]);
    await eventually(
      async () => (await streamsAt(url, "state=open")).some(({ model }) => model === talker),
      "the second",
    );
    const { code, stdout } = await interrupt(measuring);
    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ interrupted: true, models: [{ model: "sim/instant" }] });
    await eventually(async () => (await streamsAt(url, "state=open")).length === 0, "the end of the streams");
  });
});
