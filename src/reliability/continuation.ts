import { HeadraceError, toHeadraceError } from "../core/errors.ts";
import type { AttemptStart, Outcome, Seam, StreamEvent, Usage } from "../core/events.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { SourceOptions, StreamContext, StreamSource } from "../core/source.ts";
import type { Clock } from "../core/time.ts";
import { estimateUsage, usageWithRest } from "../core/usage-estimate.ts";
import { anchorRequest, prefillRequest } from "./continuation-request.ts";
import { HeldToolCalls } from "./held-tool-calls.ts";
import { addUsage, JoinedAttempt } from "./joined-attempt.ts";
import { findJunction, type Joined } from "./junction.ts";
import type { Step } from "./ladder.ts";
import { climb } from "./ladder.ts";
import { remedyFor } from "./remedy.ts";
import { abandonResumptions, resumeAttempt } from "./resumable-attempt.ts";
import { Said } from "./said.ts";
import type { ServedTarget } from "./target.ts";

export interface ContinuationOptions {
  clock: Clock;
  /** Who may go on with the answer, in the order of the route. */
  targets: readonly ServedTarget[];
  /** Attempts after the first content that begin to answer. */
  maxRecoveries: number;
  /** Attempts in all. */
  maxAttempts: number;
  /** Permission for one more attempt; what is returned is called when it has begun to answer, or failed. */
  take: (after: HeadraceError) => (() => void) | undefined;
  /** What a model is told that has to go on with an answer; `{tail}` stands for the last words. */
  prompt: string;
  /** `atomic`: tool calls are held back until the answer is finished, so that a cut inside of one can be recovered. */
  toolCalls: "stream" | "atomic";
  /** Targets that answered a prefill with a refusal; added to. */
  refusedPrefill: Set<string>;
}

/** How long a recovery waits for its turn, and how often it asks. */
const longestWaitMs = 10_000;
const askEveryMs = 100;

/**
 * Goes on with an answer that breaks in the middle: another attempt is made to continue it, and nothing of that is shown
 * before it is decided where its text joins what was said.
 *
 * @see ladder.ts for who is asked how, seam-finder.ts for what counts as a proof.
 */
export function withContinuation(source: StreamSource, options: ContinuationOptions): StreamSource {
  return (request, sourceOptions) => ({
    [Symbol.asyncIterator]: () => new Continued(source, request, sourceOptions, options),
  });
}

type Result = IteratorResult<StreamEvent, undefined>;

class Continued implements AsyncIterator<StreamEvent> {
  readonly #request: GenerateRequest;
  readonly #sourceOptions: SourceOptions & { stream: StreamContext };
  readonly #options: ContinuationOptions;
  readonly #said = new Said();
  readonly #shunned = new Set<string>();
  readonly #broke = new Set<string>();
  #events: AsyncIterator<StreamEvent>;
  /** Ready to be taken. */
  #queue: StreamEvent[] = [];
  readonly #held: HeldToolCalls | undefined;
  #joined: JoinedAttempt | undefined;
  #attempt = 0;
  #recoveries = 0;
  /** Attempts that went on with the generation of another one, which are free. */
  #resumes = 0;
  /** Of all attempts that broke. */
  #spent: Usage | undefined;

  constructor(
    source: StreamSource,
    request: GenerateRequest,
    sourceOptions: SourceOptions,
    options: ContinuationOptions,
  ) {
    const stream = sourceOptions.stream ?? { id: "", attempts: 0 };
    this.#request = request;
    this.#sourceOptions = { ...sourceOptions, stream };
    this.#options = options;
    this.#held = options.toolCalls === "atomic" ? new HeldToolCalls() : undefined;
    this.#events = source(request, this.#sourceOptions)[Symbol.asyncIterator]();
  }

  next(): Promise<IteratorResult<StreamEvent>> {
    const ready = this.#queue.shift();
    if (ready !== undefined) return Promise.resolve({ value: ready, done: false });
    return this.#events.next().then(this.#take, this.#onFailure);
  }

  return(): Promise<IteratorResult<StreamEvent>> {
    return this.#events.return?.() ?? Promise.resolve({ value: undefined, done: true });
  }

  // Made once and not per event, which happens for every token.
  readonly #take = (result: IteratorResult<StreamEvent>): Result | Promise<IteratorResult<StreamEvent>> => {
    if (result.done === true) return result as Result;
    if (this.#joined === undefined && this.#held === undefined) {
      if (result.value.type === "attempt-start") this.#attempt = result.value.attempt ?? 0;
      this.#said.see(result.value);
      return result;
    }
    let event: StreamEvent | undefined;
    try {
      event = this.#joined === undefined ? result.value : this.#joined.fit(result.value);
      if (event !== undefined) this.#give(event);
    } catch (error) {
      void this.#events.return?.();
      throw error;
    }
    return this.next();
  };

  readonly #onFailure = async (error: unknown): Promise<IteratorResult<StreamEvent>> => {
    const failure = toHeadraceError(error);
    const { signal } = this.#sourceOptions;
    const broken = this.#target();
    const isOurs = this.#said.hasBegun && !signal.aborted && remedyFor(failure) !== "none";
    if (!isOurs || broken === undefined) throw failure;
    if (await this.#resume(broken)) return this.next();
    this.#held?.drop();
    // Nobody could tell which of several answers a continuation belongs to.
    if (this.#said.hasOtherChoices || (this.#request.choices ?? 1) > 1) throw failure;
    const state = this.#said.recoverable;
    if (state.kind === "complete") {
      this.#conclude(state.outcome);
      return this.next();
    }
    if (state.kind === "no") throw brokenInside(state.why, failure);
    this.#blame(broken, failure);
    this.#spend();
    if (!(await this.#recover(broken, failure))) throw failure;
    return this.next();
  };

  /** Goes on with the same generation, where its provider still has it: nothing is repeated, nothing is new. */
  async #resume(broken: ServedTarget): Promise<boolean> {
    const fromAttempt = this.#attempt;
    const resumed = await resumeAttempt(fromAttempt, broken, this.#request, this.#sourceOptions);
    if (resumed === undefined) return false;
    const toAttempt = resumed.attempt;
    this.#queue.push({ type: "seam", fromAttempt, toAttempt, rung: "native-resume", overlap: 0, confidence: 1 });
    this.#attempt = toAttempt;
    this.#events = resumed.events;
    this.#resumes++;
    return true;
  }

  /** Only the end was missing. */
  #conclude(outcome: Outcome): void {
    if (this.#said.usage === undefined) this.#queue.push({ type: "usage", usage: this.#used() });
    this.#queue.push({ type: "stream-end", outcome });
    this.#events = over;
  }

  /** Passes an event on, unless it belongs to tool calls that are held back. */
  #give(event: StreamEvent): void {
    for (const one of this.#held?.add(event) ?? [event]) {
      if (one.type === "attempt-start") this.#attempt = one.attempt ?? 0;
      this.#said.see(one);
      this.#queue.push(one);
    }
  }

  /** Who fell silent, or broke twice, is asked after all others. */
  #blame({ name }: ServedTarget, { code }: HeadraceError): void {
    if (code === "stream-stalled" || this.#broke.has(name)) this.#shunned.add(name);
    this.#broke.add(name);
  }

  async #recover(broken: ServedTarget, cause: HeadraceError): Promise<boolean> {
    const { refusedPrefill, maxRecoveries, maxAttempts } = this.#options;
    const { signal, stream } = this.#sourceOptions;
    const tried: Step[] = [];
    let lastFailure = cause;
    for (let step = this.#nextStep(broken, tried); step !== undefined; step = this.#nextStep(broken, tried)) {
      if (this.#recoveries >= maxRecoveries || stream.attempts - this.#resumes >= maxAttempts) return false;
      tried.push(step);
      const release = await this.#permission(lastFailure);
      if (release === undefined) return false;
      try {
        if (await this.#join(step)) return true;
      } catch (error) {
        if (signal.aborted) throw error;
        abandonResumptions(stream);
        const failure = toHeadraceError(error);
        lastFailure = failure;
        if (failure.code !== "provider-rejected") this.#blame(step.target, failure);
        else if (step.rung === "prefill") refusedPrefill.add(step.target.name);
      } finally {
        release();
      }
    }
    return false;
  }

  /** The first way to go on that was not tried; each failure may change their order. */
  #nextStep(broken: ServedTarget, tried: readonly Step[]): Step | undefined {
    const { targets, refusedPrefill } = this.#options;
    const characters = this.#said.text.trim().length;
    const shunned = this.#shunned;
    for (const step of climb({ targets, broken, shunned, request: this.#request, characters, refusedPrefill })) {
      if (!tried.some(({ target, rung }) => target === step.target && rung === step.rung)) return step;
    }
    return undefined;
  }

  /** Waits for its turn: when many answers break at once, not all of them may ask again at once. */
  async #permission(after: HeadraceError): Promise<(() => void) | undefined> {
    const { clock, take } = this.#options;
    const { signal } = this.#sourceOptions;
    const until = clock.elapsed() + longestWaitMs;
    for (let release = take(after); ; release = take(after)) {
      if (release !== undefined || clock.elapsed() >= until) return release;
      await clock.sleep(askEveryMs, { signal });
    }
  }

  /** Makes an attempt and decides where it joins; false when it does not. */
  async #join(step: Step): Promise<boolean> {
    const attempt = step.target.source(this.#requestFor(step), {
      ...this.#sourceOptions,
      reason: "recovery",
      rung: step.rung,
    });
    const events = attempt[Symbol.asyncIterator]();
    const junction = await findJunction(events, {
      said: this.#said.text,
      rung: step.rung,
      mayGuess: !this.#isJson,
      onStart: () => this.#recoveries++,
    });
    if (junction === undefined) return false;
    const { start, first } = junction;
    const joined = this.#joinedAttempt();
    try {
      const fitting = first.map((event) => joined.fit(event));
      const seam = this.#seam(junction.seam, start);
      this.#connect(events, joined, [seam, joined.start(start), ...fitting]);
      const { observe, stream } = this.#sourceOptions;
      observe?.({ ...seam, type: "seam-joined", streamId: stream.id });
    } catch (error) {
      void events.return?.();
      throw error;
    }
    return true;
  }

  #joinedAttempt(): JoinedAttempt {
    const { text, reasoning } = this.#said;
    return new JoinedAttempt({ text, reasoning, isJson: this.#isJson, usage: this.#spent ?? none });
  }

  #connect(
    events: AsyncIterator<StreamEvent>,
    joined: JoinedAttempt,
    first: readonly (StreamEvent | undefined)[],
  ): void {
    this.#joined = joined;
    this.#events = events;
    for (const event of first) if (event !== undefined) this.#give(event);
  }

  #seam({ rung, overlap, confidence }: Joined, { attempt = 0 }: AttemptStart): Seam {
    return { type: "seam", fromAttempt: this.#attempt, toAttempt: attempt, rung, overlap, confidence };
  }

  #requestFor({ target, rung }: Step): GenerateRequest {
    const { text } = this.#said;
    if (rung === "prefill") return prefillRequest(this.#request, text, target.profile.prefill);
    return rung === "anchor-echo" ? anchorRequest(this.#request, text, this.#options.prompt) : this.#request;
  }

  get #isJson(): boolean {
    const { responseFormat } = this.#request;
    return responseFormat !== undefined && responseFormat.type !== "text";
  }

  #target(): ServedTarget | undefined {
    const name = this.#sourceOptions.stream.targets?.[this.#attempt];
    return this.#options.targets.find((target) => target.name === name);
  }

  /** What the attempt that just broke has used up goes into the account of the answer. */
  #spend(): void {
    this.#spent = this.#used();
    this.#said.usage = undefined;
    this.#said.charactersSinceUsage = 0;
  }

  /** By all attempts up to here. What was reported behind a seam contains everything before it. */
  #used(): Usage {
    const { usage, charactersSinceUsage } = this.#said;
    if (usage !== undefined) return usageWithRest(usage, charactersSinceUsage);
    return addUsage(this.#spent ?? none, estimateUsage(this.#request, charactersSinceUsage));
  }
}

const over: AsyncIterator<StreamEvent> = { next: () => Promise.resolve({ value: undefined, done: true }) };
const none: Usage = { inputTokens: 0, outputTokens: 0 };

function brokenInside(why: "tool-call" | "reasoning" | "refusal", cause: HeadraceError): HeadraceError {
  if (why === "tool-call") {
    const message =
      'the answer broke off with a tool call under way; a route with toolCalls: "atomic" recovers from that';
    return new HeadraceError("interrupted-tool-call", message, { cause });
  }
  return new HeadraceError("stream-interrupted", `the answer broke off inside its ${why}, which cannot be continued`, {
    cause,
  });
}
