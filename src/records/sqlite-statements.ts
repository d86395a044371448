import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { sumsName, SumsOfStreams } from "./sums.ts";

export type Row = Record<string, unknown>;

const keptStatements = 64;

/** Runs statements on a connection, keeping the ones that come again. */
export class Statements {
  readonly #database: DatabaseSync;
  readonly #kept = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
    // What is carried from row to row may be anything, other than the types say.
    database.aggregate(sumsName, {
      start: () => new SumsOfStreams() as unknown as SQLInputValue,
      step: (sums, ...columns) => (sums as unknown as SumsOfStreams).add(columns) as unknown as SQLInputValue,
      result: (sums) => JSON.stringify((sums as unknown as SumsOfStreams).result()),
      varargs: true,
    });
  }

  run(sql: string, parameters: readonly unknown[]): Row[] {
    const statement = this.#prepare(sql);
    const values = parameters as SQLInputValue[];
    if (statement.columns().length > 0) return statement.all(...values);
    statement.run(...values);
    return [];
  }

  /** For a statement that is run many times in a row. */
  prepared(sql: string): StatementSync {
    return this.#prepare(sql);
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#kept.get(sql);
    if (statement !== undefined) return statement;
    statement = this.#database.prepare(sql);
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size >= keptStatements) this.#kept.delete(oldest);
    this.#kept.set(sql, statement);
    return statement;
  }
}
