import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { writeJournalLine, writeRecord } from "../src/log/journal-record.ts";
import { end, newStream, readTexts, text } from "./conformance/stream-log-fixtures.ts";
import { realFiles, replaceFiles, systemError } from "./support/files.ts";
import { LogFolder } from "./support/log-folder.ts";

let folder: LogFolder;

beforeEach(() => {
  folder = new LogFolder();
});
afterEach(() => folder.remove());

/** Leaves a stream with three texts and its end in the journal. */
async function writeSome(): Promise<void> {
  const log = folder.open({ upkeepDelayMs: 60_000 });
  await log.create(newStream("a"));
  for (const [seq, event] of [text("one"), text("two"), text("three ☂"), end].entries()) {
    await log.append("a", 1, seq, [event]);
  }
  await folder.kill(log);
}

async function readAll(): Promise<{ seqs: number[]; closedAt: number | undefined }> {
  const log = folder.open();
  const entries = await log.read("a", { after: -1, limit: 10 });
  const info = await log.info("a");
  await log.close();
  return { seqs: entries.map(({ seq }) => seq), closedAt: info?.closedAt };
}

describe("a journal", () => {
  test("that ends in the middle of a record is read as far as it is whole, and goes on from there", async () => {
    for (const missing of [1, 30, 100]) {
      folder.remove();
      folder = new LogFolder();
      await writeSome();
      const [file = ""] = folder.journalFiles();
      writeFileSync(file, readFileSync(file).subarray(0, -missing));

      const { seqs, closedAt } = await readAll();

      expect(seqs).toEqual([0, 1, 2].slice(0, seqs.length));
      expect(closedAt).toBeUndefined();
      const log = folder.open();
      expect(await log.append("a", 1, seqs.length, [text("again"), end])).toMatchObject({ status: "ok" });
      await log.close();
      expect(await readAll()).toEqual({ seqs: [...seqs, seqs.length, seqs.length + 1], closedAt: 5_000 });
    }
  });

  test("that was damaged gives nothing from behind the damage", async () => {
    await writeSome();
    const [file = ""] = folder.journalFiles();
    writeFileSync(file, readFileSync(file, "utf8").replace("two", "2wo"));

    expect(await readAll()).toEqual({ seqs: [0], closedAt: undefined });
  });

  test("is empty after a log was closed: all there is is in the database", async () => {
    const log = folder.open({ upkeepDelayMs: 60_000 });
    await log.create(newStream("open"));
    await log.append("open", 1, 0, [text("x")]);
    await log.create(newStream("closed"));
    await log.append("closed", 1, 0, [text("y"), end]);

    await log.close();

    expect(folder.journalFiles()).toEqual([]);
    const again = folder.open();
    expect([await readTexts(again, "open"), await readTexts(again, "closed")]).toEqual([["x"], ["y", "stream-end"]]);
    await again.close();
  });

  test("keeps what the database has no room for when the log is closed", async () => {
    const log = folder.open({ upkeepDelayMs: 60_000 });
    await log.create(newStream("a"));
    await log.append("a", 1, 0, [text("x".repeat(100_000)), end]);
    await log.share().write(() => log.share().database.exec("PRAGMA max_page_count = 1"));

    await log.close();

    expect(folder.journalBytes()).toBeGreaterThan(100_000);
    expect(await readAll()).toEqual({ seqs: [0, 1], closedAt: 5_000 });
  });

  test("forgets nothing of a change of writer that the database has forgotten without power", async () => {
    const log = folder.open({ upkeepDelayMs: 60_000 });
    await log.create(newStream("a"));
    await log.takeOver("a");
    await log.append("a", 2, 0, [text("x")]);
    await folder.kill(log);
    const database = new DatabaseSync(folder.path);
    database.exec("UPDATE streams SET epoch = 1");
    database.close();

    const again = folder.open();

    expect(await again.append("a", 1, 1, [text("late")])).toEqual({ status: "fenced", epoch: 2 });
    expect(await again.takeOver("a")).toEqual({ epoch: 3, next: 1 });
    await again.close();
  });

  test("of before a gap does not go on behind what a later writer filled it with", async () => {
    const log = folder.open();
    await log.create(newStream("a"));
    await log.takeOver("a");
    await log.append("a", 2, 0, [text("new"), text("new")]);
    await log.close();
    const stale = JSON.stringify(text("stale"));
    writeFileSync(`${folder.path}-entries-1`, writeRecord({ at: 1, lines: writeJournalLine(1, 1, 2, stale) }));

    const again = folder.open();

    expect(await readTexts(again, "a")).toEqual(["new", "new"]);
    await again.close();
  });
});

describe("a journal whose database was moved away", () => {
  test("gives nothing of its streams to those of the new database", async () => {
    await writeSome();
    rmSync(folder.path);
    rmSync(`${folder.path}-wal`);
    const log = folder.open();
    await log.create(newStream("new", { owner: "bob" }));
    await log.append("new", 1, 0, [text("mine")]);
    await vi.waitFor(() =>
      expect(
        folder
          .journalFiles()
          .map((file) => readFileSync(file, "utf8"))
          .join(""),
      ).not.toContain("two"),
    );
    await folder.kill(log);

    const again = folder.open();

    expect(await readTexts(again, "new")).toEqual(["mine"]);
    expect(await again.append("new", 1, 1, [text("more")])).toEqual({ status: "ok", next: 2 });
    await again.close();
  });

  test("does so too when the process is killed at once", async () => {
    await writeSome();
    rmSync(folder.path);
    rmSync(`${folder.path}-wal`);
    const log = folder.open({ upkeepDelayMs: 60_000 });
    await log.create(newStream("new", { owner: "bob" }));
    await folder.kill(log);

    const again = folder.open();

    expect(await readTexts(again, "new")).toEqual([]);
    await again.close();
  });
});

describe("files beside the journal", () => {
  test("are left alone, whatever their names begin with", async () => {
    await folder.open().close();
    const others = ["-entries-", "-entries-1.bak", "-entries-x.db", "-entries-x.db-wal", "-entries-0x1", "-entries-01"];
    for (const other of others) writeFileSync(`${folder.path}${other}`, "not ours");
    writeFileSync(`${folder.path}-entries-7-new`, "left by an interrupted purge");

    await writeSome();
    expect(await readAll()).toMatchObject({ seqs: [0, 1, 2, 3] });

    for (const other of others) expect(readFileSync(`${folder.path}${other}`, "utf8")).toBe("not ours");
    expect(() => readFileSync(`${folder.path}-entries-7-new`)).toThrow("ENOENT");
  });
});

describe("a journal in a table, as older versions had it", () => {
  /** Gives the database the schema of version 2, with the entries in its table. */
  async function writeOldDatabase(): Promise<void> {
    await writeSome();
    const lines = folder.journalFiles().flatMap((file) => readFileSync(file, "utf8").split("\n"));
    for (const file of folder.journalFiles()) rmSync(file);
    const database = new DatabaseSync(folder.path);
    database.exec("CREATE TABLE journal (id INTEGER PRIMARY KEY, lines TEXT NOT NULL) STRICT; PRAGMA user_version = 2");
    const insert = database.prepare("INSERT INTO journal (lines) VALUES (?)");
    for (const line of lines.filter((_, index) => index % 2 === 1)) insert.run(`${line}\n`);
    database.close();
  }

  test("is taken over", async () => {
    await writeOldDatabase();

    expect(await readAll()).toMatchObject({ seqs: [0, 1, 2, 3] });
  });

  test("is taken over once, when that was interrupted before", async () => {
    await writeOldDatabase();
    const stale = writeJournalLine(1, 1, 0, JSON.stringify(text("half of it")));
    writeFileSync(`${folder.path}-entries-1`, writeRecord({ at: 0, lines: stale }));

    const log = folder.open();

    expect(await readTexts(log, "a")).toEqual(["one", "two", "three ☂", "stream-end"]);
    await log.close();
  });

  test("is not given up before the disk has the new one", async () => {
    await writeOldDatabase();
    const restore = replaceFiles({
      fdatasyncSync: () => {
        throw systemError("EIO", "fdatasync");
      },
    });
    try {
      expect(() => folder.open()).toThrow(/EIO/);
    } finally {
      restore();
    }
    for (const file of folder.journalFiles()) realFiles.rmSync(file);

    expect(await readAll()).toMatchObject({ seqs: [0, 1, 2, 3] });
  });
});
