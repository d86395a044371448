import { readFileSync, rmSync, statSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { SqliteLog } from "../src/log/sqlite-log.ts";
import { end, newStream, readTexts, text } from "./conformance/stream-log-fixtures.ts";
import type { FileCalls } from "./support/files.ts";
import { realFiles, replaceFiles, systemError } from "./support/files.ts";
import { LogFolder } from "./support/log-folder.ts";

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

function fail(code: string, syscall: string): never {
  throw systemError(code, syscall);
}

/** Fails in the middle of the next write, and only then. */
function failNextWrite(more: Partial<FileCalls> = {}): void {
  const writeSync = ((descriptor: number, bytes: Buffer, offset: number) => {
    restore();
    restore = replaceFiles(more);
    realFiles.writeSync(descriptor, bytes, offset, 20);
    return fail("ENOSPC", "write");
  }) as unknown as FileCalls["writeSync"];
  restore = replaceFiles({ ...more, writeSync });
}

const failingSync = ((_: number, done: (error: Error) => void) => {
  setImmediate(done, systemError("EIO", "fdatasync"));
}) as unknown as FileCalls["fdatasync"];

async function openWithStream(more: Parameters<LogFolder["open"]>[0] = {}): Promise<SqliteLog> {
  const log = folder.open({ upkeepDelayMs: 60_000, ...more });
  await log.create(newStream("a"));
  await log.append("a", 1, 0, [text("one")]);
  return log;
}

/** Kills the process. */
async function expectAfterKill(log: SqliteLog, texts: string[]): Promise<void> {
  restore();
  await folder.kill(log);
  const again = folder.open();
  expect(await readTexts(again, "a")).toEqual(texts);
  await again.close();
}

describe("a write that fails half-way", () => {
  test("refuses the append, and hides nothing of what comes after it", async () => {
    const log = await openWithStream();
    failNextWrite();

    await expect(log.append("a", 1, 1, [text("no")])).rejects.toMatchObject({ code: "storage-full" });

    expect(await log.append("a", 1, 1, [text("two")])).toEqual({ status: "ok", next: 2 });
    await expectAfterKill(log, ["one", "two"]);
  });

  test("does so as well when the half cannot be taken back, nor the file be closed", async () => {
    const log = await openWithStream();
    failNextWrite({ ftruncateSync: () => fail("EIO", "ftruncate"), closeSync: () => fail("EIO", "close") });

    await expect(log.append("a", 1, 1, [text("no")])).rejects.toBeInstanceOf(Error);

    expect(await log.append("a", 1, 1, [text("two")])).toEqual({ status: "ok", next: 2 });
    await expectAfterKill(log, ["one", "two"]);
  });

  test("while the stream changes its writer sends the new one to where the entries really end", async () => {
    const log = await openWithStream();
    failNextWrite();

    const refused = log.append("a", 1, 1, [text("no")]);
    const taken = log.takeOver("a");

    await expect(refused).rejects.toMatchObject({ code: "storage-full" });
    expect(await taken).toEqual({ epoch: 2, next: 1 });
    expect(await log.append("a", 1, 1, [text("late")])).toEqual({ status: "fenced", epoch: 2 });
    expect(await log.append("a", 2, 1, [text("two")])).toEqual({ status: "ok", next: 2 });
    await expectAfterKill(log, ["one", "two"]);
  });
});

describe("a change of writer that the database refuses", () => {
  test("leaves the writer before where it is, without an entry twice", async () => {
    const log = await openWithStream();
    const { database, write } = log.share();
    await write(() =>
      database.exec("CREATE TRIGGER refuse BEFORE UPDATE ON streams BEGIN SELECT RAISE(ABORT, 'no'); END"),
    );

    const appended = log.append("a", 1, 1, [text("two")]);
    const taken = log.takeOver("a");

    await expect(taken).rejects.toMatchObject({ code: "log-unavailable" });
    expect(await appended).toEqual({ status: "ok", next: 2 });
    expect(await log.append("a", 1, 2, [text("three")])).toEqual({ status: "ok", next: 3 });
    await write(() => database.exec("DROP TRIGGER refuse"));
    await expectAfterKill(log, ["one", "two", "three"]);
  });
});

describe("a file of the journal that cannot be made", () => {
  test.each(["process", "disk"] as const)("refuses appends until it can be (%s)", async (durability) => {
    const log = folder.open({ durability });
    await log.create(newStream("a"));
    restore = replaceFiles({ openSync: () => fail("EMFILE", "open") });

    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(log.append("a", 1, 0, [text("no")])).rejects.toMatchObject({ code: "log-unavailable" });
    }
    restore();

    expect(await log.append("a", 1, 0, [text("one")])).toEqual({ status: "ok", next: 1 });
    await expectAfterKill(log, ["one"]);
  });

  test("is not used when its folder could not be synced", async () => {
    const log = folder.open({ durability: "disk", upkeepDelayMs: 60_000 });
    await log.create(newStream("a"));
    restore = replaceFiles({ fsyncSync: () => fail("EIO", "fsync") });

    await expect(log.append("a", 1, 0, [text("no")])).rejects.toMatchObject({ code: "log-unavailable" });
    restore();
    await log.append("a", 1, 0, [text("one")]);

    expect(folder.journalFiles().map((file) => statSync(file).size > 0)).toEqual([false, true]);
    await expectAfterKill(log, ["one"]);
  });
});

describe("a file of the journal that cannot be removed", () => {
  test.each(["process", "disk"] as const)("stops nobody, and goes later (%s)", async (durability) => {
    const log = folder.open({ durability });
    await log.create(newStream("a"));
    let attempts = 0;
    const refuse = (): never => {
      attempts++;
      return fail("EROFS", "unlink");
    };
    restore = replaceFiles({ rmSync: refuse });
    await log.append("a", 1, 0, [text("one"), end]);
    await vi.waitFor(() => expect(attempts).toBeGreaterThan(0));
    restore();
    await folder.kill(log);
    expect(folder.journalBytes()).toBeGreaterThan(0);

    // Nobody writes, and yet the file goes: there may be no room to write while it is there.
    const again = folder.open({ durability });
    await vi.waitFor(() => expect(folder.journalFiles()).toEqual([]));
    expect(await readTexts(again, "a")).toEqual(["one", "stream-end"]);
    await again.close();
  });
});

describe("a file of the journal that somebody removed", () => {
  test("keeps no other file from losing what was deleted", async () => {
    const log = folder.open();
    await log.create(newStream("quiet"));
    await log.append("quiet", 1, 0, [text("keeps the first file")]);
    await log.create(newStream("busy"));
    await log.append("busy", 1, 0, [text("x".repeat(1024 * 1024))]);
    await log.create(newStream("a"));
    await log.append("a", 1, 0, [text("the secret")]);
    const [first = "", second = ""] = folder.journalFiles();
    rmSync(first);

    await log.delete("a");

    await vi.waitFor(() => expect(readFileSync(second, "utf8")).not.toContain("the secret"));
    await log.close();
  });
});

describe("a disk that cannot sync the database", () => {
  test("keeps the journal, and nobody believes it again", async () => {
    const log = await openWithStream({ durability: "disk", upkeepDelayMs: 0 });
    // The first sync is that of the append, the next one comes before the journal goes.
    let syncs = 0;
    const syncOnce = (descriptor: number, done: (error: NodeJS.ErrnoException | null) => void): void => {
      if (syncs++ === 0) realFiles.fdatasync(descriptor, done);
      else failingSync(descriptor, done);
    };
    restore = replaceFiles({ fdatasync: syncOnce as FileCalls["fdatasync"] });
    await log.append("a", 1, 1, [end]);

    await vi.waitFor(() => expect(log.info("a")).rejects.toThrow(/could not be written to the disk/));

    expect(folder.journalBytes()).toBeGreaterThan(0);
    restore();
    await expect(log.create(newStream("b"))).rejects.toMatchObject({ code: "log-unavailable" });
    await expectAfterKill(log, ["one", "stream-end"]);
  });

  test("tells so to everybody who waits", async () => {
    const log = await openWithStream({ durability: "disk" });
    restore = replaceFiles({ fdatasync: failingSync });
    const first = log.append("a", 1, 1, [text("two")]);
    await new Promise((resolve) => setImmediate(resolve));
    const waiting = [log.append("a", 1, 2, [text("three")]), log.takeOver("a"), log.delete("a")];

    for (const result of [first, ...waiting]) {
      await expect(result).rejects.toThrow(/could not be written to the disk/);
    }
    restore();
    await folder.kill(log);
  });
});

describe("a log that is closed while a commit is on its way to the disk", () => {
  test("either has what comes after it or refuses it, and touches nothing afterwards", async () => {
    const log = await openWithStream({ durability: "disk" });
    const results: unknown[] = [];
    const append = (seq: number): void => {
      void log.append("a", 1, seq, [text(`${seq}`)]).then(
        () => results.push("ok"),
        () => results.push("refused"),
      );
    };
    let syncs = 0;
    const fdatasync = ((descriptor: number, done: (error: Error | null) => void) => {
      if (++syncs === 3) append(3);
      realFiles.fdatasync(descriptor, done);
    }) as unknown as FileCalls["fdatasync"];
    restore = replaceFiles({ fdatasync });
    append(1);
    await new Promise((resolve) => setImmediate(resolve));
    append(2);
    await log.close();
    append(4);
    await vi.waitFor(() => expect(results).toHaveLength(4));

    expect(folder.journalFiles()).toEqual([]);
    const again = folder.open();
    const texts = await readTexts(again, "a");
    expect(texts).toEqual(["one", "1", "2", "3", "4"].slice(0, texts.length));
    expect(results.map((result) => result === "ok")).toEqual([1, 2, 3, 4].map((seq) => seq < texts.length));
    await again.close();
  });
});

describe("a log that starts on what a killed process left", () => {
  test("has it on the disk before anybody sees it (disk)", async () => {
    const log = await openWithStream({ durability: "disk" });
    await folder.kill(log);
    const opened = new Map<number, string>();
    const synced: (string | undefined)[] = [];
    restore = replaceFiles({
      openSync: (path, ...more) => {
        const descriptor = realFiles.openSync(path, ...more);
        opened.set(descriptor, String(path));
        return descriptor;
      },
      fdatasyncSync: (descriptor) => synced.push(opened.get(descriptor)),
    });

    const again = folder.open({ durability: "disk", upkeepDelayMs: 60_000 });

    expect(synced).toEqual([`${folder.path}-wal`, ...folder.journalFiles()]);
    restore();
    await again.close();
  });
});
