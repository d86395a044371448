import { describe, expect, test } from "vitest";
import { createIds, systemClock, systemRandomness } from "../src/outside.ts";
import { createVirtualClock } from "../src/testing.ts";

describe("the virtual clock", () => {
  test("wakes sleepers in order, each at its own time", async () => {
    const clock = createVirtualClock({ startsAt: 1000 });
    const woken: string[] = [];
    const nap = async (ms: number) => {
      await clock.sleep(ms);
      woken.push(`${ms}@${clock.elapsed()}`);
      await clock.sleep(5);
      woken.push(`${ms}+5@${clock.elapsed()}`);
    };
    void nap(20);
    void nap(10);

    await clock.advance(14);
    expect(woken).toEqual(["10@10"]);
    await clock.runAll();
    expect(woken).toEqual(["10@10", "10+5@15", "20@20", "20+5@25"]);
    expect(clock.now()).toBe(1025);
    expect(clock.pending).toBe(0);
  });

  test("repeats a task until told to stop, and says when something never wakes", async () => {
    const clock = createVirtualClock();
    let calls = 0;
    const stop = clock.every(10, () => calls++);
    await clock.advance(35);
    stop();
    await clock.advance(100);
    expect(calls).toBe(3);
    void clock.sleep(2000);
    await expect(clock.runAll({ limitMs: 1000 })).rejects.toThrow("1000 ms");
  });
});

for (const [name, clock] of [["system", systemClock] as const, ["virtual", createVirtualClock()] as const]) {
  test(`a sleep on the ${name} clock ends at once when aborted, with the reason, and leaves no listener`, async () => {
    const controller = new AbortController();
    let listeners = 0;
    const signal = controller.signal;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, args);
    };
    const short = clock.sleep(1, { signal });
    if ("advance" in clock) await clock.advance(1);
    await short;
    expect(listeners).toBe(0);

    const reason = new Error("nobody waits");
    const sleep = clock.sleep(60_000, { signal });
    controller.abort(reason);
    await expect(sleep).rejects.toBe(reason);
    await expect(clock.sleep(1, { signal })).rejects.toBe(reason);
  });
}

test("ids are unique, url-safe and carry at least 128 random bits", () => {
  const ids = createIds(systemRandomness);
  const made = new Set(Array.from({ length: 10_000 }, () => ids.streamId()));
  expect(made.size).toBe(10_000);
  for (const id of made) expect(id).toMatch(/^st_[0-9A-Za-z]{22}$/);
  expect(ids.requestId()).toMatch(/^req_[0-9A-Za-z]{22}$/);

  const counts = new Map<string, number>();
  for (const character of [...made].map((id) => id.slice(3)).join(""))
    counts.set(character, (counts.get(character) ?? 0) + 1);
  expect(counts.size).toBe(62);
  // 220,000 characters, so about 3,548 of each with a deviation of 59.
  for (const count of counts.values()) expect(Math.abs(count - 220_000 / 62)).toBeLessThan(420);
});

test("ids skip the bytes that would make some characters likelier", () => {
  let calls = 0;
  const bytes = (length: number) => new Uint8Array(length).fill(calls++ === 0 ? 255 : 61);
  expect(createIds({ number: () => 0, bytes }).streamId()).toBe(`st_${"z".repeat(22)}`);
});
