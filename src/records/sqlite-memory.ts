import { DatabaseSync } from "node:sqlite";
import type { SqliteRecordsOptions } from "./sqlite-records.ts";

/** A database that ends with the process. */
export function openMemoryDatabase(): Pick<SqliteRecordsOptions, "database" | "write"> {
  const database = new DatabaseSync(":memory:");
  return {
    database,
    async write(work) {
      database.exec("BEGIN");
      try {
        const value = work();
        database.exec("COMMIT");
        return value;
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      }
    },
  };
}
