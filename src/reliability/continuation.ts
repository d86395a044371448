import { HeadraceError, toHeadraceError } from "../core/errors.ts";
import type { AttemptStart, Outcome, Seam, StreamEvent, Usage } from "../core/events.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { SourceOptions, StreamContext, StreamSource } from "../core/source.ts";
import type { Clock } from "../core/time.ts";
import { estimateUsage, usageWithRest } from "../core/usage-estimate.ts";
import { anchorRequest, prefillRequest } from "./continuation-request.ts";
import { addUsage, JoinedAttempt } from "./joined-attempt.ts";
import type { Step } from "./ladder.ts";
import { climb } from "./ladder.ts";
import { remedyFor } from "./remedy.ts";
import { abandonResumptions, resumeAttempt } from "./resumable-attempt.ts";
import { Said } from "./said.ts";
import type { SeamVerdict } from "./seam-finder.ts";
import { SeamFinder } from "./seam-finder.ts";
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
/** Characters of tool calls that are held back, and events of an attempt before it is decided where it joins. */
const maxHeldCharacters = 1024 * 1024;
const maxEarly = 1_000;

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
  /** Tool calls that are not complete. */
  #held: StreamEvent[] | undefined;
  #heldCharacters = 0;
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
    if (this.#joined === undefined && this.#options.toolCalls === "stream") {
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
    this.#held = undefined;
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
    if (this.#options.toolCalls === "atomic" && this.#held === undefined && event.type === "tool-call-start") {
      this.#held = [];
      this.#heldCharacters = 0;
    }
    const isOver = event.type === "finish" || event.type === "stream-end";
    if (this.#held !== undefined && !isOver) {
      this.#hold(this.#held, event);
      return;
    }
    for (const one of [...(this.#held ?? []), event]) {
      if (one.type === "attempt-start") this.#attempt = one.attempt ?? 0;
      this.#said.see(one);
      this.#queue.push(one);
    }
    this.#held = undefined;
  }

  #hold(held: StreamEvent[], event: StreamEvent): void {
    held.push(event);
    // An event without text takes up room as well.
    this.#heldCharacters += 64 + (event.type === "tool-call-delta" ? event.argumentsText.length : 0);
    if (this.#heldCharacters <= maxHeldCharacters) return;
    throw new HeadraceError(
      "response-too-large",
      `tool calls of more than ${maxHeldCharacters} characters are not held back`,
    );
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
    const said = this.#said;
    const seam = said.text === "" ? undefined : new SeamFinder(said.text, step.rung);
    const early: StreamEvent[] = [];
    let start: AttemptStart | undefined;
    for (;;) {
      const { value: event, done } = await events.next();
      if (done === true) return false;
      if (start === undefined && event.type === "attempt-start") {
        start = event;
        this.#recoveries++;
      }
      const verdict = verdictOn(event, seam);
      const isOpen = verdict === undefined || verdict.is === "undecided";
      if (isOpen && early.length < maxEarly) {
        if (isWorthKeeping(event)) early.push(event);
        continue;
      }
      if (isOpen || verdict.is === "rejected" || start === undefined || (this.#isJson && verdict.confidence < 1)) {
        void events.return?.();
        return false;
      }
      const joined = this.#joinedAttempt();
      try {
        const first = [...early, ...afterSeam(event, verdict, seam)].map((one) => joined.fit(one));
        const seamEvent = this.#seam(verdict, start);
        this.#connect(events, joined, [seamEvent, joined.start(start), ...first]);
        const { observe, stream } = this.#sourceOptions;
        observe?.({ ...seamEvent, type: "seam-joined", streamId: stream.id });
      } catch (error) {
        void events.return?.();
        throw error;
      }
      return true;
    }
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

type Joined = Extract<SeamVerdict, { is: "joined" }>;

/** What an event tells about the seam; undefined when it tells nothing. */
function verdictOn(event: StreamEvent, seam: SeamFinder | undefined): SeamVerdict | undefined {
  switch (event.type) {
    case "text-delta":
      return seam === undefined ? anew(event.text) : seam.push(event.text);
    case "reasoning-delta":
    case "reasoning-signature":
      return seam === undefined ? anew("") : undefined;
    case "tool-call-start":
    case "refusal-delta":
    case "finish":
    case "stream-end":
      return seam === undefined ? anew("") : seam.end();
    default:
      return undefined;
  }
}

/** Once there was text, what a new attempt thinks before its own is of no use to anybody. */
function isWorthKeeping({ type }: StreamEvent): boolean {
  return type !== "text-delta" && type !== "attempt-start" && type !== "reasoning-delta" && type !== "vendor-frame";
}

/** Nothing was visible but reasoning, so any answer joins. */
function anew(text: string): Joined {
  return { is: "joined", text, overlap: 0, rung: "prefix-match", confidence: 1 };
}

/** The deciding event with what is new of it. */
function afterSeam(event: StreamEvent, { text }: Joined, seam: SeamFinder | undefined): StreamEvent[] {
  if (event.type === "text-delta") return text === "" ? [] : [{ type: "text-delta", text }];
  const rest: StreamEvent[] = seam === undefined || text === "" ? [] : [{ type: "text-delta", text }];
  return [...rest, event];
}

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
