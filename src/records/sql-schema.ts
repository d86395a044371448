import type { Kysely } from "kysely";
import { sql } from "kysely";
import type { Migration } from "kysely/migration";

/** One row per stream: what lists and sums are made of. Times in milliseconds, money in billionths of a dollar. */
export interface StreamRow {
  id: string;
  owner: string;
  model: string;
  route: string | null;
  operation: string;
  protocol: string;
  started_at: number;
  ended_at: number | null;
  /** 1 while it is being written. */
  is_open: number;
  outcome: string | null;
  finish_reason: string | null;
  error_code: string | null;
  error_message: string | null;
  tags: string | null;
  /** `provider/model` of the attempt that answered, or else the last one. */
  target: string | null;
  provider: string | null;
  served_model: string | null;
  attempts: number;
  seams: number;
  readers_attached: number;
  readers_resumed: number;
  readers_left: number;
  readers_disconnected: number;
  /** Null when no attempt was billed. */
  input_tokens: number | null;
  output_tokens: number | null;
  cached_input_tokens: number | null;
  cache_write_tokens: number | null;
  reasoning_tokens: number | null;
  input_audio_tokens: number | null;
  input_image_tokens: number | null;
  cached_audio_tokens: number | null;
  output_audio_tokens: number | null;
  output_image_tokens: number | null;
  is_estimated: number;
  /** Null when it is not known. */
  cost: number | null;
  cost_delivered: number | null;
  cost_discarded: number | null;
  cost_hedged: number | null;
  first_token_ms: number | null;
  duration_ms: number | null;
  tokens_per_second: number | null;
  gap_p50: number | null;
  gap_p95: number | null;
  gap_max: number | null;
  entries: number;
}

export interface AttemptRow {
  stream_id: string;
  attempt: number;
  provider: string;
  model: string;
  reason: string;
  rung: string | null;
  outcome: string;
  error_code: string | null;
  error_message: string | null;
  provider_status: number | null;
  finish_reason: string | null;
  started_at: number;
  duration_ms: number | null;
  queue_ms: number | null;
  connect_ms: number | null;
  /** 1 when the connection had served another call before. */
  is_connection_reused: number;
  first_byte_ms: number | null;
  first_event_ms: number | null;
  first_content_ms: number | null;
  /** What to reckon with should its end never be told. */
  estimated_input_tokens: number;
}

/** The ledger: one row for each attempt that ended, whether it was billed or not. */
export interface UsageRow {
  stream_id: string;
  attempt: number;
  owner: string;
  at: number;
  provider: string;
  model: string;
  share: string;
  /** 0 for an attempt that was refused: nothing was used. */
  is_billed: number;
  input_tokens: number;
  output_tokens: number;
  cached_input_tokens: number | null;
  cache_write_tokens: number | null;
  reasoning_tokens: number | null;
  input_audio_tokens: number | null;
  input_image_tokens: number | null;
  cached_audio_tokens: number | null;
  output_audio_tokens: number | null;
  output_image_tokens: number | null;
  is_estimated: number;
  cost: number | null;
}

export interface DetailsRow {
  stream_id: string;
  seams: string;
  warnings: string;
  timeline: string;
}

export interface TagRow {
  stream_id: string;
  name: string;
  value: string;
}

/** A closed log that left the log: all its entries, compressed. */
export interface ContentRow {
  stream_id: string;
  /** What the log knew of it, as JSON. */
  info: string;
  entries: Uint8Array;
  archived_at: number;
}

export interface Tables {
  records_streams: StreamRow;
  records_attempts: AttemptRow;
  records_usage: UsageRow;
  records_details: DetailsRow;
  records_tags: TagRow;
  records_contents: ContentRow;
}

export const migrationTables = {
  migrationTableName: "records_migrations",
  migrationLockTableName: "records_migrations_lock",
} as const;

/** In order. Never changed, only added to. */
export const migrations: Record<string, Migration> = {
  "001-begin": { up: createTables },
  "002-connections": { up: addConnections },
  "003-operations": { up: addOperations },
  "004-token-kinds": { up: addTokenKinds },
};

async function createTables(db: Kysely<Tables>): Promise<void> {
  const { schema } = db;
  await schema
    .createTable("records_streams")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("owner", "text", (column) => column.notNull())
    .addColumn("model", "text", (column) => column.notNull())
    .addColumn("route", "text")
    .addColumn("protocol", "text", (column) => column.notNull())
    .addColumn("started_at", "bigint", (column) => column.notNull())
    .addColumn("ended_at", "bigint")
    .addColumn("is_open", "integer", (column) => column.notNull())
    .addColumn("outcome", "text")
    .addColumn("finish_reason", "text")
    .addColumn("error_code", "text")
    .addColumn("error_message", "text")
    .addColumn("tags", "text")
    .addColumn("target", "text")
    .addColumn("provider", "text")
    .addColumn("served_model", "text")
    .addColumn("attempts", "integer", (column) => column.notNull())
    .addColumn("seams", "integer", (column) => column.notNull())
    .addColumn("readers_attached", "integer", (column) => column.notNull())
    .addColumn("readers_resumed", "integer", (column) => column.notNull())
    .addColumn("readers_left", "integer", (column) => column.notNull())
    .addColumn("readers_disconnected", "integer", (column) => column.notNull())
    .addColumn("input_tokens", "bigint")
    .addColumn("output_tokens", "bigint")
    .addColumn("cached_input_tokens", "bigint")
    .addColumn("cache_write_tokens", "bigint")
    .addColumn("reasoning_tokens", "bigint")
    .addColumn("is_estimated", "integer", (column) => column.notNull())
    .addColumn("cost", "bigint")
    .addColumn("cost_delivered", "bigint")
    .addColumn("cost_discarded", "bigint")
    .addColumn("cost_hedged", "bigint")
    .addColumn("first_token_ms", "bigint")
    .addColumn("duration_ms", "bigint")
    .addColumn("tokens_per_second", "double precision")
    .addColumn("gap_p50", "double precision")
    .addColumn("gap_p95", "double precision")
    .addColumn("gap_max", "double precision")
    .addColumn("entries", "bigint", (column) => column.notNull())
    .execute();
  await createIndices(db);
  await createAttemptTables(db);
  await createContentTables(db);
}

async function addConnections({ schema }: Kysely<Tables>): Promise<void> {
  const table = schema.alterTable("records_attempts");
  await table.addColumn("rung", "text").execute();
  await table.addColumn("connect_ms", "bigint").execute();
  await table.addColumn("is_connection_reused", "integer", (column) => column.notNull().defaultTo(0)).execute();
  await table.addColumn("first_byte_ms", "bigint").execute();
  // Those that a dead process left open are looked for at each start.
  await schema
    .createIndex("records_attempts_open")
    .on("records_attempts")
    .column("stream_id")
    .where(sql.ref("outcome"), "=", sql.lit("open"))
    .execute();
}

/** What sums are made of; they are read from an index alone, without the table. */
const summed = ["owner", "input_tokens", "output_tokens", "cost", "first_token_ms", "tokens_per_second"];

async function createIndices(db: Kysely<Tables>): Promise<void> {
  const { schema } = db;
  // Lists look for what is asked in an index alone, too.
  const filtered = ["target", "model", "route", "outcome", "is_open"];
  await createIndex(db, "records_streams_by_owner", ["owner", "started_at", "id", ...filtered]);
  await createIndex(db, "records_streams_by_start", ["started_at", "id", ...filtered, ...summed]);
  await schema
    .createIndex("records_streams_open")
    .on("records_streams")
    .column("id")
    .where(sql.ref("is_open"), "=", sql.lit(1))
    .execute();
}

async function addOperations(db: Kysely<Tables>): Promise<void> {
  const { schema } = db;
  await schema
    .alterTable("records_streams")
    .addColumn("operation", "text", (column) => column.notNull().defaultTo("chat"))
    .execute();
  for (const index of ["records_streams_by_owner", "records_streams_by_start"]) await schema.dropIndex(index).execute();
  const filtered = ["target", "model", "route", "outcome", "is_open", "operation"];
  await createIndex(db, "records_streams_by_owner", ["owner", "started_at", "id", ...filtered]);
  await createIndex(db, "records_streams_by_start", ["started_at", "id", ...filtered, ...summed]);
}

async function addTokenKinds({ schema }: Kysely<Tables>): Promise<void> {
  const input = ["input_audio_tokens", "input_image_tokens", "cached_audio_tokens"];
  const columns = [...input, "output_audio_tokens", "output_image_tokens"];
  for (const table of ["records_streams", "records_usage"]) {
    for (const column of columns) await schema.alterTable(table).addColumn(column, "bigint").execute();
  }
}

async function createIndex({ schema }: Kysely<Tables>, name: string, columns: readonly string[]): Promise<void> {
  await schema
    .createIndex(name)
    .on("records_streams")
    .columns([...columns])
    .execute();
}

async function createAttemptTables({ schema }: Kysely<Tables>): Promise<void> {
  await schema
    .createTable("records_attempts")
    .addColumn("stream_id", "text", (column) => column.notNull())
    .addColumn("attempt", "integer", (column) => column.notNull())
    .addColumn("provider", "text", (column) => column.notNull())
    .addColumn("model", "text", (column) => column.notNull())
    .addColumn("reason", "text", (column) => column.notNull())
    .addColumn("outcome", "text", (column) => column.notNull())
    .addColumn("error_code", "text")
    .addColumn("error_message", "text")
    .addColumn("provider_status", "integer")
    .addColumn("finish_reason", "text")
    .addColumn("started_at", "bigint", (column) => column.notNull())
    .addColumn("duration_ms", "bigint")
    .addColumn("queue_ms", "bigint")
    .addColumn("first_event_ms", "bigint")
    .addColumn("first_content_ms", "bigint")
    .addColumn("estimated_input_tokens", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("records_attempts_key", ["stream_id", "attempt"])
    .execute();
  await schema
    .createTable("records_usage")
    .addColumn("stream_id", "text", (column) => column.notNull())
    .addColumn("attempt", "integer", (column) => column.notNull())
    .addColumn("owner", "text", (column) => column.notNull())
    .addColumn("at", "bigint", (column) => column.notNull())
    .addColumn("provider", "text", (column) => column.notNull())
    .addColumn("model", "text", (column) => column.notNull())
    .addColumn("share", "text", (column) => column.notNull())
    .addColumn("is_billed", "integer", (column) => column.notNull())
    .addColumn("input_tokens", "bigint", (column) => column.notNull())
    .addColumn("output_tokens", "bigint", (column) => column.notNull())
    .addColumn("cached_input_tokens", "bigint")
    .addColumn("cache_write_tokens", "bigint")
    .addColumn("reasoning_tokens", "bigint")
    .addColumn("is_estimated", "integer", (column) => column.notNull())
    .addColumn("cost", "bigint")
    .addPrimaryKeyConstraint("records_usage_key", ["stream_id", "attempt"])
    .execute();
  await schema.createIndex("records_usage_by_owner").on("records_usage").columns(["owner", "at"]).execute();
}

async function createContentTables({ schema }: Kysely<Tables>): Promise<void> {
  await schema
    .createTable("records_details")
    .addColumn("stream_id", "text", (column) => column.primaryKey())
    .addColumn("seams", "text", (column) => column.notNull())
    .addColumn("warnings", "text", (column) => column.notNull())
    .addColumn("timeline", "text", (column) => column.notNull())
    .execute();
  await schema
    .createTable("records_tags")
    .addColumn("stream_id", "text", (column) => column.notNull())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("value", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("records_tags_key", ["stream_id", "name"])
    .execute();
  await schema
    .createIndex("records_tags_by_value")
    .on("records_tags")
    .columns(["name", "value", "stream_id"])
    .execute();
  await schema
    .createTable("records_contents")
    .addColumn("stream_id", "text", (column) => column.primaryKey())
    .addColumn("info", "text", (column) => column.notNull())
    .addColumn("entries", "blob", (column) => column.notNull())
    .addColumn("archived_at", "bigint", (column) => column.notNull())
    .execute();
  await schema.createIndex("records_contents_by_age").on("records_contents").columns(["archived_at"]).execute();
}
