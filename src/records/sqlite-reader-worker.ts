import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { Statements } from "./sqlite-statements.ts";
import type { Row } from "./sqlite-statements.ts";

export interface ReadRequest {
  id: number;
  sql: string;
  parameters: readonly unknown[];
}

export type ReadReply = { id: number; rows: Row[] } | { id: number; error: string };

const { path } = workerData as { path: string };
const database = new DatabaseSync(path, { readOnly: true, timeout: 1_000 });
const statements = new Statements(database);

parentPort?.on("message", ({ id, sql, parameters }: ReadRequest) => {
  let reply: ReadReply;
  try {
    reply = { id, rows: statements.run(sql, parameters) };
  } catch (error) {
    reply = { id, error: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(reply);
});
