import type { Clock, Randomness } from "./core/time.ts";

// The largest delay that timers take; anything above would fire at once.
const longestTimerMs = 2 ** 31 - 1;

/** The real time. A single wait is at most 24.8 days. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),

  sleep(ms, { signal } = {}) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(
        () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
        Math.min(ms, longestTimerMs),
      );
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  },

  every(ms, task) {
    // Browsers and Workers return a number, Node an object that can let the process end.
    const timer: unknown = setInterval(task, Math.min(ms, longestTimerMs));
    if (canUnref(timer)) timer.unref();
    return () => clearInterval(timer as Parameters<typeof clearInterval>[0]);
  },
};

function canUnref(timer: unknown): timer is { unref(): void } {
  return typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function";
}

/** `number` is for jitter only; whatever must not be guessed comes from `bytes`. */
export const systemRandomness: Randomness = {
  number: () => Math.random(),
  bytes: drawBytes,
};

// Asking the system for a few bytes costs as much as asking for many.
const pool = new Uint8Array(4096);
let drawn = pool.length;

function drawBytes(length: number): Uint8Array {
  if (length > pool.length) return crypto.getRandomValues(new Uint8Array(length));
  if (drawn + length > pool.length) {
    crypto.getRandomValues(pool);
    drawn = 0;
  }
  drawn += length;
  return pool.slice(drawn - length, drawn);
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

export interface Ids {
  /** `st_` and 22 base62 characters, 130 random bits: it cannot be guessed. */
  streamId(): string;
  /** `req_` and 22 base62 characters. */
  requestId(): string;
}

export function createIds(randomness: Randomness): Ids {
  return {
    streamId: () => `st_${randomBase62(randomness, 22)}`,
    requestId: () => `req_${randomBase62(randomness, 22)}`,
  };
}

function randomBase62(randomness: Randomness, length: number): string {
  let text = "";
  while (text.length < length) {
    for (const byte of randomness.bytes(length + 8)) {
      // 248 is the largest multiple of 62 in a byte; the bytes above would make the first characters likelier.
      if (byte < 248 && text.length < length) text += base62[byte % 62];
    }
  }
  return text;
}
