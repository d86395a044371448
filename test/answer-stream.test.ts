import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { createAnswerStream } from "../src/core/answer-stream.ts";
import { HeadraceError } from "../src/core/errors.ts";
import type { StreamEvent } from "../src/core/events.ts";
import { createVirtualClock } from "../src/testing.ts";

const start: StreamEvent = {
  type: "stream-start",
  streamId: "st_1",
  format: 1,
  protocol: "events",
  model: "m",
  createdAt: 0,
};
const text = (piece: string): StreamEvent => ({ type: "text-delta", text: piece });
const finish: StreamEvent[] = [
  { type: "finish", reason: "stop" },
  { type: "usage", usage: { inputTokens: 3, outputTokens: 20 } },
  { type: "stream-end", outcome: "completed" },
];
const whole = [start, text("The "), text("quick "), text("fox"), ...finish];

async function* from(events: Iterable<StreamEvent>): AsyncGenerator<StreamEvent> {
  for (const event of events) {
    await Promise.resolve();
    yield event;
  }
}

function answerOf(events: AsyncIterable<StreamEvent>, stop = async () => {}) {
  return createAnswerStream(events, { clock: createVirtualClock(), stop });
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

describe("an answer that arrives", () => {
  test("can be read piece by piece and whole, in either order", async () => {
    const loopFirst = answerOf(from(whole));
    assert.deepEqual(await collect(loopFirst.text), ["The ", "quick ", "fox"]);
    assert.equal((await loopFirst.final).text, "The quick fox");

    const finalFirst = answerOf(from(whole));
    assert.equal((await finalFirst.final).text, "The quick fox");
    assert.deepEqual(await collect(finalFirst.text), ["The ", "quick ", "fox"]);
  });

  test("can be collected while it is shown", async () => {
    const answer = answerOf(from(whole));
    const [pieces, events, final] = await Promise.all([collect(answer.text), collect(answer.events), answer.final]);
    assert.equal(pieces.join(""), final.text);
    assert.deepEqual(events, whole);
  });

  test("is complete without anybody having looped over it", async () => {
    const final = await answerOf(from(whole)).final;
    assert.equal(final.streamId, "st_1");
    assert.equal(final.outcome, "completed");
    assert.equal(final.finishReason, "stop");
    assert.equal(final.usage?.outputTokens, 20);
  });

  test("shows each piece before the next one exists", async () => {
    const gate = Promise.withResolvers<void>();
    const answer = answerOf(
      (async function* () {
        yield* [start, text("early")];
        await gate.promise;
        yield* finish;
      })(),
    );
    for await (const piece of answer.text) {
      assert.equal(piece, "early");
      gate.resolve();
    }
    assert.equal((await answer.final).text, "early");
  });

  test("keeps reasoning and tool calls apart from the text", async () => {
    const final = await answerOf(
      from([
        start,
        { type: "reasoning-delta", text: "hm" },
        text("Let me look."),
        { type: "tool-call-start", call: 0, callId: "c1", name: "look", kind: "function" },
        { type: "tool-call-delta", call: 0, argumentsText: '{"at":' },
        { type: "tool-call-delta", call: 0, argumentsText: "1}" },
        ...finish,
      ]),
    ).final;
    assert.equal(final.text, "Let me look.");
    assert.equal(final.reasoning, "hm");
    assert.deepEqual(final.toolCalls, [{ callId: "c1", name: "look", kind: "function", argumentsText: '{"at":1}' }]);
  });

  test("shows the text of the first of several choices only", async () => {
    const answer = answerOf(from([start, text("one"), { type: "text-delta", text: "two", choice: 1 }, ...finish]));
    assert.deepEqual(await collect(answer.text), ["one"]);
    assert.equal((await answer.final).text, "one");
  });

  test("tells time to first token and speed as its clock saw them", async () => {
    const clock = createVirtualClock();
    const events = (async function* (): AsyncGenerator<StreamEvent> {
      yield start;
      await clock.sleep(380);
      yield text("first");
      await clock.sleep(2_000);
      yield* finish;
    })();
    const answer = createAnswerStream(events, { clock, stop: async () => {} });
    await clock.runAll();
    const final = await answer.final;
    assert.equal(final.timeToFirstTokenMs, 380);
    assert.equal(final.tokensPerSecond, 10);
    assert.equal(final.durationMs, 2_380);
  });

  test("goes on when its loop is left early, until it is stopped", async () => {
    let stops = 0;
    const answer = answerOf(from(whole), async () => void stops++);
    for await (const piece of answer.text) {
      assert.equal(piece, "The ");
      break;
    }
    assert.equal((await answer.final).text, "The quick fox");
    assert.equal(stops, 0);
    await answer.stop();
    assert.equal(stops, 1);
  });
});

describe("an answer that does not become whole", () => {
  const cut: StreamEvent[] = [
    start,
    text("The "),
    {
      type: "stream-end",
      outcome: "interrupted",
      error: { code: "provider-unreachable", message: "the provider is gone" },
    },
  ];

  test("throws after everything that arrived, and never looks complete", async () => {
    const answer = answerOf(from(cut));
    const seen: string[] = [];
    await assert.rejects(
      async () => {
        for await (const piece of answer.text) seen.push(piece);
      },
      (error) => error instanceof HeadraceError && error.code === "provider-unreachable",
    );
    assert.deepEqual(seen, ["The "]);
    await assert.rejects(answer.final, { code: "provider-unreachable", message: "the provider is gone" });
  });

  test("resolves with what there is when it was stopped on purpose", async () => {
    const answer = answerOf(from([start, text("The "), { type: "stream-end", outcome: "cancelled" }]));
    assert.deepEqual(await collect(answer.text), ["The "]);
    const final = await answer.final;
    assert.equal(final.outcome, "cancelled");
    assert.equal(final.text, "The ");
  });

  test("is an error when the events end without saying how", async () => {
    const answer = answerOf(from([start, text("The ")]));
    await assert.rejects(answer.final, { code: "stream-interrupted" });
  });

  test("causes no unhandled rejection when nobody awaits it", async () => {
    const unhandled: unknown[] = [];
    const listener = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", listener);
    try {
      const failing = answerOf(
        // oxlint-disable-next-line require-yield
        (async function* (): AsyncGenerator<StreamEvent> {
          throw new HeadraceError("overloaded", "too busy");
        })(),
      );
      await assert.rejects(collect(failing.text), { code: "overloaded" });
      // Rejections are reported after a full turn of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(unhandled, []);
      await assert.rejects(failing.id, { code: "overloaded" });
    } finally {
      process.off("unhandledRejection", listener);
    }
  });
});
