import { describe, expect, test } from "vitest";

import { faultKindOf, faultNames } from "../src/providers/simulator/faults/catalog.ts";
import { parseFault } from "../src/providers/simulator/faults/fault.ts";
import { callOnce, deltasIn, openCalls, sixtyWords, spokenIn, wordsIn } from "./support/faults.ts";

const whole = await callOnce(sixtyWords());
const text = spokenIn(whole.text);
const words = text.split(" ");

describe("an answer of sixty words", () => {
  test("has sixty words, fifteen milliseconds each, and says how many", () => {
    expect(words).toHaveLength(60);
    expect(deltasIn(whole.text)).toHaveLength(60);
    expect(whole.text).toContain('"completion_tokens":60');
    expect(whole.text.endsWith("data: [DONE]\n\n")).toBe(true);
    expect(whole.reads.at(-1)?.at).toBe(60 * 15);
    expect(whole.reads[0]?.at).toBe(15);
    expect(whole.response?.headers.get("content-type")).toBe("text/event-stream");
    expect(whole.ended).toBe(true);
  });

  test("is the same from every model, so that another one can go on with it", async () => {
    expect(spokenIn((await callOnce("gpt-4o?words=60")).text)).toBe(text);
    expect(spokenIn((await callOnce("claude-3-haiku?words=60")).text)).toBe(text);
    expect(spokenIn((await callOnce("gpt-4o?words=60", { body: { seed: 7 } })).text)).not.toBe(text);
  });

  test("tells the model's name without what was asked of it", () => {
    expect(whole.text).toContain('"model":"instant"');
    expect(whole.text).not.toContain("words=");
  });

  test.each([1, 2, 7, 60, 500, 3000])("may have %i words instead", async (count) => {
    expect(wordsIn((await callOnce(`instant?words=${count}`)).text)).toBe(count);
  });
});

describe("every fault", () => {
  test.each(faultNames)("%s: its example changes what comes", async (name) => {
    const { example } = faultKindOf(name);
    expect(parseFault(example).name).toBe(name);
    const messages = [
      { role: "user", content: "Why is the sky blue?" },
      { role: "assistant", content: words.slice(0, 30).join(" ") },
    ];
    // What concerns begun answers needs one.
    const body = ["restart", "repeat", "prefill-refused"].includes(name) ? { messages } : {};
    const usual = await callOnce(sixtyWords(), { body });
    const outcome = await callOnce(sixtyWords(example), { body });
    expect(describeOutcome(outcome)).not.toEqual(describeOutcome(usual));
  });

  test.each(faultNames)("%s: the same seed gives the same bytes at the same times", async (name) => {
    const { example } = faultKindOf(name);
    const [first, second] = [await callOnce(sixtyWords(example)), await callOnce(sixtyWords(example))];
    expect(first.text).toBe(second.text);
    // When compressed bytes come, and in which pieces, is up to the threads that compress.
    const timed = first.response?.headers.has("content-encoding") ? [] : [first, second];
    expect(timed.slice(0, 1).map(describeOutcome)).toEqual(timed.slice(1).map(describeOutcome));
  });

  test.each(faultNames)(
    "%s: an answer in one piece does not hang the simulator, and is abandoned at once",
    async (name) => {
      const { clock, call } = openCalls();
      await call(sixtyWords(faultKindOf(name).example), { body: { stream: false } });
      expect(clock.pending).toBe(0);
    },
  );

  test("several happen together", async () => {
    const outcome = await callOnce(sixtyWords("duplicate@3", "cut@10", "line-ends:crlf"));
    expect(wordsIn(outcome.text)).toBe(11);
    expect(outcome.text).toContain("\r\n\r\n");
    expect(outcome.error?.message).toBe("terminated");
  });

  test("can be asked for in a header", async () => {
    const outcome = await callOnce("instant", { headers: { "x-simulator-fault": "cut@10 & words=60" } });
    expect(wordsIn(outcome.text)).toBe(10);
    expect(outcome.error).toBeDefined();
  });
});

function describeOutcome({ response, headersAt, reads, error, ended }: Awaited<ReturnType<typeof callOnce>>) {
  return {
    status: response?.status,
    headers: response && [...response.headers],
    headersAt,
    reads: reads.map(({ at, bytes }) => [at, Buffer.from(bytes).toString("base64").slice(0, 5_000)]),
    error: error && [error.message, error.cause?.code],
    ended,
  };
}

describe("refused", () => {
  const refused = async (fault: string) => {
    const { response, text: body } = await callOnce(sixtyWords(fault));
    return {
      status: response?.status,
      headers: response?.headers,
      ...(JSON.parse(body) as { error: Record<string, unknown> }),
    };
  };

  test.each([400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 429, 500, 502, 503, 504, 524, 529, 599])(
    "%i comes with an error in the protocol's shape",
    async (status) => {
      const answer = await refused(String(status));
      expect(answer.status).toBe(status);
      expect(answer.error).toMatchObject({ message: expect.stringContaining("simulated"), type: expect.any(String) });
      expect(answer.headers?.get("x-should-retry")).toBeNull();
    },
  );

  test.each([
    ["429:retry-after=2", "retry-after", "2"],
    ["429:retry-after=0.5", "retry-after", "0.5"],
    ["429:retry-after=-5", "retry-after", "-5"],
    ["429:retry-after=999999999", "retry-after", "999999999"],
    ["429:retry-after=soon", "retry-after", "soon"],
    ["429:retry-after-date=90", "retry-after", "Thu, 01 Jan 2026 00:01:30 GMT"],
    ["503:retry-after-ms=1500", "retry-after-ms", "1500"],
    ["429:should-retry=false", "x-should-retry", "false"],
    ["quota:retry-after=1", "retry-after", "1"],
    ["429:header=x-ratelimit-reset-requests:2s", "x-ratelimit-reset-requests", "2s"],
  ])("%s says when to come back", async (fault, header, value) => {
    expect((await refused(fault)).headers?.get(header)).toBe(value);
  });

  test("Google's RetryInfo is in the body", async () => {
    const { error } = await refused("429:retry-info=12s");
    expect(error["details"]).toEqual([{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "12s" }]);
  });

  test("a quota that is used up is no limit of the rate", async () => {
    expect(await refused("quota")).toMatchObject({ status: 429, error: { code: "insufficient_quota" } });
    expect(await refused("429")).toMatchObject({ status: 429, error: { code: "rate_limit_exceeded" } });
  });

  test("a context too long and a content policy have their codes", async () => {
    expect(await refused("context-too-long")).toMatchObject({
      status: 400,
      error: { code: "context_length_exceeded" },
    });
    expect(await refused("content-policy")).toMatchObject({ status: 400, error: { code: "content_policy_violation" } });
  });

  test("a prefill is, a question is not", async () => {
    const prefill = [
      { role: "user", content: "Why?" },
      { role: "assistant", content: "Because" },
    ];
    expect((await callOnce(sixtyWords("prefill-refused"), { body: { messages: prefill } })).response?.status).toBe(400);
    expect(wordsIn((await callOnce(sixtyWords("prefill-refused"))).text)).toBe(60);
  });

  test("a page of HTML, a document that is no answer, nothing at all", async () => {
    const page = await callOnce(sixtyWords("html:502"));
    expect([page.response?.status, page.response?.headers.get("content-type")]).toEqual([502, "text/html"]);
    expect(page.text).toMatch(/^<!doctype html>/);
    expect((await callOnce(sixtyWords("html"))).response?.status).toBe(200);
    expect((await callOnce(sixtyWords("document"))).response?.headers.get("content-type")).toBe("application/json");
    const empty = await callOnce(sixtyWords("empty"));
    expect([empty.response?.status, empty.text, empty.ended]).toEqual([200, "", true]);
  });

  test("flapping: down for as long as it says, and again when told so", async () => {
    const { clock, call } = openCalls();
    const statuses: unknown[] = [];
    for (let second = 0; second < 100; second += 10) {
      statuses.push((await call("instant?words=3&fault=flap:30s,up=40s", { waitMs: 0 })).response?.status);
      await clock.advance(10_000);
    }
    expect(statuses).toEqual([503, 503, 503, 200, 200, 200, 200, 503, 503, 503]);
  });
});

describe("late", () => {
  test("headers", async () => {
    const outcome = await callOnce(sixtyWords("slow-headers:20s"));
    expect(outcome.headersAt).toBe(20_000);
    expect(spokenIn(outcome.text)).toBe(text);
  });

  test("the first token, with headers at once", async () => {
    const outcome = await callOnce(sixtyWords("slow-first-token:20s"));
    expect([outcome.headersAt, outcome.reads[0]?.at]).toEqual([0, 20_015]);
    expect(spokenIn(outcome.text)).toBe(text);
  });

  test("everything but keep-alives", async () => {
    const outcome = await callOnce(sixtyWords("comments"), { waitMs: 10_000 });
    expect(outcome.text).toBe(": keep-alive\n\n".repeat(10));
    expect(outcome.ended).toBe(false);
  });

  test("everything: a black hole has not even headers after an hour", async () => {
    expect(await callOnce(sixtyWords("black-hole"))).toEqual({ reads: [], text: "", ended: false });
  });

  test("the rest after a stall, if it ever comes", async () => {
    const forEver = await callOnce(sixtyWords("stall@20"));
    expect([wordsIn(forEver.text), forEver.ended, forEver.reads.at(-1)?.at]).toEqual([20, false, 300]);
    const aWhile = await callOnce(sixtyWords("stall@20:5s"));
    expect([spokenIn(aWhile.text), aWhile.reads.at(-1)?.at]).toEqual([text, 5_900]);
    const withComments = await callOnce(sixtyWords("stall@20:5s,comments"));
    expect(spokenIn(withComments.text)).toBe(text);
    expect(withComments.text.split(": keep-alive\n").length - 1).toBe(5);
    const commentsOnly = await callOnce(sixtyWords("stall@20:comments"), { waitMs: 60_300 });
    expect([wordsIn(commentsOnly.text), commentsOnly.text.split(": keep-alive\n").length - 1]).toEqual([20, 60]);
    const inBytes = await callOnce(sixtyWords("stall@100b"));
    expect([inBytes.text.length, inBytes.ended]).toEqual([100, false]);
  });

  test("every byte, one at a time", async () => {
    const outcome = await callOnce("instant?words=2&fault=drip:50ms");
    expect(outcome.reads.every(({ bytes }) => bytes.length === 1)).toBe(true);
    expect(outcome.reads.map(({ at }) => at)).toEqual(outcome.reads.map((_, index) => (index + 1) * 50));
    expect(wordsIn(outcome.text)).toBe(2);
  });
});

describe("broken off", () => {
  test.each([
    ["refuse", "ECONNREFUSED"],
    ["refuse:ENOTFOUND", "ENOTFOUND"],
    ["cut", "UND_ERR_SOCKET"],
    ["reset", "ECONNRESET"],
  ])("before the headers: %s", async (fault, code) => {
    const { response, error } = await callOnce(sixtyWords(fault));
    expect(response).toBeUndefined();
    expect([error?.message, error?.cause?.code]).toEqual(["fetch failed", code]);
  });

  test.each([
    ["cut", "UND_ERR_SOCKET"],
    ["reset", "ECONNRESET"],
  ])("%s after any number of words, and after any number of bytes", async (fault, code) => {
    for (const count of [0, 1, 40, 59, 60]) {
      const { text: said, error, ended } = await callOnce(sixtyWords(`${fault}@${count}`));
      expect([wordsIn(said), ended, error?.message, error?.cause?.code]).toEqual([count, false, "terminated", code]);
    }
    for (const count of [1, 100, 1001]) {
      const { text: said, error } = await callOnce(sixtyWords(`${fault}@${count}b`));
      expect([said, error?.cause?.code]).toEqual([whole.text.slice(0, said.length), code]);
      expect(Buffer.byteLength(said)).toBe(count);
    }
    expect((await callOnce(sixtyWords(`${fault}@61`))).ended).toBe(true);
  });

  test("with a clean end, which is no end of the answer", async () => {
    const { text: said, ended } = await callOnce(sixtyWords("eof@40"));
    expect([wordsIn(said), ended, said.includes("[DONE]"), said.includes('"finish_reason":"')]).toEqual([
      40,
      true,
      false,
      false,
    ]);
  });

  test("with an error in the stream, also as its first event", async () => {
    const first = await callOnce(sixtyWords("error"));
    expect(first.response?.status).toBe(200);
    expect(first.text).toMatch(/^data: \{"error":\{"message":"simulated: overloaded".*\n\n$/);
    const later = await callOnce(sixtyWords("error@20:rate-limit"));
    expect(wordsIn(later.text)).toBe(20);
    expect(later.text).toMatch(/rate_limit_exceeded.*\n\n$/);
    expect(later.text).not.toContain("[DONE]");
  });

  test("inside a tool call, and inside reasoning", async () => {
    const tool = {
      type: "function",
      function: { name: "look_up", parameters: { type: "object", properties: { query: { type: "string" } } } },
    };
    const call = await callOnce("instant?fault=cut@tool-call+2", { body: { tools: [tool] } });
    expect(call.text.match(/"arguments":"[^"]/g)).toHaveLength(2);
    expect(call.text).not.toContain('finish_reason":"tool_calls');
    expect(call.error).toBeDefined();
    const thought = await callOnce("o4-mini?interval=1&fault=cut@reasoning+5");
    expect(thought.text.match(/"reasoning_content"/g)).toHaveLength(5);
    expect(deltasIn(thought.text)).toEqual([]);
    const behind = await callOnce("o4-mini?interval=1&fault=cut@text+2");
    expect(deltasIn(behind.text)).toHaveLength(2);
  });
});
