// `performance.now()` is cheap but counts from the start of each process; `process.hrtime` counts from the start of the
// machine and is the same in all of them. Both read the same monotonic clock, so one offset joins them.
const originUs = Number(process.hrtime.bigint() / 1000n) - performance.now() * 1000;

/** Whole microseconds on the machine's monotonic clock: comparable between processes on one machine. */
export function machineTimeUs(): number {
  return Math.round(originUs + performance.now() * 1000);
}
