import { describe, expect, test } from "vitest";

import { parseYAML } from "confbox";

import { exampleScenario } from "../scripts/simulator-docs.ts";
import { faultNames } from "../src/providers/simulator/faults/catalog.ts";
import { parseFault } from "../src/providers/simulator/faults/fault.ts";
import { readScenario, type ScenarioInput } from "../src/providers/simulator/faults/scenario.ts";
import { parseWishes } from "../src/providers/simulator/faults/wishes.ts";
import { createSimulator } from "../src/providers/simulator/simulator.ts";
import { createVirtualClock } from "../src/testing.ts";
import { callOnce, openCalls, wordsIn } from "./support/faults.ts";
import { startGateway } from "./support/gateway.ts";

const noWait = { waitMs: 0 };

describe("a condition", () => {
  const statuses = async (model: string, count: number, stepMs = 1_000) => {
    const { clock, call } = openCalls();
    const found: unknown[] = [];
    for (let index = 0; index < count; index++) {
      found.push((await call(model, noWait)).response?.status);
      await clock.advance(stepMs);
    }
    return found;
  };

  test("on the number of the call", async () => {
    expect(await statuses("instant?fault=429:retry-after=2,calls=1", 3)).toEqual([429, 200, 200]);
    expect(await statuses("instant?fault=500:calls=2-3", 4)).toEqual([200, 500, 500, 200]);
    expect(await statuses("instant?fault=500:calls=3-", 4)).toEqual([200, 200, 500, 500]);
  });

  test("on the time since the first call", async () => {
    expect(await statuses("instant?fault=503:for=3s", 5)).toEqual([503, 503, 503, 200, 200]);
  });

  test("on chance, which the seed decides", async () => {
    const first = await statuses("instant?fault=503:chance=0.5", 60);
    expect(first.filter((status) => status === 503).length).toBeGreaterThan(15);
    expect(first.filter((status) => status === 200).length).toBeGreaterThan(15);
    expect(await statuses("instant?fault=503:chance=0.5", 60)).toEqual(first);
  });

  test("counts only calls that ask for exactly the same", async () => {
    const { call } = openCalls();
    const status = async (model: string) => (await call(model, noWait)).response?.status;
    expect(await status("instant?fault=500:calls=1")).toBe(500);
    expect(await status("instant?fault=501:calls=1")).toBe(501);
    expect(await status("instant?fault=500:calls=1")).toBe(200);
  });
});

describe("a scenario", () => {
  test("decides per call, model and time", async () => {
    const { clock, call } = openCalls({ scenario: parseYAML(exampleScenario) });
    const first = await call("gpt-4o", noWait);
    const second = await call("gpt-4o", noWait);
    const third = await call("gpt-4o", { waitMs: 2_000 });
    expect([first.response?.status, second.response?.status]).toEqual([503, 503]);
    expect([wordsIn(third.text), third.error?.message]).toEqual([40, "terminated"]);
    expect((await call("gpt-4o", { waitMs: 7_000 })).ended).toBe(true);
    expect((await call("claude-3-haiku", noWait)).error).toBeUndefined();
    await clock.advance(1_000);
    expect((await call("claude-3-haiku", noWait)).error?.cause.code).toBe("ECONNREFUSED");
    expect((await call("gpt-4o", noWait)).response?.status).toBe(200);
    await clock.advance(60_000);
    expect((await call("claude-3-haiku", noWait)).response?.status).toBe(200);
  });

  test("may be a list, and what a request asks for itself comes on top", async () => {
    const { call } = openCalls({ scenario: { rules: [{ words: 5, interval: "10ms", faults: "duplicate@3" }] } });
    expect(wordsIn((await call("instant")).text)).toBe(6);
    expect(wordsIn((await call("instant?words=8&fault=duplicate@2")).text)).toBe(10);
    expect(readScenario([{ faults: [503] }]).rules).toHaveLength(1);
  });

  test.each([
    ["text", "the scenario is a list of rules, or an object with `rules` and perhaps `seed`"],
    [{ rule: [] }, "the scenario is a list of rules"],
    [{ rules: [], sead: 1 }, 'the scenario has no "sead"; known are seed, rules'],
    [{ rules: [], seed: [] }, "seed is a text or a number"],
    [["cut"], "the scenario rule 1: is an object with some of model, calls"],
    [[{}, { fault: "cut" }], 'rule 2: there is no "fault"; known are model, calls, from, for, faults, words, interval'],
    [[{ faults: ["cutt@3"] }], 'rule 1: fault "cutt@3": there is no "cutt"; known are a status such as 503, refuse'],
    [[{ faults: [{}] }], "faults is a text or a number, but is {}"],
    [[{ calls: "some" }], '"some" names no calls; write 1, 1-3 or 4-'],
    [[{ from: "noon" }], '"noon" is no duration up to a day; write 250ms, 20s, 2m'],
    [[{ words: 0 }], 'words is from 1 to 10000, but is "0"'],
  ])("that is wrong is refused with a sentence that helps: %j", (scenario, message) => {
    const open = () => createSimulator({ clock: createVirtualClock(), scenario: scenario as ScenarioInput });
    expect(open).toThrow(
      expect.objectContaining({ code: "invalid-request", message: expect.stringContaining(message) }),
    );
  });
});

describe("a fault as it is written", () => {
  test("is read into its parts", () => {
    expect(parseFault("429:retry-after=2,calls=1-3,for=5s,chance=.5")).toEqual({
      name: "status",
      arguments: { status: 429, "retry-after": "2" },
      condition: { calls: [1, 3], forMs: 5_000, chance: 0.5 },
    });
    expect(parseFault(" stall@tool-call+3:1.5s,comments ")).toEqual({
      name: "stall",
      at: { unit: "block", block: "tool-call", count: 3 },
      arguments: { pause: 1_500, comments: true },
      condition: {},
    });
    expect(parseFault("cut@120b").at).toEqual({ unit: "bytes", count: 120 });
    expect(parseFault("cut@text").at).toEqual({ unit: "block", block: "text", count: 1 });
    expect(parseFault("giant@1:512kb").arguments).toEqual({ size: 524_288 });
  });

  test("comes in queries and headers, escaped or not", () => {
    const names = (text: string) => parseWishes(text).faults.map(({ name }) => name);
    expect(names("fault=cut%4040&fault=503:retry-after=2&words=3")).toEqual(["cut", "status"]);
    expect(names("cut@40; missing-usage & fault=bom")).toEqual(["cut", "missing-usage", "bom"]);
    expect(names("content-type:100%")).toEqual(["content-type"]);
    expect(parseWishes("words=60&interval=15&signed")).toEqual({ faults: [], words: 60, intervalMs: 15, signed: true });
  });

  test.each([
    ["cutt@3", /there is no "cutt"; known are a status such as 503, refuse, .*content-length/],
    ["toString", /there is no "toString"/],
    ["200", /a status is from 400 to 599/],
    ["html:302", /a status is from 400 to 599/],
    ["quota@3", /quota has no place in the answer; leave out @3/],
    ["error@10b", /error happens after tokens, not after bytes/],
    ["cut@last", /@last is no place; write @40 \(tokens\), @120b \(bytes\), @text\+3/],
    ["cut@-1", /@-1 is no place/],
    ["stall@3:sometime", /"sometime" is no duration/],
    ["bom:3", /bom has no argument "3"; known are calls, for, chance/],
    ["429:retry=2", /status has no argument "retry=2"; known are status, retry-after/],
    ["error:sad", /kind is one of overloaded, server/],
    ["split:many", /bytes must be a whole number, but is "many"/],
    ["giant:9999mb", /size is at most 67108864/],
    ["giant:big", /"big" is no size; write 2mb/],
    ["duplicate@1:999999999", /times is at most 1000/],
    ["stall@1:25h", /no duration up to a day/],
    [`cut@1&${"x".repeat(2_000)}`, /longer than 2000 characters/],
    ["503:chance=2", /chance is from 0 to 1/],
    ["503:calls=x", /"x" names no calls/],
  ])("%s is refused with a sentence that helps", async (fault, message) => {
    const { response, text } = await callOnce(`instant?fault=${fault}`);
    expect(response?.status).toBe(400);
    const { error } = JSON.parse(text) as { error: { message: string } };
    expect(error.message).toMatch(message);
  });

  test("that is unknown is explained through the gateway as well", async () => {
    const { url } = await startGateway();
    const post = (model: string) =>
      fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "Hello" }] }),
      });
    const refused = await post("sim/instant?fault=cutt@3");
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain("known are a status such as 503, refuse");
    expect(wordsIn(await (await post("sim/instant?words=12&fault=duplicate@3")).text())).toBe(13);
  });

  test("every known name is in the sentence that names them", () => {
    expect(() => parseFault("nothing-like-it")).toThrow(faultNames.join(", "));
  });
});
