import type { AnswerStream } from "../../../src/client/client.ts";
import type { JsonObject } from "../../../src/core/json.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { addEvent, type AnswerView, emptyAnswer, failAnswer, stopAnswer } from "./answer.ts";
import { createCuttableFetch, cutMessage, type CuttableFetch } from "./cuttable-fetch.ts";
import { chatBody, type Said, type Turn } from "./request.ts";
import type { Settings } from "./settings.ts";

export interface Exchange {
  said: Said;
  answer: AnswerView;
}

export interface AskOptions {
  settings: Settings;
  /** Kills the provider once so many pieces of the answer are there, and tells what came of it. */
  kill?: { afterPieces: number; tell: (outcome: string) => void };
  /** Further fields of the request. */
  fields?: JsonObject;
}

/** A chat with one model. Pages are told at most once per frame that it has changed. */
export class Conversation {
  readonly id: number;
  model: string;
  exchanges: readonly Exchange[] = [];
  readonly #gateway: Gateway;
  readonly #listeners = new Set<() => void>();
  #version = 0;
  #scheduled = false;
  #connection: CuttableFetch | undefined;
  #stream: AnswerStream | undefined;
  #reading: AbortController | undefined;

  constructor(id: number, model: string, gateway: Gateway) {
    this.id = id;
    this.model = model;
    this.#gateway = gateway;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly version = (): number => this.#version;

  get busy(): boolean {
    return this.#stream !== undefined;
  }

  choose(model: string): void {
    this.model = model;
    this.#changed();
  }

  clear(): void {
    this.stop();
    this.exchanges = [];
    this.#changed();
  }

  /** What was said so far, and `said`, as a request would carry it. */
  turnsWith(said: Said): Turn[] {
    return [...this.exchanges.flatMap(turnOf), { said, answer: undefined }];
  }

  /** What was asked last, without the answer. */
  lastTurns(): Turn[] | undefined {
    const last = this.exchanges.at(-1);
    return last && [...this.exchanges.slice(0, -1).flatMap(turnOf), { said: last.said, answer: undefined }];
  }

  ask(said: Said, options: AskOptions): void {
    if (this.busy) return;
    const asked = { model: this.model, turns: this.turnsWith(said), settings: options.settings };
    const body = { ...chatBody(asked), ...options.fields };
    const answer = emptyAnswer(this.model, performance.now());
    this.exchanges = [...this.exchanges, { said, answer }];
    const connection = createCuttableFetch(
      (url, init) => globalThis.fetch(url, init),
      (id) => {
        answer.resumedAfter.push(id);
        this.#changedSoon();
      },
    );
    this.#connection = connection;
    const client = this.#gateway.client(async (url, init) => {
      try {
        const response = await connection.fetch(url, init);
        answer.away = false;
        // Said with an error too: its stream can be looked at.
        answer.streamId ??= response.headers.get("headrace-stream-id") ?? undefined;
        return response;
      } catch (error) {
        // A connection that was cut by hand comes back at once.
        answer.away = error instanceof TypeError && error.message !== cutMessage;
        this.#changedSoon();
        throw error;
      }
    });
    this.#reading = new AbortController();
    const stream = client.stream({ ...body, signal: this.#reading.signal });
    this.#stream = stream;
    void this.#read(stream, answer, options.kill);
    this.#changed();
  }

  /** Asks the last question again. */
  regenerate(options: AskOptions): void {
    const last = this.exchanges.at(-1);
    if (last === undefined || this.busy) return;
    this.exchanges = this.exchanges.slice(0, -1);
    this.ask(last.said, options);
  }

  stop(): void {
    // Nobody can be told: at least nothing more is read.
    if (this.exchanges.at(-1)?.answer.away === true) return this.#reading?.abort();
    this.#stream?.stop().catch(() => {
      // The stream is over, or could not be started: its reader says so.
    });
  }

  cut(): void {
    this.#connection?.cut();
  }

  /**
   * Breaks the connection between the gateway and the provider.
   *
   * @returns what came of it, in words.
   */
  async kill(): Promise<string> {
    const streamId = this.exchanges.at(-1)?.answer.streamId;
    if (streamId === undefined) return "The answer has not begun yet.";
    try {
      const broken = await this.#gateway.client().breakAttempts(streamId);
      const targets = broken.map(({ attempt, target }) => `${target} (attempt ${attempt + 1})`).join(" and ");
      return `Killed the connection to ${targets}.`;
    } catch (error) {
      return messageOf(error);
    }
  }

  async #read(stream: AnswerStream, answer: AnswerView, kill: AskOptions["kill"]): Promise<void> {
    let toKill = kill;
    try {
      for await (const event of stream.events) {
        addEvent(answer, event, performance.now());
        this.#changedSoon();
        if (toKill === undefined || answer.pieces < toKill.afterPieces) continue;
        void this.kill().then(toKill.tell);
        toKill = undefined;
      }
    } catch (error) {
      // An answer that ended badly has said so itself, with its last event.
      if (this.#reading?.signal.aborted === true) stopAnswer(answer, performance.now());
      else if (answer.outcome === undefined) failAnswer(answer, messageOf(error), performance.now());
    }
    if (this.#stream === stream) this.#stream = undefined;
    this.#changed();
  }

  /** Hidden pages have no frames, so a timer stands in for them. */
  #changedSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const change = () => {
      this.#scheduled = false;
      this.#changed();
    };
    if (document.hidden) setTimeout(change, 250);
    else requestAnimationFrame(change);
  }

  #changed(): void {
    this.#version += 1;
    for (const listener of this.#listeners) listener();
  }
}

/** A question that was never answered is not asked again with the next one. */
function turnOf({ said, answer: { text, toolCalls } }: Exchange): Turn[] {
  if (text !== "" || toolCalls.length > 0) return [{ said, answer: { text, toolCalls } }];
  return said.results === undefined ? [] : [{ said, answer: undefined }];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
