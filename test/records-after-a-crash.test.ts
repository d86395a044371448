import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { StreamEvent, Usage } from "../src/core/events.ts";
import type { AttemptOutcome, AttemptReason, AttemptStarted } from "../src/core/observer.ts";
import { Streams } from "../src/streams/streams.ts";
import { createVirtualClock } from "../src/testing.ts";
import { databasePath, openRecords } from "./support/records.ts";

const limits = {
  openStreams: 100,
  streamsPerKey: 100,
  readers: 100,
  readersPerStream: 100,
  streamBytes: 1e6,
  streamEntries: 1e6,
  readerQueueBytes: 65_536,
  writeStallMs: 1_000,
  detachedStreams: 100,
};

/** One incarnation of a process: its clock, its log, its records. */
async function startProcess(path: string, startsAt: number) {
  const clock = createVirtualClock({ startsAt });
  const opened = await openRecords(path, clock);
  const { log, records } = opened;
  const createStreamId = () => "st_none";
  const streams = new Streams({ log, clock, createStreamId, observe: () => {}, heartbeatMs: 1e6, lingerMs: 1, limits });
  await streams.recover();
  await records.recover(log);
  return { ...opened, clock };
}

type Process = Awaited<ReturnType<typeof startProcess>>;

/** A stream as its write loop would note it, moved on a step at a time; or a call that is passed on, which has no log. */
class ScriptedStream {
  readonly id: string;
  readonly isPassed: boolean;
  readonly ended: { attempt: number; usage: Usage | undefined }[] = [];
  readonly #process: Process;
  readonly #running = new Map<number, AttemptStarted>();
  #next = 0;
  #seq = 0;

  constructor(process: Process, id: string, { isPassed = false } = {}) {
    this.#process = process;
    this.id = id;
    this.isPassed = isPassed;
  }

  async start(): Promise<void> {
    const { log, clock, records } = this.#process;
    const startedAt = clock.now();
    if (this.isPassed) {
      const asked = { owner: "", model: "route-1", protocol: "openai-embeddings" as const };
      records.observe({ type: "stream-started", streamId: this.id, ...asked, startedAt });
      return this.begin("first");
    }
    const facts = { owner: "", model: "route-1", protocol: "openai-chat" as const };
    await log.create({ id: this.id, ...facts, createdAt: startedAt });
    records.observe({ type: "stream-started", streamId: this.id, ...facts, startedAt });
    await this.#append({ type: "stream-start", streamId: this.id, format: 1, ...facts, createdAt: startedAt }, false);
  }

  async begin(reason: AttemptReason): Promise<void> {
    const { clock, records } = this.#process;
    const attempt = this.#next++;
    const started: AttemptStarted = {
      type: "attempt-started",
      streamId: this.id,
      attempt,
      provider: attempt % 3 === 2 ? "unpriced" : "scripted",
      model: "m",
      reason,
      startedAt: clock.now(),
      estimatedInputTokens: 10 + attempt,
    };
    this.#running.set(attempt, started);
    records.observe(started);
    if (this.isPassed) await records.noted();
  }

  /** The newest attempt says something, with or without counting it. */
  async speak(text: string, usage: Usage | undefined, isBehindSeam = false): Promise<void> {
    const attempt = [...this.#running.keys()].at(-1);
    if (attempt === undefined) return;
    const { provider, model } = this.#running.get(attempt) as AttemptStarted;
    if (isBehindSeam) {
      const seam = {
        fromAttempt: attempt - 1,
        toAttempt: attempt,
        rung: "prefill",
        overlap: 0,
        confidence: 1,
      } as const;
      await this.#append({ type: "seam", ...seam });
    }
    await this.#append({ type: "attempt-start", provider, model, attempt });
    await this.#append({ type: "text-delta", text });
    if (usage !== undefined) await this.#append({ type: "usage", usage });
  }

  finishAttempt(outcome: AttemptOutcome, usage: Usage | undefined): void {
    const [attempt, started] = [...this.#running].at(-1) ?? [];
    if (attempt === undefined || started === undefined) return;
    this.#running.delete(attempt);
    this.ended.push({ attempt, usage });
    const ended = { ...started, type: "attempt-ended" as const, outcome, durationMs: 5 };
    this.#process.records.observe(usage === undefined ? ended : { ...ended, usage });
  }

  async end(): Promise<void> {
    while (this.#running.size > 0) this.finishAttempt("cancelled", undefined);
    await this.endBeforeItsAttempts();
  }

  async endBeforeItsAttempts(): Promise<void> {
    await this.#append({ type: "stream-end", outcome: "completed" }, false);
    this.#process.records.observe({ type: "stream-ended", streamId: this.id, outcome: "completed" });
  }

  async #append(event: StreamEvent, isTapped = true): Promise<void> {
    const { log, records } = this.#process;
    if (!this.isPassed) await log.append(this.id, 1, this.#seq++, [event]);
    if (isTapped) records.tap(this.id)?.see(event);
  }
}

const usage = fc.option(
  fc.record({ inputTokens: fc.nat(5_000), outputTokens: fc.nat(5_000) }).map((counts): Usage => counts),
  { nil: undefined },
);
const stream = fc.nat(2);
const step = fc.oneof(
  fc.record({ do: fc.constant("start" as const), isPassed: fc.boolean() }),
  fc.record({
    do: fc.constant("begin" as const),
    stream,
    reason: fc.constantFrom<AttemptReason>("first", "retry", "failover", "hedge", "recovery"),
  }),
  fc.record({ do: fc.constant("speak" as const), stream, text: fc.string({ maxLength: 40 }), usage }),
  fc.record({
    do: fc.constant("finish" as const),
    stream,
    outcome: fc.constantFrom<AttemptOutcome>("completed", "failed", "cancelled", "lost"),
    usage,
  }),
  fc.record({ do: fc.constant("end" as const), stream }),
  fc.record({ do: fc.constant("tick" as const) }),
  fc.record({ do: fc.constant("kill" as const) }),
);

const sums = (columns: string): string =>
  `coalesce(sum(${columns.split(" ").join("), 0) AS a, coalesce(sum(")}), 0) AS b`;

function checkLedger({ sql }: Process): void {
  expect(sql("SELECT id FROM records_streams WHERE is_open = 1"), "streams that are open").toEqual([]);
  expect(sql("SELECT * FROM records_attempts WHERE outcome = 'open'"), "attempts that are open").toEqual([]);
  const pairs = "records_attempts a FULL JOIN records_usage u ON a.stream_id = u.stream_id AND a.attempt = u.attempt";
  const unmatched = `SELECT * FROM ${pairs} WHERE a.attempt IS NULL OR u.attempt IS NULL`;
  expect(sql(unmatched), "attempts without a row in the ledger, or the reverse").toEqual([]);
  const ofStreams = sql(`SELECT ${sums("input_tokens output_tokens")} FROM records_streams`);
  expect(sql(`SELECT ${sums("input_tokens output_tokens")} FROM records_usage`)).toEqual(ofStreams);
  // A stream's cost is known when that of each attempt is, and is then their sum.
  const costs = `
    SELECT s.id, s.cost, CASE WHEN count(*) = count(u.cost) THEN sum(u.cost) END AS sum
    FROM records_streams s JOIN records_usage u ON u.stream_id = s.id GROUP BY s.id`;
  for (const { id, cost, sum } of sql(costs)) expect({ id, cost }).toEqual({ id, cost: sum });
}

describe("whatever happens to a process", () => {
  test("each attempt is in the ledger once, and the sums of streams are those of the ledger", async () => {
    const run = async (steps: (typeof step extends fc.Arbitrary<infer One> ? One : never)[]): Promise<void> => {
      const path = databasePath();
      let startsAt = Date.UTC(2026, 0, 1);
      let process = await startProcess(path, startsAt);
      let open: ScriptedStream[] = [];
      let count = 0;
      // Calls of providers that were passed on: not one of them may be forgotten, whenever the process dies.
      let called = 0;
      for (const one of steps) {
        const chosen = "stream" in one ? open[one.stream % Math.max(1, open.length)] : undefined;
        if (one.do === "start") {
          const started = new ScriptedStream(process, `st_${++count}`, one);
          if (one.isPassed) called++;
          await started.start();
          open.push(started);
        } else if (one.do === "begin") {
          await chosen?.begin(one.reason);
          if (chosen?.isPassed) called++;
        } else if (one.do === "speak") await chosen?.speak(one.text, one.usage);
        else if (one.do === "finish") chosen?.finishAttempt(one.outcome, one.usage);
        else if (one.do === "end" && chosen !== undefined) {
          await chosen.end();
          open = open.filter((other) => other !== chosen);
        } else if (one.do === "tick") await process.clock.advance(250);
        else if (one.do === "kill") {
          await process.kill();
          startsAt += 60_000;
          process = await startProcess(path, startsAt);
          open = [];
          checkLedger(process);
        }
      }
      for (const still of open) await still.end();
      await process.records.list({ limit: 1 });
      checkLedger(process);
      expect(process.sql("SELECT count(*) AS n FROM records_streams")).toEqual([{ n: count }]);
      const passed = "SELECT id FROM records_streams WHERE operation = 'embeddings'";
      const billed = `SELECT count(*) AS n FROM records_usage WHERE stream_id IN (${passed})`;
      expect(process.sql(billed)).toEqual([{ n: called }]);
      expect(process.errors).toEqual([]);
      await process.close();
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), run), { numRuns: 25 });
  }, 60_000);

  test("what was told of an attempt before the process died is what it cost", async () => {
    const path = databasePath();
    const first = await startProcess(path, Date.UTC(2026, 0, 1));
    const stream1 = new ScriptedStream(first, "st_1");
    await stream1.start();
    await stream1.begin("first");
    stream1.finishAttempt("failed", { inputTokens: 7, outputTokens: 1 });
    await stream1.begin("retry");
    await stream1.speak("twelve chars", undefined);
    await first.clock.advance(250);
    await first.kill();
    const second = await startProcess(path, Date.UTC(2026, 0, 2));
    const trace = await second.records.trace("st_1", undefined);
    expect(trace).toMatchObject({
      state: "closed",
      outcome: "interrupted",
      error: { code: "stream-interrupted" },
      endedAt: Date.UTC(2026, 0, 2),
      usage: { inputTokens: 7 + 11, outputTokens: 1 + 3, estimated: true },
    });
    expect(trace.attempts).toMatchObject([
      { outcome: "failed", usage: { inputTokens: 7, outputTokens: 1 }, share: "discarded" },
      { outcome: "failed", usage: { inputTokens: 11, outputTokens: 3, estimated: true }, share: "delivered" },
    ]);
    await second.close();
  });

  test("what was counted behind a seam is not counted twice", async () => {
    const path = databasePath();
    const first = await startProcess(path, Date.UTC(2026, 0, 1));
    const scripted = new ScriptedStream(first, "st_1");
    await scripted.start();
    await scripted.begin("first");
    await scripted.speak("twelve chars", { inputTokens: 100, outputTokens: 3 });
    scripted.finishAttempt("failed", { inputTokens: 100, outputTokens: 3 });
    await scripted.begin("recovery");
    // As it is told to clients: of both attempts together.
    await scripted.speak("and twelve..", { inputTokens: 200, outputTokens: 6 }, true);
    await first.clock.advance(250);
    await first.kill();
    const second = await startProcess(path, Date.UTC(2026, 0, 2));
    expect((await second.records.trace("st_1", undefined)).attempts).toMatchObject([
      { usage: { inputTokens: 100, outputTokens: 3 } },
      { usage: { inputTokens: 11, outputTokens: 3, estimated: true } },
    ]);
    await second.close();
  });

  test("an attempt that outlives its stream is in the ledger, too", async () => {
    const path = databasePath();
    const first = await startProcess(path, Date.UTC(2026, 0, 1));
    const scripted = new ScriptedStream(first, "st_1");
    await scripted.start();
    await scripted.begin("hedge");
    await scripted.begin("first");
    await scripted.speak("hello", { inputTokens: 3, outputTokens: 2 });
    scripted.finishAttempt("completed", { inputTokens: 3, outputTokens: 2 });
    await scripted.endBeforeItsAttempts();
    await first.clock.advance(250);
    const before = await first.records.trace("st_1", undefined);
    expect(before.attempts.map(({ outcome }) => outcome)).toEqual(["open", "completed"]);
    await first.log.delete("st_1");
    await first.kill();
    const second = await startProcess(path, Date.UTC(2026, 0, 2));
    checkLedger(second);
    const after = await second.records.trace("st_1", undefined);
    expect(after).toMatchObject({ outcome: "completed", usage: { inputTokens: 3 + 10, outputTokens: 2 } });
    expect(after.attempts.map(({ outcome, share }) => [outcome, share])).toEqual([
      ["cancelled", "hedged"],
      ["completed", "delivered"],
    ]);
    const { endedAt, durationMs } = before;
    expect(after).toMatchObject({ endedAt, durationMs });
    await second.close();
  });

  test("a stream that ended just before it died has its trace from the log", async () => {
    const path = databasePath();
    const first = await startProcess(path, Date.UTC(2026, 0, 1));
    const scripted = new ScriptedStream(first, "st_1");
    await scripted.start();
    await scripted.begin("first");
    await scripted.speak("hello", { inputTokens: 3, outputTokens: 2 });
    await scripted.end();
    await first.kill();
    const second = await startProcess(path, Date.UTC(2026, 0, 2));
    expect(await second.records.trace("st_1", undefined)).toMatchObject({
      route: "route-1",
      outcome: "completed",
      attempts: [{ outcome: "completed", usage: { inputTokens: 3, outputTokens: 2 } }],
    });
    await second.close();
  });
});
