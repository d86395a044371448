import { Migrator } from "kysely/migration";
import { expect, test } from "vitest";

import { SqliteLog } from "../src/log/sqlite-log.ts";
import { systemClock } from "../src/outside.ts";
import { migrations, migrationTables } from "../src/records/sql-schema.ts";
import { createQueryBuilder } from "../src/records/sqlite-dialect.ts";
import { SqliteRecords } from "../src/records/sqlite-records.ts";
import { Statements } from "../src/records/sqlite-statements.ts";
import { databasePath } from "./support/records.ts";

const stream = `
INSERT INTO records_streams (id, owner, model, protocol, started_at, is_open, outcome, attempts, seams,
  readers_attached, readers_resumed, readers_left, readers_disconnected, is_estimated, entries)
VALUES ('st_old', '', 'gpt-4o', 'gemini', 1000, 0, 'completed', 0, 0, 0, 0, 0, 0, 0, 3)`;

test("streams that were recorded before there was anything else to record are chats", async () => {
  const log = SqliteLog.open({ path: databasePath(), durability: "process", now: systemClock.now });
  const { database, write, path } = log.share();
  const statements = new Statements(database);
  const db = createQueryBuilder(async (sql, parameters) => statements.run(sql, parameters));
  const before = Object.entries(migrations).filter(([name]) => name < "003");
  const provider = { getMigrations: async () => Object.fromEntries(before) };
  expect((await new Migrator({ db, provider, ...migrationTables }).migrateToLatest()).error).toBeUndefined();
  await write(() => database.exec(stream));

  const records = await SqliteRecords.open({ database, write, path, isBesideLog: true, clock: systemClock });
  expect((await records.list({ limit: 10, operation: "chat" })).data).toMatchObject([
    { id: "st_old", operation: "chat" },
  ]);
  expect((await records.list({ limit: 10, operation: "embeddings" })).data).toEqual([]);
  expect((await records.summary({ by: "operation" })).groups).toMatchObject([{ key: "chat", requests: 1 }]);
  await records.close();
  await log.close();
});
