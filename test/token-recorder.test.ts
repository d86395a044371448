import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { Histogram } from "../src/records/histogram.ts";
import { packTimeline, Timeline, unpackTimeline } from "../src/records/timeline.ts";
import { TokenRecorder } from "../src/records/token-recorder.ts";
import { createVirtualClock } from "../src/testing.ts";

describe("what is noted of the pace of an answer", () => {
  test("a timeline of any length is short, and ends with everything that arrived", () => {
    const steps = fc.array(fc.tuple(fc.nat(500), fc.integer({ min: 1, max: 50 })), { maxLength: 3_000 });
    fc.assert(
      fc.property(steps, (arrivals) => {
        const timeline = new Timeline();
        let [time, characters] = [0, 0];
        for (const [ms, count] of arrivals) timeline.add((time += ms), (characters += count));
        const points = timeline.points();
        expect(points.length).toBeLessThanOrEqual(400);
        expect(points.at(-1)?.[1] ?? 0).toBe(characters);
        for (const [index, [atMs, count]] of points.entries()) {
          const [beforeMs, before] = points[index - 1] ?? [-1, 0];
          expect(atMs).toBeGreaterThan(beforeMs);
          expect(count).toBeGreaterThan(before);
        }
        expect(unpackTimeline(packTimeline(points))).toEqual(points);
      }),
      { numRuns: 30 },
    );
  });

  test("quantiles are within 4.5 % of what they are", () => {
    const values = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 500 });
    fc.assert(
      fc.property(values, fc.constantFrom(0.5, 0.95), (numbers, share) => {
        const histogram = new Histogram();
        for (const number of numbers) histogram.add(number);
        const sorted = numbers.toSorted((a, b) => a - b);
        const exact = sorted[Math.ceil(numbers.length * share) - 1] as number;
        const told = histogram.quantile(share) as number;
        expect(Math.abs(told - exact)).toBeLessThanOrEqual(0.045 * (exact + 1));
        expect(histogram.max).toBe(sorted.at(-1));
      }),
    );
  });

  test("holds no content, and only so many warnings and seams", async () => {
    const clock = createVirtualClock();
    const recorder = new TokenRecorder(clock);
    for (let index = 0; index < 1_000; index++) {
      await clock.advance(10);
      recorder.see({ type: "text-delta", text: "secret" });
      recorder.see({ type: "warning", message: "w".repeat(1_000) });
      recorder.see({ type: "seam", fromAttempt: 0, toAttempt: 1, rung: "prefill", overlap: 0, confidence: 1 });
    }
    expect(recorder).toMatchObject({ characters: 6_000, firstContentMs: 10, entries: 3_001 });
    expect(JSON.stringify(recorder)).not.toContain("secret");
    expect(recorder.warnings.join("").length).toBeLessThan(10_000);
    expect(recorder.seams.length).toBeLessThan(100);
    expect(recorder.gaps.quantile(0.5)).toBeCloseTo(10, 0);
  });
});
