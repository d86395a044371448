import type { CompiledQuery, DatabaseConnection, QueryResult } from "kysely";
import { Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from "kysely";
import type { Tables } from "./sql-schema.ts";
import { sumsName } from "./sums.ts";

// Everything about records that holds for SQLite only. What another database says differently is a twin of this file.

/** Runs one statement somewhere: on this connection, or in a thread that only reads. */
export type RunStatement = (sql: string, parameters: readonly unknown[]) => Promise<Record<string, unknown>[]>;

/** A query builder whose statements are run by somebody else. */
export function createQueryBuilder(run: RunStatement): Kysely<Tables> {
  const connection: DatabaseConnection = {
    async executeQuery<Result>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Result>> {
      return { rows: (await run(sql, parameters)) as Result[] };
    },
    // oxlint-disable-next-line require-yield
    async *streamQuery() {
      throw new Error("records are read in pages");
    },
  };
  const statement = (sql: string) => async (): Promise<void> => {
    await run(sql, []);
  };
  return new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createIntrospector: (database) => new SqliteIntrospector(database),
      createQueryCompiler: () => new SqliteQueryCompiler(),
      createDriver: () => ({
        init: async () => {},
        acquireConnection: async () => connection,
        beginTransaction: statement("BEGIN"),
        commitTransaction: statement("COMMIT"),
        rollbackTransaction: statement("ROLLBACK"),
        releaseConnection: async () => {},
        destroy: async () => {},
      }),
    },
  });
}

/** Inserts a row, or replaces the columns of the one with the same key: doing it twice is doing it once. */
export function upsertStatement(table: keyof Tables, columns: readonly string[], key: readonly string[]): string {
  const changes = columns.filter((column) => !key.includes(column)).map((column) => `${column} = excluded.${column}`);
  const places = columns.map(() => "?").join(", ");
  return `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places}) ON CONFLICT (${key.join(", ")}) DO UPDATE SET ${changes.join(", ")}`;
}

/** One row with `sums`, as JSON; made by a function of ours, since SQLite has no quantiles. */
export function sumsStatement(key: string, where: string): string {
  const flags = "coalesce(outcome IN ('failed', 'interrupted'), 0) + 2 * is_open";
  const numbers = "input_tokens, output_tokens, cost, first_token_ms, tokens_per_second";
  return `SELECT ${sumsName}(${key}, started_at / CAST(? AS INTEGER), ${flags}, ${numbers}) AS sums FROM records_streams WHERE ${where}`;
}

/** Ids of streams of the log in the same file that have no records. */
export const unrecordedStatement =
  "SELECT id FROM streams WHERE NOT EXISTS (SELECT 1 FROM records_streams r WHERE r.id = streams.id) LIMIT ?";
