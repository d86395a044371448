import { type AnswerStream, createAnswerStream } from "../core/answer-stream.ts";
import { HeadraceError } from "../core/errors.ts";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { Clock, Randomness } from "../core/time.ts";
import { systemClock, systemRandomness } from "../outside.ts";
import { type Connection, callWithRetries, type RetryLimits } from "./connection.ts";
import { idOfStart, type ResumingOptions, resumingEvents } from "./resuming-events.ts";

export type { AnswerStream, AnswerToolCall, FinalAnswer } from "../core/answer-stream.ts";
export { type ErrorCode, HeadraceError } from "../core/errors.ts";
export type { FinishReason, Outcome, StreamEvent, Usage } from "../core/events.ts";
export type { RetryLimits } from "./connection.ts";

export interface ClientOptions {
  /** Where the gateway is. Default: `http://127.0.0.1:8484`. */
  baseUrl?: string;
  /** Sent as `Authorization: Bearer`. */
  apiKey?: string;
  /** When to give up reconnecting. Default: 10 tries in a row, 2 minutes. */
  retry?: Partial<RetryLimits>;
  /** How long a connection may be silent before a new one is made, in milliseconds. Default: 45,000, three heartbeats. */
  silenceMs?: number;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  clock?: Clock;
  random?: Randomness;
}

export interface CallOptions {
  /** Stops reading. The stream itself goes on; `stop()` ends it. */
  signal?: AbortSignal;
}

/** A prompt or messages, and any other field of an OpenAI Chat Completions body. */
export interface StreamRequest extends CallOptions {
  model?: string;
  prompt?: string;
  /** The system message that goes with `prompt`. */
  system?: string;
  messages?: readonly { role: string; content: Json; [field: string]: Json | undefined }[];
  /** The same key leads to the same stream for 24 hours, also from elsewhere. Default: a random one for each call. */
  idempotencyKey?: string;
  [field: string]: unknown;
}

export interface FollowOptions extends CallOptions {
  /** The cursor (`1-42`) to read on after; left out, it starts at the beginning. */
  after?: string;
}

/** A stream in a list. */
export interface StreamSummary {
  id: string;
  model: string;
  state: "open" | "closed";
  /** Milliseconds since the epoch. */
  createdAt: number;
}

export interface ModelSummary {
  id: string;
  ownedBy: string;
  /** Tokens that fit into its context, where that is known. */
  contextTokens?: number;
  /** US dollars per million tokens, where they are known. */
  inputPerMillion?: number;
  outputPerMillion?: number;
}

export interface HeadraceClient {
  /**
   * Starts a stream and reads it, over as many connections as it takes. A lost response does not start it twice.
   *
   * @example
   * const answer = client.stream({ model: "sim/gpt-4o", prompt: "Why is the sky blue?" });
   * for await (const text of answer.text) process.stdout.write(text);
   * const { usage } = await answer.final;
   */
  stream(request: StreamRequest): AnswerStream;
  /** Reads a stream that was started elsewhere, or earlier. */
  follow(streamId: string, options?: FollowOptions): AnswerStream;
  /**
   * Ends a stream; its readers get what there is.
   *
   * @throws HeadraceError `stream-not-found` - no such stream, or it is someone else's.
   */
  stop(streamId: string, options?: CallOptions): Promise<void>;
  /**
   * Rehearses the failure of a provider: breaks its connection while it answers, and the answer goes on as after a real
   * failure. Not repeated when the gateway cannot be reached, since the next call would be broken as well.
   *
   * @returns what was broken: several attempts when they raced each other.
   * @throws HeadraceError `cannot-break` - the stream is over, or nobody is being called at this moment.
   * @throws HeadraceError `stream-not-found` - no such stream, or it is someone else's.
   */
  breakAttempts(streamId: string, options?: CallOptions): Promise<{ attempt: number; target: string }[]>;
  /** The latest streams, newest first. */
  streams(options?: CallOptions): Promise<StreamSummary[]>;
  models(options?: CallOptions): Promise<ModelSummary[]>;
}

const idPatienceMs = 250;

/** Makes a client of a Headrace gateway. Runs in Node, in Workers and in browsers. */
export function createClient(options: ClientOptions = {}): HeadraceClient {
  const connection = connectionOf(options);

  const read = (what: Omit<ResumingOptions, "onStreamId">): AnswerStream => {
    const known = Promise.withResolvers<string>();
    if (what.streamId !== undefined) known.resolve(what.streamId);
    const events = resumingEvents(connection, { ...what, onStreamId: known.resolve });
    const stop = async () => client.stop(await idSoon(connection, known.promise, what.start));
    return createAnswerStream(rejecting(events, known.reject), { clock: connection.clock, stop, id: known.promise });
  };

  const client: HeadraceClient = {
    stream({ signal, idempotencyKey = randomKey(connection.random), ...body }) {
      return read({ start: { body: body as JsonObject, idempotencyKey }, signal });
    },

    follow(streamId, { after, signal } = {}) {
      return read({ streamId, after, signal });
    },

    async stop(streamId, { signal } = {}) {
      const path = `/v1/streams/${encodeURIComponent(streamId)}`;
      const response = await callWithRetries(connection, { method: "DELETE", path, signal });
      await response.body?.cancel();
    },

    async breakAttempts(streamId, { signal } = {}) {
      const path = `/v1/streams/${encodeURIComponent(streamId)}/break`;
      const once = { ...connection, retry: { ...connection.retry, maxTries: 1 } };
      const response = await callWithRetries(once, { method: "POST", path, signal });
      const { attempts } = (await response.json()) as { attempts: { attempt: number; target: string }[] };
      return attempts;
    },

    async streams({ signal } = {}) {
      const list = await readList(await callWithRetries(connection, { path: "/v1/streams", signal }));
      return list.map((item) => ({
        id: textIn(item, "id"),
        model: textIn(item, "model"),
        state: item["state"] === "open" ? "open" : "closed",
        createdAt: Date.parse(textIn(item, "created_at")),
      }));
    },

    async models({ signal } = {}) {
      const list = await readList(await callWithRetries(connection, { path: "/v1/models", signal }));
      return list.map(readModel);
    },
  };
  return client;
}

function connectionOf(options: ClientOptions): Connection {
  const { baseUrl = "http://127.0.0.1:8484", apiKey, retry, silenceMs = 45_000 } = options;
  return {
    // The OpenAI convention ends in `/v1`; people paste either.
    baseUrl: baseUrl.replace(/\/+$/, "").replace(/\/v1$/, ""),
    headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
    // Browsers refuse to call `fetch` as a method of anything but the window.
    fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandomness,
    retry: { maxTries: retry?.maxTries ?? 10, maxTotalMs: retry?.maxTotalMs ?? 120_000 },
    silenceMs,
  };
}

/** Whoever waits for the stream's id has to hear when it will never be known. */
async function* rejecting<T>(events: AsyncIterable<T>, reject: (error: unknown) => void): AsyncGenerator<T> {
  try {
    yield* events;
  } catch (error) {
    reject(error);
    throw error;
  }
}

function randomKey(random: Randomness): string {
  return Array.from(random.bytes(16), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function readList(response: Response): Promise<JsonObject[]> {
  const body = (await response.json()) as Json;
  const list = isJsonObject(body) ? body["data"] : body;
  if (!Array.isArray(list)) throw new HeadraceError("internal", "the server's list is none; is it a Headrace gateway?");
  return list.filter(isJsonObject);
}

function readModel(item: JsonObject): ModelSummary {
  const model: ModelSummary = { id: textIn(item, "id"), ownedBy: textIn(item, "owned_by") };
  const { context_length: contextTokens, pricing } = item;
  if (typeof contextTokens === "number") model.contextTokens = contextTokens;
  if (!isJsonObject(pricing)) return model;
  const { input, output } = pricing;
  if (typeof input === "number") model.inputPerMillion = input;
  if (typeof output === "number") model.outputPerMillion = output;
  return model;
}

function textIn(item: JsonObject, name: string): string {
  const value = item[name];
  return typeof value === "string" ? value : "";
}

/** The id comes with the first token or with an error; whoever cannot wait for these asks for it alone. */
async function idSoon(
  connection: Connection,
  known: Promise<string>,
  start: ResumingOptions["start"],
): Promise<string> {
  if (start === undefined) return known;
  const waiting = new AbortController();
  const late = connection.clock.sleep(idPatienceMs, { signal: waiting.signal }).then(
    () => undefined,
    () => undefined,
  );
  const id = await Promise.race([known, late]).finally(() => waiting.abort());
  return id ?? idOfStart(connection, start);
}
