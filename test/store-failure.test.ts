import { describe, expect, test } from "vitest";

import { HeadraceError } from "../src/core/errors.ts";
import { promptRequest } from "../src/core/request.ts";
import { MemoryLog } from "../src/log/memory-log.ts";
import { runWriteLoop } from "../src/streams/write-loop.ts";
import { createVirtualClock } from "../src/testing.ts";

class FullAtFirst extends MemoryLog {
  failures = 1;

  override append(...args: Parameters<MemoryLog["append"]>): ReturnType<MemoryLog["append"]> {
    if (this.failures-- > 0) return Promise.reject(new HeadraceError("storage-full", "the disk is full"));
    return super.append(...args);
  }
}

describe("a stream whose first entries cannot be stored", () => {
  test("still has its header and one honest end once there is room", async () => {
    const clock = createVirtualClock();
    const log = new FullAtFirst({ now: () => clock.now() });
    const facts = { id: "st_1", owner: "", protocol: "events" as const, model: "m", createdAt: 0 };
    const created = await log.create(facts);
    const done = runWriteLoop({
      log,
      streamId: "st_1",
      epoch: created.status === "created" ? created.epoch : 0,
      header: { type: "stream-start", streamId: "st_1", format: 1, protocol: "events", model: "m", createdAt: 0 },
      async *source() {
        yield { type: "text-delta", text: "lost" };
        yield { type: "stream-end", outcome: "completed" };
      },
      request: promptRequest("m", "go"),
      signal: new AbortController().signal,
      limits: { streamBytes: 1_000, streamEntries: 100 },
      clock,
      observe: () => {},
    });
    expect((await done)?.outcome).toBe("failed");
    const entries = await log.read("st_1", { after: -1, limit: 10 });
    expect(entries.map(({ event }) => event.type)).toEqual(["stream-start", "stream-end"]);
  });
});
