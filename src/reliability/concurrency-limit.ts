import { HeadraceError, nobodyWaits, toHeadraceError } from "../core/errors.ts";
import { untilFirst, whenOpen } from "../core/opened-source.ts";
import type { StreamSource } from "../core/source.ts";
import type { Clock, Randomness } from "../core/time.ts";

const startLimit = 20;
const smallestLimit = 4;
const largestLimit = 200;
const decrease = 0.9;

export interface ConcurrencyOptions {
  clock: Clock;
  randomness: Randomness;
  /** Calls that may wait for their turn. Default 100. */
  queueLength?: number;
  /** How long they may. Default 5 s. */
  queueMs?: number;
}

/**
 * How many calls of a target may wait for their first token at once: fewer each time the target says that it is too
 * many, one more with each call that begins well while it does not. It has no opinion before the first such sign, and none when it has grown to its
 * largest; how long answers are does not matter to it.
 */
export class ConcurrencyLimit {
  readonly #clock: Clock;
  readonly #randomness: Randomness;
  readonly #queueLength: number;
  readonly #queueMs: number;
  #limit: number | undefined;
  #underWay = 0;
  #lastDecreaseAt = 0;
  readonly #queue = new Set<() => void>();

  constructor({ clock, randomness, queueLength = 100, queueMs = 5_000 }: ConcurrencyOptions) {
    this.#clock = clock;
    this.#randomness = randomness;
    this.#queueLength = queueLength;
    this.#queueMs = queueMs;
  }

  /** Undefined while there is none. */
  get limit(): number | undefined {
    return this.#limit;
  }

  /** Calls that wait for their first token. */
  get active(): number {
    return this.#underWay;
  }

  /** Calls that wait for their turn. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Whether a call would not have to wait. */
  get hasRoom(): boolean {
    return this.#limit === undefined || this.#underWay < Math.floor(this.#limit);
  }

  /** Counts a call in, without waiting. Only when there is room. */
  enter(): void {
    this.#underWay++;
  }

  /** Waits for room, then counts a call in. */
  async waitForRoom(signal: AbortSignal): Promise<void> {
    if (this.#queue.size >= this.#queueLength) throw this.#overloaded();
    const called = new AbortController();
    const wake = (): void => called.abort(nobodyWaits);
    const onAbort = (): void => called.abort(nobodyWaits);
    this.#queue.add(wake);
    signal.addEventListener("abort", onAbort, { once: true });
    const isTimeUp = await this.#clock.sleep(this.#queueMs, { signal: called.signal }).then(
      () => true,
      () => false,
    );
    signal.removeEventListener("abort", onAbort);
    const wasCalled = !this.#queue.delete(wake);
    if (wasCalled) {
      // Its place was counted by whoever called it.
      if (signal.aborted) this.leave(undefined);
    } else if (isTimeUp) throw this.#overloaded();
    if (signal.aborted) throw signal.reason;
  }

  /** A call has begun to answer, or failed. */
  leave(how: "succeeded" | "too-many" | undefined, startedAt = 0): void {
    this.#underWay--;
    if (how === "succeeded") this.#grow();
    if (how === "too-many") this.#shrink(startedAt);
    while (this.#queue.size > 0 && this.hasRoom) {
      const [wake] = this.#queue;
      this.#queue.delete(wake as () => void);
      this.#underWay++;
      wake?.();
    }
  }

  #grow(): void {
    // Success says little about a limit that is not nearly used.
    if (this.#limit === undefined || (this.#underWay + 1) * 2 < this.#limit) return;
    this.#limit++;
    if (this.#limit >= largestLimit) this.#limit = undefined;
  }

  #shrink(startedAt: number): void {
    // What was called before the last decrease says nothing about the limit since.
    if (this.#limit !== undefined && startedAt < this.#lastDecreaseAt) return;
    const from = this.#limit ?? Math.min(Math.max(this.#underWay + 1, startLimit), largestLimit);
    this.#limit = Math.max(from * decrease, smallestLimit);
    this.#lastDecreaseAt = this.#clock.elapsed();
  }

  #overloaded(): HeadraceError {
    return new HeadraceError("overloaded", "too many requests wait for this model; ask again in a moment", {
      retryAfterMs: 1_000 + Math.floor(this.#randomness.number() * 4_000),
    });
  }
}

/** Keeps the number of calls that wait for their first token within what the target can take. */
export function withConcurrencyLimit(source: StreamSource, limit: ConcurrencyLimit, clock: Clock): StreamSource {
  return (request, options) =>
    whenOpen(async () => {
      const askedAt = clock.elapsed();
      const mustWait = !limit.hasRoom;
      if (mustWait) await limit.waitForRoom(options.signal);
      else limit.enter();
      const startedAt = clock.elapsed();
      const callOptions = mustWait ? { ...options, queueMs: startedAt - askedAt } : options;
      try {
        const opened = await untilFirst(source(request, callOptions));
        limit.leave("succeeded");
        return opened;
      } catch (error) {
        const { code } = toHeadraceError(error);
        const tooMany =
          code === "provider-rate-limited" || code === "provider-overloaded" || code === "provider-timeout";
        limit.leave(tooMany ? "too-many" : undefined, startedAt);
        throw error;
      }
    });
}
