import type { Clock } from "./core/time.ts";

/** A clock that stands still until a test moves it. */
export interface VirtualClock extends Clock {
  /** Moves time forward, waking everything on the way in order; what was woken runs before time goes on. */
  advance(ms: number): Promise<void>;
  /**
   * Moves time forward until nothing sleeps any more; repeating tasks do not count as sleepers.
   *
   * @throws Error - something still sleeps after `limitMs`, by default a day.
   */
  runAll(options?: { limitMs?: number }): Promise<void>;
  /** How many sleeps and repeating tasks there are. */
  readonly pending: number;
}

interface Timer {
  dueAt: number;
  repeats: boolean;
  fire(): void;
}

/**
 * Makes a clock for tests: an hour of waiting takes a millisecond.
 *
 * @param options.startsAt - what `now()` says at first, in milliseconds since the epoch.
 *
 * @example
 * const clock = createVirtualClock();
 * const nap = clock.sleep(60_000);
 * await clock.advance(60_000);
 * await nap;
 */
export function createVirtualClock({ startsAt = Date.UTC(2026, 0, 1) } = {}): VirtualClock {
  let time = 0;
  const timers: Timer[] = [];

  const add = (timer: Timer) => {
    timers.splice(timers.findLastIndex(({ dueAt }) => dueAt <= timer.dueAt) + 1, 0, timer);
  };
  const remove = (timer: Timer) => {
    const index = timers.indexOf(timer);
    if (index >= 0) timers.splice(index, 1);
  };
  const fireDue = async (until: number) => {
    while (timers[0] !== undefined && timers[0].dueAt <= until) {
      time = timers[0].dueAt;
      while (timers[0] !== undefined && timers[0].dueAt <= time) timers.shift()?.fire();
      await settle();
    }
  };

  return {
    now: () => startsAt + time,
    elapsed: () => time,

    sleep(ms, { signal } = {}) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        if (ms <= 0) return resolve();
        const onAbort = () => {
          remove(timer);
          reject(signal?.reason);
        };
        const fire = () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        };
        const timer: Timer = { dueAt: time + ms, repeats: false, fire };
        signal?.addEventListener("abort", onAbort, { once: true });
        add(timer);
      });
    },

    every(ms, task) {
      if (!(ms > 0)) throw new RangeError(`cannot repeat a task every ${ms} ms`);
      const timer: Timer = {
        dueAt: time + ms,
        repeats: true,
        fire() {
          timer.dueAt += ms;
          add(timer);
          task();
        },
      };
      add(timer);
      return () => remove(timer);
    },

    async advance(ms) {
      const until = time + ms;
      await settle();
      await fireDue(until);
      time = until;
      await settle();
    },

    async runAll({ limitMs = 24 * 3_600_000 } = {}) {
      const limit = time + limitMs;
      await settle();
      while (true) {
        const sleeper = timers.find(({ repeats }) => !repeats);
        if (sleeper === undefined) return;
        if (sleeper.dueAt > limit) throw new Error(`something still sleeps after ${limitMs} ms of virtual time`);
        await fireDue(sleeper.dueAt);
      }
    },

    get pending() {
      return timers.length;
    },
  };
}

/** Lets everything that is ready run: a full turn of the event loop comes after all promise callbacks. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}
