import { parseConfig } from "../../src/config.ts";
import { toHeadraceError } from "../../src/core/errors.ts";
import type { Observation, Observe, TapStream } from "../../src/core/observer.ts";
import type { GenerateRequest } from "../../src/core/request.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import type { LogEntry } from "../../src/log/stream-log.ts";
import { protocols } from "../../src/protocols/all.ts";
import type { Fetch } from "../../src/providers/fetch-transport.ts";
import { createFetchTransport } from "../../src/providers/fetch-transport.ts";
import { createHttpProvider } from "../../src/providers/http-provider.ts";
import { SeededRandom } from "../../src/providers/simulator/random.ts";
import { createSimulator } from "../../src/providers/simulator/simulator.ts";
import { Reliability } from "../../src/reliability/reliability.ts";
import { Streams } from "../../src/streams/streams.ts";
import type { VirtualClock } from "../../src/testing.ts";
import { createVirtualClock } from "../../src/testing.ts";
import type { StreamPlan, TargetPlan, WorldPlan } from "./plan.ts";
import { drawPlan } from "./plan.ts";
import { SimulatedReader } from "./reader.ts";

/** A call of a provider, and when it was over, however that came. */
export interface UpstreamCall {
  question: string;
  at: number;
  overAt?: number;
}

/** What became of one stream. */
export interface StreamRecord {
  plan: StreamPlan;
  id: string;
  entries: readonly LogEntry[];
  readers: readonly SimulatedReader[];
  /** By the clock; undefined when it never ended. */
  endedAt: number | undefined;
  /** What an append of the writer that was replaced came to, when there was one. */
  lateAppend: string | undefined;
  /** The seq from which on another writer wrote. */
  takenOverFrom: number | undefined;
}

export interface WorldRecord {
  plan: WorldPlan;
  streams: StreamRecord[];
  calls: UpstreamCall[];
  observations: { at: number; what: Observation }[];
  /** Everything that happened, in order; the same seed gives the same trace. */
  trace: string[];
  tookMs: number;
}

/** Longest that a stream may take: the total timeout, the time to recover, and the patience of readers. */
const longestMs = 1_200_000;

/** Somebody who takes notes of a world beside what is recorded of it anyway. */
export interface Witness {
  observe: Observe;
  tap: TapStream;
}

/** Brings a witness into a world before it begins. */
export type Attend = (world: { clock: VirtualClock; log: MemoryLog }) => Witness;

/** Runs the world of a seed to its end, on a virtual clock. */
export async function runWorld(seed: number, attend?: Attend): Promise<WorldRecord> {
  return new World(drawPlan(seed), attend).run();
}

class World {
  readonly #plan: WorldPlan;
  readonly #clock: VirtualClock = createVirtualClock();
  readonly #log: MemoryLog;
  readonly #streams: Streams;
  readonly #reliability: Reliability;
  readonly #transport;
  readonly #record: WorldRecord;
  readonly #random: SeededRandom;

  constructor(plan: WorldPlan, attend?: Attend) {
    this.#plan = plan;
    this.#random = new SeededRandom(`chances ${plan.seed}`);
    this.#record = { plan, streams: [], calls: [], observations: [], trace: [], tookMs: 0 };
    const clock = this.#clock;
    const { reliability, limits, server } = parseConfig({
      reliability: { hedge: { afterMs: plan.hedgeAfterMs }, lingerMs: plan.lingerMs },
    });
    this.#log = new MemoryLog(clock);
    const witness = attend?.({ clock, log: this.#log });
    let streams = 0;
    this.#streams = new Streams({
      log: this.#log,
      clock,
      createStreamId: () => `st_${plan.seed}x${streams++}`,
      observe: (what) => {
        this.#observe(what);
        witness?.observe(what);
      },
      ...(witness !== undefined && { tap: witness.tap }),
      heartbeatMs: server.heartbeatMs,
      lingerMs: reliability.lingerMs,
      limits,
    });
    const random = this.#random;
    const randomness = { number: () => random.number(), bytes: (length: number) => new Uint8Array(length) };
    this.#reliability = new Reliability({ clock, randomness, settings: reliability });
    this.#transport = createFetchTransport(this.#upstream());
  }

  async run(): Promise<WorldRecord> {
    const { streams } = this.#plan;
    let running = streams.length;
    const over = streams.map((plan) => this.#runStream(plan).finally(() => running--));
    while (running > 0 && this.#clock.elapsed() < longestMs) await this.#clock.advance(running > 0 ? 500 : 0);
    this.#record.tookMs = this.#clock.elapsed();
    if (running > 0) this.#note("the world never came to its end");
    else await Promise.all(over);
    for (const stream of this.#record.streams) stream.entries = await this.#entriesOf(stream.id);
    // What nobody wants any more has a moment to go away.
    await this.#clock.advance(300);
    await this.#streams.close({ drainMs: 0 });
    return this.#record;
  }

  async #runStream(plan: StreamPlan): Promise<void> {
    const clock = this.#clock;
    await clock.sleep(plan.startsAt);
    const request: GenerateRequest = {
      model: "smart",
      messages: [{ role: "user", content: [{ type: "text", text: plan.question }] }],
      wantsUsage: true,
    };
    const targets = this.#plan.targets.map((target) => this.#target(target));
    const { id } = await this.#streams.start({
      source: this.#reliability.source(targets, { recovery: plan.recovery }),
      request,
      protocol: plan.protocol,
      owner: "",
      onDisconnect: plan.onDisconnect,
    });
    this.#note(`${id} starts`);
    const protocol = protocols[plan.protocol];
    const readers = plan.readers.map((reader, index) => {
      const note = (what: string): void => this.#note(`${id} reader ${index} ${what}`);
      return new SimulatedReader({
        clock,
        streams: this.#streams,
        log: this.#log,
        streamId: id,
        protocol,
        plan: reader,
        note,
      });
    });
    const stream: StreamRecord = {
      plan,
      id,
      readers,
      entries: [],
      endedAt: undefined,
      lateAppend: undefined,
      takenOverFrom: undefined,
    };
    this.#record.streams.push(stream);
    const others = [this.#interfere(stream), this.#rehearse(stream), this.#untilEnd(stream)];
    await Promise.all([...readers.map((reader) => reader.run()), ...others]);
  }

  /** The owner stops the stream, or another writer takes it over. */
  async #interfere({ plan, id }: StreamRecord): Promise<void> {
    const clock = this.#clock;
    if (plan.stopsAt !== undefined) {
      await clock.sleep(plan.stopsAt);
      this.#note(`${id} is stopped`);
      await this.#streams.stop(id);
    }
    if (plan.takenOverAt === undefined) return;
    await clock.sleep(plan.takenOverAt);
    if ((await this.#log.info(id))?.closedAt !== undefined) return;
    const { epoch, next } = await this.#log.takeOver(id);
    this.#note(`${id} is taken over at ${next}`);
    const stream = this.#record.streams.find((one) => one.id === id) as StreamRecord;
    stream.takenOverFrom = next;
    await clock.sleep(50);
    const late = await this.#log.append(id, epoch - 1, next, [{ type: "text-delta", text: "too late" }]);
    stream.lateAppend = late.status;
    await this.#log.append(id, epoch, next, [{ type: "stream-end", outcome: "interrupted" }]);
  }

  /** The owner breaks the connection to the provider, if there is one at that moment. */
  async #rehearse({ plan, id }: StreamRecord): Promise<void> {
    if (plan.breaksAt === undefined) return;
    await this.#clock.sleep(plan.breaksAt);
    const broken = await this.#streams.breakAttempts(id).then(
      ({ attempts }) => attempts.map(({ attempt }) => attempt).join(" and "),
      (error: unknown) => toHeadraceError(error).code,
    );
    this.#note(`${id} is broken: ${broken}`);
  }

  async #untilEnd(stream: StreamRecord): Promise<void> {
    for await (const entries of this.#streams.follow(stream.id, { signal: new AbortController().signal })) {
      for (const { seq, event } of entries) {
        if (event.type === "seam" || event.type === "stream-end") {
          const what = event.type === "seam" ? event.rung : event.outcome;
          this.#note(`${stream.id} ${seq} ${event.type} ${what}`);
        }
      }
    }
    stream.endedAt = this.#clock.elapsed();
  }

  async #entriesOf(id: string): Promise<LogEntry[]> {
    return this.#log.read(id, { after: -1, limit: 1_000_000 });
  }

  #target({ model, protocol, prefill }: TargetPlan) {
    const base = protocol === "openai-chat" || protocol === "openai-responses" ? "/v1" : "";
    const source = createHttpProvider({
      name: `by ${protocol}`,
      protocol: protocols[protocol],
      baseUrl: `http://simulator.local${protocol === "gemini" ? "/v1beta" : base}`,
      transport: this.#transport,
    });
    return this.#reliability.target({ provider: model, model, vendor: "simulated", protocol, source, prefill });
  }

  /** The simulated providers, watched. */
  #upstream(): Fetch {
    const { plan, calls } = this.#record;
    const rules = plan.targets.flatMap((target) => target.rules);
    const clock = this.#clock;
    const simulator = createSimulator({
      clock,
      scenario: { rules: [...rules, { model: "*", words: 60, interval: plan.interval }] },
    });
    return async (url, init) => {
      const body = init?.body as string;
      const question = plan.streams.find((stream) => body.includes(stream.question))?.question ?? "";
      const number = calls.length;
      const call: UpstreamCall = { question, at: clock.elapsed() };
      calls.push(call);
      this.#note(`call ${number} of ${url} for ${question}`);
      const over = (): void => {
        if (call.overAt !== undefined) return;
        call.overAt = clock.elapsed();
        this.#note(`call ${number} is over`);
      };
      init?.signal?.addEventListener("abort", over, { once: true });
      try {
        const response = await simulator(url, init);
        if (response.body === null) over();
        const watched = new TransformStream<Uint8Array, Uint8Array>({ flush: over });
        const read = response.body?.pipeThrough(watched);
        // A body that breaks off is over, too.
        return new Response(read === undefined ? null : noticing(read, over), response);
      } catch (error) {
        over();
        throw error;
      }
    };
  }

  #observe(what: Observation): void {
    this.#record.observations.push({ at: this.#clock.elapsed(), what });
    const outcome = "outcome" in what ? ` ${what.outcome}` : "";
    const attempt = "attempt" in what ? ` ${what.attempt} ${what.provider} ${what.reason}` : "";
    this.#note(`${what.streamId} ${what.type}${attempt}${outcome}`);
  }

  #note(what: string): void {
    this.#record.trace.push(`${this.#clock.elapsed()} ${what}`);
  }
}

function noticing(body: ReadableStream<Uint8Array>, over: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        over();
        controller.error(error);
      }
    },
    cancel(reason) {
      over();
      return reader.cancel(reason);
    },
  });
}
