import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import type { StreamEvent } from "../../src/core/events.ts";
import { HeadraceError } from "../../src/core/errors.ts";
import type { StreamLog } from "../../src/log/stream-log.ts";
import { end, newStream, text } from "../conformance/stream-log-fixtures.ts";

interface History {
  created: boolean;
  /** Acknowledged. */
  events: StreamEvent[];
  /** On its way, or lost without a trace. */
  pending: StreamEvent[];
  deletion: "none" | "wanted" | "done";
  epoch: number;
}

/** What the writers of a log were told, to compare with what it has after an accident. */
export type LogHistory = ReadonlyMap<string, History>;

/** Does random things to a log, with one writer for each stream, and remembers what it answered. */
export class LogWriters {
  readonly #log: StreamLog;
  readonly #random: (below: number) => number;
  readonly #streams = new Map<string, History>();
  readonly #name: string;
  #texts = 0;
  /** Answers that a single writer cannot get, and errors other than those of the store. */
  readonly surprises: unknown[] = [];

  constructor(log: StreamLog, random: (below: number) => number, name = "s") {
    this.#log = log;
    this.#random = random;
    this.#name = name;
  }

  history(): LogHistory {
    return structuredClone(this.#streams);
  }

  /** Each lane does one thing after the other, on streams of its own. */
  async run(lanes: number, steps: number): Promise<void> {
    const lane = async (number: number): Promise<void> => {
      let id = "";
      for (let step = 0; step < steps; step++) {
        const history = this.#streams.get(id);
        const isOver = history === undefined || history.deletion !== "none" || history.events.at(-1) === end;
        const choice = this.#random(20);
        if (isOver && choice < 16) await this.#create((id = `${this.#name}${number}-${step}`));
        else if (id === "" || choice === 0) await this.#delete(id);
        else if (choice < 3) await this.#takeOver(id);
        else if (!isOver) await this.#append(id, choice > 17);
        if (this.#random(3) === 0) await new Promise((resolve) => setTimeout(resolve));
      }
    };
    await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));
  }

  async #create(id: string): Promise<void> {
    const history: History = { created: false, events: [], pending: [], deletion: "none", epoch: 1 };
    this.#streams.set(id, history);
    if (await this.#try(this.#log.create(newStream(id)))) history.created = true;
    else history.deletion = "wanted";
  }

  async #append(id: string, isLast: boolean): Promise<void> {
    const history = this.#streams.get(id) as History;
    const size = this.#random(4) === 0 ? this.#random(12_000) : 5;
    const events = Array.from({ length: 1 + this.#random(3) }, () =>
      text(`${id}/${this.#texts++} ${"x".repeat(size)}`),
    );
    history.pending = isLast ? [...events, end] : events;
    const result = await this.#try(this.#log.append(id, history.epoch, history.events.length, history.pending));
    if (result !== undefined) {
      this.#compare(result, { status: "ok", next: history.events.length + history.pending.length });
      history.events = [...history.events, ...history.pending];
    }
    history.pending = [];
  }

  async #takeOver(id: string): Promise<void> {
    const history = this.#streams.get(id) as History;
    if (!history.created || history.deletion !== "none") return;
    const result = await this.#try(this.#log.takeOver(id));
    if (result === undefined) return;
    this.#compare(result, { epoch: history.epoch + 1, next: history.events.length });
    history.epoch = result.epoch;
  }

  async #delete(id: string): Promise<void> {
    const history = this.#streams.get(id);
    if (history === undefined || !history.created || history.deletion !== "none") return;
    history.deletion = "wanted";
    const done = await this.#try(this.#log.delete(id).then(() => true));
    if (done) history.deletion = "done";
  }

  #compare(actual: unknown, expected: unknown): void {
    if (!isDeepStrictEqual(actual, expected)) this.surprises.push(actual);
  }

  async #try<Value>(operation: Promise<Value>): Promise<Value | undefined> {
    try {
      return await operation;
    } catch (error) {
      const isStore =
        error instanceof HeadraceError && ["storage-full", "log-unavailable", "stream-not-found"].includes(error.code);
      if (!isStore) this.surprises.push(error);
      return undefined;
    }
  }
}

/** Everything acknowledged is there, nothing else, and nothing that was cut looks complete. */
export async function expectHistory(log: StreamLog, history: LogHistory): Promise<void> {
  for (const [id, { created, events, pending, deletion }] of history) {
    const info = await log.info(id);
    if (deletion === "done") expect(info, id).toBeUndefined();
    if (info === undefined) {
      expect(created && deletion === "none" ? id : undefined, "a stream that is missing").toBeUndefined();
      continue;
    }
    const found = await log.read(id, { after: -1, limit: 100_000 });
    const whole = found.length > events.length ? [...events, ...pending] : events;
    expect(
      found.map(({ event }) => event),
      id,
    ).toEqual(whole);
    expect(found.map(({ seq }) => seq)).toEqual(whole.map((_, seq) => seq));
    expect(info.entries).toBe(whole.length);
    expect(info.closedAt !== undefined, `${id} looks complete`).toBe(whole.at(-1)?.type === "stream-end");
  }
}
