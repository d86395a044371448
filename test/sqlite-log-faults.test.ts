import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { SqliteLogOptions } from "../src/log/sqlite-log.ts";
import { SqliteLog } from "../src/log/sqlite-log.ts";
import { end, newStream, text } from "./conformance/stream-log-fixtures.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "headrace-log-"));
  path = join(folder, "data", "headrace.db");
});
afterEach(() => rmSync(folder, { recursive: true }));

function journalFiles(): string[] {
  const data = join(folder, "data");
  return readdirSync(data)
    .filter((name) => name.includes("-entries-"))
    .map((name) => join(data, name));
}

function journalBytes(): number {
  return journalFiles().reduce((sum, file) => sum + statSync(file).size, 0);
}

function open(more: Partial<SqliteLogOptions> = {}): SqliteLog {
  return SqliteLog.open({ path, durability: "process", now: () => 5_000, upkeepDelayMs: 0, ...more });
}

describe("a process killed while it writes", () => {
  test.each(["process", "disk"])(
    "loses nothing that was acknowledged (%s)",
    { timeout: 60_000 },
    async (durability) => {
      const all = new Map<string, number>();
      for (let round = 0; round < 10; round++) {
        const acknowledged = await writeAndKill(round, durability, Math.random() * 150);
        const log = open();
        await expectStored(log, acknowledged);
        await log.close();
        for (const [id, entries] of acknowledged) all.set(id, entries);
      }
      expect(all.size).toBeGreaterThan(100);
      const log = open();
      await expectStored(log, all);
      await log.close();
    },
  );
});

/** Runs a writer for a while. Returns how many entries of each stream were acknowledged. */
async function writeAndKill(round: number, durability: string, lifeMs: number): Promise<Map<string, number>> {
  const script = join(import.meta.dirname, "processes", "log-writer.ts");
  const report = join(folder, `acknowledged-${round}`);
  const writer = spawn(process.execPath, [script, path, `${round}`, durability, report], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(writer.stdout, "data");
  await new Promise((resolve) => setTimeout(resolve, lifeMs));
  writer.kill("SIGKILL");
  await once(writer, "close");
  const acknowledged = new Map<string, number>();
  for (const line of readFileSync(report, "utf8").split("\n").slice(0, -1)) {
    const [id = "", entries] = line.split(" ");
    acknowledged.set(id, Number(entries));
  }
  return acknowledged;
}

async function expectStored(log: SqliteLog, acknowledged: ReadonlyMap<string, number>): Promise<void> {
  for (const [id, count] of acknowledged) {
    const entries = await log.read(id, { after: -1, limit: 1_000 });
    // One append of two entries may have been on its way.
    expect([count, count + 2]).toContain(entries.length);
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index));
    const info = await log.info(id);
    expect(info?.entries).toBe(entries.length);
    const closed = entries.at(-1)?.event.type === "stream-end";
    expect(info?.closedAt).toBe(closed ? 1 : undefined);
    const texts = entries.slice(0, closed ? -1 : undefined).map(({ event }) => event);
    expect(texts).toEqual(texts.map((_, seq) => text(`${id}:${seq}`)));
  }
}

describe("a full disk", () => {
  test("refuses whole appends, loses nothing, and goes on by itself when there is space", async () => {
    const log = open({ maxBytes: 1024 * 1024 });
    await log.create(newStream("old"));
    await log.append("old", 1, 0, [text("x".repeat(300_000)), end]);
    await log.create(newStream("a"));
    let next = 0;
    const pair = (): ReturnType<typeof text>[] => [text(`${next} ${"y".repeat(10_000)}`), text(`${next + 1}`)];
    const fill = async (): Promise<unknown> => {
      for (;;) {
        const result = await log.append("a", 1, next, pair()).catch((error: unknown) => error);
        if (result instanceof Error) return result;
        next += 2;
      }
    };

    expect(await fill()).toMatchObject({ code: "storage-full", status: 507 });
    expect(next).toBeGreaterThan(20);
    expect((await log.info("a"))?.entries).toBe(next);
    await expect(log.create(newStream("b"))).resolves.toBeDefined();

    await log.delete("old");
    await vi.waitFor(async () =>
      expect(await log.append("a", 1, next, pair())).toEqual({ status: "ok", next: next + 2 }),
    );

    const entries = await log.read("a", { after: -1, limit: 10_000 });
    expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: next + 2 }, (_, seq) => seq));
    await log.close();
    const reopened = open();
    expect(await reopened.read("a", { after: -1, limit: 10_000 })).toEqual(entries);
    await reopened.close();
  });
});

describe("a database that cannot be used", () => {
  test("says what to do when its folder cannot be made", () => {
    writeFileSync(join(folder, "data"), "a file, not a folder");

    expect(open).toThrow(expect.objectContaining({ code: "log-unavailable", message: expect.stringContaining(path) }));
  });

  test("says what to do when it is no database", async () => {
    await open().close();
    writeFileSync(path, "something else".repeat(1_000));

    expect(open).toThrow(/damaged or not a Headrace database; move it away/);
  });

  test("is not touched when a newer version wrote it", async () => {
    await open().close();
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 99");
    database.close();
    const before = readFileSync(path);

    expect(open).toThrow(/newer Headrace \(schema 99, this one knows \d+\); update Headrace/);

    expect(readFileSync(path)).toEqual(before);
  });

  test("is refused to a second process, and to a second log in this one", async () => {
    const log = open();
    const script = join(import.meta.dirname, "processes", "log-writer.ts");
    const second = spawn(process.execPath, [script, path], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    second.stderr.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
    await once(second, "close");

    expect(said).toContain(`another headrace uses ${path}; stop it`);
    expect(open).toThrow(/another headrace uses/);
    // The refused ones have not taken the lock away from the first.
    expect(open).toThrow(/another headrace uses/);
    await log.close();
    await open().close();
  });
});

describe("what is stored", () => {
  test("can be read by this user only", async () => {
    const log = open();
    await log.create(newStream("a"));

    for (const name of readdirSync(join(folder, "data"))) {
      expect([name, statSync(join(folder, "data", name)).mode & 0o777]).toEqual([name, 0o600]);
    }
    expect(statSync(join(folder, "data")).mode & 0o777).toBe(0o700);
    await log.close();
  });

  test("is gone from every file soon after it was deleted, open or closed", async () => {
    const log = open();
    for (const [id, events] of [
      ["open", [text("the secret in an open stream")]],
      ["closed", [text("the secret in a closed stream"), end]],
      ["other", [text("no matter")]],
    ] as const) {
      await log.create(newStream(id));
      await log.append(id, 1, 0, events);
    }
    const found = (): boolean =>
      readdirSync(join(folder, "data")).some((name) => readFileSync(join(folder, "data", name)).includes("the secret"));
    expect(found()).toBe(true);

    await log.delete("open");
    await log.delete("closed");
    await vi.waitFor(() => expect(found()).toBe(false), { timeout: 5_000 });

    expect(await log.read("other", { after: -1, limit: 9 })).toHaveLength(1);
    await log.close();
  });

  test("does not grow the journal without end while one stream stays open", async () => {
    const log = open({ checkpointBytes: 1024 * 1024 });
    await log.create(newStream("quiet"));
    await log.append("quiet", 1, 0, [text("hello")]);
    await log.create(newStream("busy"));
    for (let seq = 0; seq < 4_000; seq++) await log.append("busy", 1, seq, [text("z".repeat(16_000))]);
    await log.append("busy", 1, 4_000, [end]);
    await vi.waitFor(() => expect(statSync(`${path}-wal`).size).toBeLessThan(8 * 1024 * 1024));

    expect(journalBytes()).toBeLessThan(24 * 1024 * 1024);
    await log.append("quiet", 1, 1, [end]);
    await vi.waitFor(() => expect(journalBytes()).toBe(0));
    await log.close();
  });
});
