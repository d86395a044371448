/** The only source of time. Tests inject one that they move themselves. */
export interface Clock {
  /** Milliseconds since the epoch, for times that people read. Never compared with itself: it may jump. */
  now(): number;
  /** Monotonic milliseconds from an arbitrary origin, for durations and deadlines. */
  elapsed(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, options?: { signal?: AbortSignal }): Promise<void>;
  /** Calls `task` every `ms` until the returned function is called. Does not keep a process alive. */
  every(ms: number, task: () => void): () => void;
}

/** Random bytes and numbers, injected for the same reason as the clock. */
export interface Randomness {
  /** In [0, 1). */
  number(): number;
  /** Cryptographically strong. */
  bytes(length: number): Uint8Array;
}
