import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { end, newStream, text } from "./conformance/stream-log-fixtures.ts";
import type { FileCalls } from "./support/files.ts";
import { replaceFiles } from "./support/files.ts";
import { LogFolder } from "./support/log-folder.ts";

const megabyte = 1024 * 1024;

let folder: LogFolder;
let restore: () => void;

beforeEach(() => {
  folder = new LogFolder();
  restore = () => {};
});
afterEach(() => {
  restore();
  folder.remove();
});

describe("a log that always waits for its disk", () => {
  test("still moves streams that ended out of its journal", async () => {
    // Each commit begins when the one before it is on the disk, so writing is never possible when a timer fires.
    restore = replaceFiles({
      fdatasync: ((_: number, done: (error: null) => void) =>
        setTimeout(done, 2, null)) as unknown as FileCalls["fdatasync"],
    });
    const log = folder.open({ durability: "disk", upkeepDelayMs: 1 });
    let isOver = false;
    const lane = async (name: string): Promise<void> => {
      for (let number = 0; !isOver; number++) {
        const id = `${name}${number}`;
        await log.create(newStream(id));
        await log.append(id, 1, 0, [text("x".repeat(50_000)), end]);
      }
    };
    const lanes = Promise.all(["a", "b", "c", "d", "e", "f"].map(lane));
    let written = 0;
    while (written < 100) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      written = (await log.list({ owner: "ann", limit: 1_000 })).length;
    }
    const bytes = folder.journalBytes();
    isOver = true;
    await lanes;

    expect(bytes).toBeLessThan(3 * megabyte);
    await log.close();
  });
});

describe("streams that are deleted one after the other", () => {
  test("are gone from every file soon, though there are always more", async () => {
    const log = folder.open();
    await log.create(newStream("quiet"));
    await log.append("quiet", 1, 0, [text("keeps all files")]);
    for (let number = 0; number < 4; number++) {
      await log.create(newStream(`big${number}`));
      await log.append(`big${number}`, 1, 0, [text("x".repeat(megabyte)), end]);
    }
    await log.create(newStream("first"));
    await log.append("first", 1, 0, [text("the secret")]);
    const found = (): boolean =>
      folder.journalFiles().some((file) => readFileSync(file, "utf8").includes("the secret"));
    expect(found()).toBe(true);
    await log.delete("first");

    let deleted = 0;
    for (; found() && deleted < 2_000; deleted++) {
      await log.create(newStream(`s${deleted}`));
      await log.delete(`s${deleted}`);
    }

    expect(deleted).toBeLessThan(2_000);
    await log.close();
  });
});

describe("a log that may not grow any more", () => {
  test("first gives up files of its journal that only a quiet stream keeps", async () => {
    const log = folder.open({ maxBytes: 4 * megabyte });
    await log.create(newStream("quiet"));
    await log.append("quiet", 1, 0, [text("keeps all files")]);

    // Without that, half of the room is for what is in segments already.
    for (let number = 0; number < 17; number++) {
      await log.create(newStream(`s${number}`));
      const append = () => log.append(`s${number}`, 1, 0, [text("x".repeat(200_000)), end]);
      await vi.waitFor(append, { timeout: 2_000 });
    }

    expect((await log.info("quiet"))?.entries).toBe(1);
    await log.close();
  });
});
