import { promisify } from "node:util";
import { deflateRaw, inflateRaw } from "node:zlib";
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { HeadraceError } from "../core/errors.ts";
import type { Clock } from "../core/time.ts";
import type { LogEntry, StreamInfo } from "../log/stream-log.ts";
import type { ArchivedContent, RecordsStore, StoredTrace, SummaryQuery, TraceQuery } from "./records-store.ts";
import { listQuery, summaryParts, writePlace } from "./sql-queries.ts";
import type { StreamRow, Tables } from "./sql-schema.ts";
import { migrations, migrationTables } from "./sql-schema.ts";
import type { RunStatement } from "./sqlite-dialect.ts";
import { createQueryBuilder, sumsStatement, unrecordedStatement, upsertStatement } from "./sqlite-dialect.ts";
import { SqliteReader } from "./sqlite-reader.ts";
import { Statements } from "./sqlite-statements.ts";
import { finishSummary } from "./sums.ts";
import type { Summary, TracePage, TraceReaders } from "./trace.ts";
import { rowsOf, summaryOfRow, traceOfRows } from "./trace-rows.ts";

export interface SqliteRecordsOptions {
  database: DatabaseSync;
  /** Does work in one transaction, when that is possible. */
  write: <Value>(work: () => Value) => Promise<Value>;
  /** The file, to be read by a thread of its own; missing when the database is in memory. */
  path?: string;
  /** The log is in the same database. */
  isBesideLog?: boolean;
  clock: Clock;
  /** Longest that a question may take. Default 2 s. */
  limitMs?: number;
}

/** Rows of unrecorded streams that are looked at in one go. */
const maxUnrecorded = 10_000;
const sweptAtOnce = 500;
const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** Records in SQLite. Writes on the connection it is given, in short transactions; reads elsewhere. */
export class SqliteRecords implements RecordsStore {
  readonly #write: SqliteRecordsOptions["write"];
  readonly #statements: Statements;
  readonly #isBesideLog: boolean;
  readonly #reader: SqliteReader | undefined;
  readonly #read: RunStatement;
  readonly #builder: Kysely<Tables>;
  readonly #upserts = new Map<keyof Tables, string>();

  static async open(options: SqliteRecordsOptions): Promise<SqliteRecords> {
    const statements = new Statements(options.database);
    const run: RunStatement = async (sql, parameters) => statements.run(sql, parameters);
    const provider = { getMigrations: async () => migrations };
    const migrator = new Migrator({ db: createQueryBuilder(run), provider, ...migrationTables });
    const { error } = await migrator.migrateToLatest();
    if (error !== undefined) {
      const message = "the tables of records cannot be made; if a newer Headrace wrote this file, update this one";
      throw new HeadraceError("log-unavailable", message, { cause: error });
    }
    return new SqliteRecords(options, statements, run);
  }

  private constructor(options: SqliteRecordsOptions, statements: Statements, run: RunStatement) {
    const { path, clock, limitMs = 2_000, write, isBesideLog = false } = options;
    this.#isBesideLog = isBesideLog;
    this.#write = write;
    this.#statements = statements;
    this.#reader = path === undefined ? undefined : new SqliteReader({ path, clock, limitMs });
    this.#read = this.#reader?.run ?? run;
    this.#builder = createQueryBuilder(this.#read);
  }

  store(traces: readonly StoredTrace[], readers: ReadonlyMap<string, TraceReaders> = new Map()): Promise<void> {
    const rows = traces.map(({ trace, estimates }) => rowsOf(trace, estimates));
    return this.#write(() => {
      for (const { stream, attempts, usage, tags, details } of rows) {
        this.#upsert("records_streams", stream, ["id"]);
        for (const row of attempts) this.#upsert("records_attempts", row, ["stream_id", "attempt"]);
        for (const row of usage) this.#upsert("records_usage", row, ["stream_id", "attempt"]);
        for (const row of tags) this.#upsert("records_tags", row, ["stream_id", "name"]);
        if (details !== undefined) this.#upsert("records_details", details, ["stream_id"]);
      }
      for (const [id, { attached, resumed, left, disconnected }] of readers) {
        this.#statements.prepared(addReaders).run(attached, resumed, left, disconnected, id);
      }
    });
  }

  async get(streamId: string): Promise<StoredTrace | undefined> {
    const builder = this.#builder;
    const stream = await builder
      .selectFrom("records_streams")
      .selectAll()
      .where("id", "=", streamId)
      .executeTakeFirst();
    if (stream === undefined) return undefined;
    const [attempts, usage, details] = await Promise.all([
      builder.selectFrom("records_attempts").selectAll().where("stream_id", "=", streamId).orderBy("attempt").execute(),
      builder.selectFrom("records_usage").selectAll().where("stream_id", "=", streamId).execute(),
      builder.selectFrom("records_details").selectAll().where("stream_id", "=", streamId).executeTakeFirst(),
    ]);
    const estimates = new Map(attempts.map((row) => [row.attempt, row.estimated_input_tokens]));
    return { trace: traceOfRows(stream, attempts, usage, details), estimates };
  }

  async list(query: TraceQuery): Promise<TracePage> {
    const rows = await listQuery(this.#builder, query).execute();
    const data = rows.slice(0, query.limit);
    const page: TracePage = { data: data.map(summaryOfRow) };
    if (rows.length > data.length) page.next = writePlace(data.at(-1) as StreamRow);
    return page;
  }

  async summary(query: SummaryQuery): Promise<Summary> {
    const { key, where, parameters, bucketMs } = summaryParts(query);
    const [row] = await this.#read(sumsStatement(key, where), [bucketMs, ...parameters]);
    const sums = JSON.parse(row?.["sums"] as string) as Summary;
    return finishSummary(sums, bucketMs, query.by === "day" || query.by === "hour");
  }

  async openIds(): Promise<string[]> {
    // By an index of few rows: not worth a thread, which is started for questions of people only.
    const rows = this.#statements.run(openStatement, []);
    return rows.map(({ id }) => id as string);
  }

  async unrecordedIds(): Promise<string[]> {
    if (!this.#isBesideLog) return [];
    const rows = this.#statements.run(unrecordedStatement, [maxUnrecorded]);
    return rows.map(({ id }) => id as string);
  }

  async archive({ info, entries }: ArchivedContent, at: number): Promise<void> {
    const packed = await deflate(JSON.stringify(entries));
    const row = { stream_id: info.id, info: JSON.stringify(info), entries: packed, archived_at: at };
    await this.#write(() => this.#upsert("records_contents", row, ["stream_id"]));
  }

  async content(streamId: string): Promise<ArchivedContent | undefined> {
    const row = await this.#builder
      .selectFrom("records_contents")
      .selectAll()
      .where("stream_id", "=", streamId)
      .executeTakeFirst();
    if (row === undefined) return undefined;
    const entries = JSON.parse(String(await inflate(row.entries))) as LogEntry[];
    return { info: JSON.parse(row.info) as StreamInfo, entries };
  }

  delete(streamId: string): Promise<void> {
    return this.#write(() => this.#remove(streamId));
  }

  async sweep({ startedBefore, archivedBefore }: { startedBefore: number; archivedBefore: number }): Promise<void> {
    await this.#write(() => {
      this.#statements.run("DELETE FROM records_contents WHERE archived_at < ?", [archivedBefore]);
    });
    const old = "SELECT id FROM records_streams WHERE started_at < ? AND is_open = 0 LIMIT ?";
    for (;;) {
      const rows = this.#statements.run(old, [startedBefore, sweptAtOnce]);
      if (rows.length === 0) return;
      await this.#write(() => {
        for (const { id } of rows) this.#remove(id as string);
      });
    }
  }

  async close(): Promise<void> {
    await this.#reader?.close();
  }

  #remove(streamId: string): void {
    for (const [table, key] of keyedByStream) {
      this.#statements.prepared(`DELETE FROM ${table} WHERE ${key} = ?`).run(streamId);
    }
  }

  #upsert(table: keyof Tables, row: object, key: readonly string[]): void {
    let sql = this.#upserts.get(table);
    if (sql === undefined) this.#upserts.set(table, (sql = upsertStatement(table, Object.keys(row), key)));
    this.#statements.prepared(sql).run(...(Object.values(row) as SQLInputValue[]));
  }
}

const keyedByStream = [
  ["records_streams", "id"],
  ["records_attempts", "stream_id"],
  ["records_usage", "stream_id"],
  ["records_details", "stream_id"],
  ["records_tags", "stream_id"],
  ["records_contents", "stream_id"],
] as const;

/** A stream can be over while one of its attempts is still about to end. */
const openStatement = `
  SELECT id FROM records_streams WHERE is_open = 1
  UNION SELECT stream_id FROM records_attempts WHERE outcome = 'open'`;

const addReaders = `
  UPDATE records_streams SET
    readers_attached = readers_attached + ?, readers_resumed = readers_resumed + ?,
    readers_left = readers_left + ?, readers_disconnected = readers_disconnected + ?
  WHERE id = ?`;
