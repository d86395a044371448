import { AnswerFold, answerText } from "./answer.ts";
import { errorFromReport, HeadraceError, toHeadraceError } from "./errors.ts";
import type { FinishReason, Outcome, StreamEvent, Usage } from "./events.ts";
import { isTerminal } from "./events.ts";
import type { Clock } from "./time.ts";

/** A tool call of an answer, its arguments as the model wrote them. */
export interface AnswerToolCall {
  callId: string;
  name: string;
  kind: "function" | "custom";
  /** JSON text for `function`, free text for `custom`. */
  argumentsText: string;
}

/** What an answer came to. With several choices it is the first one. */
export interface FinalAnswer {
  streamId: string;
  text: string;
  reasoning: string;
  toolCalls: AnswerToolCall[];
  usage?: Usage;
  finishReason?: FinishReason;
  /** `completed`, `length`, `content_filter` or `cancelled`; anything else rejects. */
  outcome: Outcome;
  /** From the call to the first piece of the answer, as seen from here. Missing when nothing came. */
  timeToFirstTokenMs?: number;
  /** Output tokens over the time from the first piece to the end; missing without usage. */
  tokensPerSecond?: number;
  durationMs: number;
}

/**
 * An answer while it arrives.
 *
 * The stream is read once, from the moment it was asked for, whether or not anybody looks; `text`, `events` and `final`
 * are three views of that one reading and can be used together, in any order, more than once. Each loop begins at the
 * first event. What has arrived is kept as long as this object is, so it is bounded by the answer itself
 * (`limits.streamBytes`, 4 MiB by default), not by how fast a loop runs.
 */
export interface AnswerStream {
  /** Known as soon as the stream is started; rejects when it could not be. */
  readonly id: Promise<string>;
  /**
   * The visible text, piece by piece. Leaving the loop early does not stop the stream, since `final` may still be
   * awaited; `stop()` does.
   *
   * @throws HeadraceError after everything that arrived, when the stream failed or was interrupted.
   */
  readonly text: AsyncIterable<string>;
  /** Every event, the terminal one included; otherwise as `text`. */
  readonly events: AsyncIterable<StreamEvent>;
  /** The whole answer; also when it was stopped. Rejects only when the stream failed or was interrupted. */
  readonly final: Promise<FinalAnswer>;
  /** Stops the model. `text` ends, `final` resolves with what there is and the outcome `cancelled`. */
  stop(): Promise<void>;
}

export interface AnswerStreamOptions {
  clock: Clock;
  /** Ends the stream at its source. */
  stop: () => Promise<void>;
  /** The stream's id, when it is known otherwise than by the `stream-start` event. */
  id?: Promise<string>;
}

/** Makes the three views of one pass over `events`. Reading starts at once. */
export function createAnswerStream(
  events: AsyncIterable<StreamEvent>,
  { clock, stop, id }: AnswerStreamOptions,
): AnswerStream {
  const reading = new Reading(clock);
  void reading.run(events);
  const streamId = id ?? reading.streamId.promise;
  const final = reading.done.promise.then(() => reading.final(streamId));
  // Whoever does not await these must not get an unhandled rejection for it.
  for (const promise of [streamId, reading.streamId.promise, final]) promise.catch(() => {});
  return { id: streamId, text: { [Symbol.asyncIterator]: () => textOf(reading) }, events: reading, final, stop };
}

/** One pass over the events, kept so that any number of loops can follow it. */
class Reading implements AsyncIterable<StreamEvent> {
  readonly streamId = Promise.withResolvers<string>();
  /** Resolves when reading is over, however it ended. */
  readonly done = Promise.withResolvers<void>();
  readonly #arrived: StreamEvent[] = [];
  readonly #fold = new AnswerFold();
  readonly #clock: Clock;
  readonly #startedAt: number;
  #firstTokenAt: number | undefined;
  #endedAt = 0;
  #ended = false;
  #failure: HeadraceError | undefined;
  #change = Promise.withResolvers<void>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.elapsed();
  }

  async run(events: AsyncIterable<StreamEvent>): Promise<void> {
    try {
      for await (const event of events) {
        this.#add(event);
        if (isTerminal(event)) break;
      }
      this.#failure = this.#failureOfAnswer();
    } catch (error) {
      this.#failure = asReadingError(error);
    }
    this.#ended = true;
    this.#endedAt = this.#clock.elapsed();
    if (this.#failure !== undefined) this.streamId.reject(this.#failure);
    this.#change.resolve();
    this.done.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StreamEvent, void, undefined> {
    for (let index = 0; ; index++) {
      while (index >= this.#arrived.length) {
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#ended) return;
        await this.#change.promise;
      }
      yield this.#arrived[index] as StreamEvent;
    }
  }

  async final(streamId: Promise<string>): Promise<FinalAnswer> {
    if (this.#failure !== undefined) throw this.#failure;
    const { answer } = this.#fold;
    const blocks = answer.choices[0]?.blocks ?? [];
    const durationMs = this.#endedAt - this.#startedAt;
    const final: FinalAnswer = {
      streamId: answer.start?.streamId ?? (await streamId),
      text: answerText(answer),
      reasoning: blocks.map((block) => (block.kind === "reasoning" ? block.text : "")).join(""),
      toolCalls: blocks.flatMap((block) =>
        block.kind === "tool-call"
          ? [{ callId: block.callId, name: block.name, kind: block.toolKind, argumentsText: block.argumentsText }]
          : [],
      ),
      outcome: answer.outcome ?? "completed",
      durationMs,
    };
    const finishReason = answer.choices[0]?.finishReason;
    if (finishReason !== undefined) final.finishReason = finishReason;
    if (answer.usage !== undefined) final.usage = answer.usage;
    if (this.#firstTokenAt !== undefined) {
      final.timeToFirstTokenMs = this.#firstTokenAt - this.#startedAt;
      const seconds = (this.#endedAt - this.#firstTokenAt) / 1000;
      if (answer.usage !== undefined && seconds > 0) final.tokensPerSecond = answer.usage.outputTokens / seconds;
    }
    return final;
  }

  #add(event: StreamEvent): void {
    this.#arrived.push(event);
    this.#fold.add(event);
    if (event.type === "stream-start") this.streamId.resolve(event.streamId);
    if (this.#firstTokenAt === undefined && isContent(event)) this.#firstTokenAt = this.#clock.elapsed();
    const changed = this.#change;
    this.#change = Promise.withResolvers();
    changed.resolve();
  }

  #failureOfAnswer(): HeadraceError | undefined {
    const { outcome, error } = this.#fold.answer;
    if (outcome === undefined) {
      return new HeadraceError("stream-interrupted", "the stream ended without saying how; follow it again by its id");
    }
    if (outcome !== "failed" && outcome !== "interrupted") return undefined;
    if (error !== undefined) return errorFromReport(error);
    return new HeadraceError("stream-interrupted", `the stream ended as ${outcome} without saying why`);
  }
}

async function* textOf(events: AsyncIterable<StreamEvent>): AsyncGenerator<string, void, undefined> {
  for await (const event of events) {
    if (event.type === "text-delta" && (event.choice ?? 0) === 0) yield event.text;
  }
}

function isContent({ type }: StreamEvent): boolean {
  return type === "text-delta" || type === "reasoning-delta" || type === "refusal-delta" || type === "tool-call-start";
}

function asReadingError(error: unknown): HeadraceError {
  if (error instanceof Error && error.name === "AbortError") {
    return new HeadraceError("cancelled", "reading was stopped by its signal; the stream may go on", { cause: error });
  }
  return toHeadraceError(error);
}
