import { DatabaseSync } from "node:sqlite";

import type { AttemptEnded } from "../../src/core/observer.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import { SeededRandom } from "../../src/providers/simulator/random.ts";
import { Prices } from "../../src/records/prices.ts";
import { Records } from "../../src/records/records.ts";
import { openMemoryDatabase } from "../../src/records/sqlite-memory.ts";
import { SqliteRecords } from "../../src/records/sqlite-records.ts";
import { Streams } from "../../src/streams/streams.ts";
import type { VirtualClock } from "../../src/testing.ts";
import { createVirtualClock } from "../../src/testing.ts";
import type { WorldRecord } from "./world.ts";
import { runWorld } from "./world.ts";

/** What a process that was killed leaves behind: its database, and its log. */
interface Remains {
  at: number;
  database: DatabaseSync;
  log: MemoryLog;
}

/** The books of a world, kept by the parts that keep those of the gateway. */
export interface Books {
  world: WorldRecord;
  /** At the end of the world. */
  database: DatabaseSync;
  /** As a `kill -9` would have left them at some moments. */
  remains: Remains[];
  errors: Error[];
}

const prices = new Prices({
  prices: {
    "gpt-4o/*": { inputPerMillion: 2.5, outputPerMillion: 10 },
    "claude-3-haiku/*": { inputPerMillion: 0.15, outputPerMillion: 0.6 },
  },
  vendorOf: () => undefined,
});

const kills = 2;
const longestMs = 6_000;

/** Runs the world of a seed with its books kept; at a few moments it is as if the process had been killed. */
export async function keepBooks(seed: number): Promise<Books> {
  const { database, write } = openMemoryDatabase();
  // The tables are there before anything happens.
  await SqliteRecords.open({ database, write, clock: createVirtualClock() });
  const errors: Error[] = [];
  const remains: Remains[] = [];
  const random = new SeededRandom(`kills ${seed}`);
  let records: Records | undefined;
  const world = await runWorld(seed, ({ clock, log }) => {
    const store = SqliteRecords.open({ database, write, clock });
    records = recordsOver(clock, () => store, errors);
    // From here on it is stored as things happen.
    void records.list({ limit: 1 });
    for (let kill = 0; kill < kills; kill++) {
      const at = Math.floor(random.number() ** 2 * longestMs);
      // A world may be over before.
      void clock.sleep(at).then(async () => remains.push(await remainsOf(database, log, clock)));
    }
    return records;
  });
  await records?.close();
  return { world, database, remains, errors };
}

/** Starts on what was left, and on what that start left; one stream is purged meanwhile. Says what is wrong then. */
export async function wrongAfterRestart({ at, database, log }: Remains, purged: string | undefined): Promise<string[]> {
  const before = rowsOf(database, "SELECT * FROM records_usage");
  await restart(at + 60_000, database, log, purged);
  const wrong = wrongSums(database);
  const after = rowsOf(database, "SELECT * FROM records_usage");
  const rest = before.filter(({ stream_id }) => stream_id !== purged);
  for (const row of rest) {
    const now = after.find(({ stream_id, attempt }) => stream_id === row["stream_id"] && attempt === row["attempt"]);
    // What was in the books stays there; only what it was for may be known better from the log.
    if (JSON.stringify({ ...now, share: 0 }) !== JSON.stringify({ ...row, share: 0 }))
      wrong.push(`changed: ${JSON.stringify(now)}`);
  }
  for (const { id } of await log.list({ owner: "", limit: 100 })) {
    const entries = await log.read(id, { after: -1, limit: 1_000_000 });
    if (rowsOf(database, "SELECT id FROM records_streams WHERE id = ?", id).length !== 1)
      wrong.push(`no trace of ${id}`);
    for (const { event } of entries) {
      if (event.type !== "attempt-start") continue;
      const share = after.find((row) => row["stream_id"] === id && row["attempt"] === (event.attempt ?? 0))?.["share"];
      if (share !== "delivered") wrong.push(`attempt ${event.attempt} of ${id} is ${String(share)}, but in the answer`);
    }
  }
  for (const [table, key] of keyed) {
    const left = purged === undefined ? [] : rowsOf(database, `SELECT * FROM ${table} WHERE ${key} = ?`, purged);
    if (left.length > 0) wrong.push(`${purged} was purged and is in ${table}`);
  }
  const all = JSON.stringify(keyed.map(([table]) => rowsOf(database, `SELECT * FROM ${table}`)));
  await restart(at + 120_000, database, log, undefined);
  if (JSON.stringify(keyed.map(([table]) => rowsOf(database, `SELECT * FROM ${table}`))) !== all) {
    wrong.push("another start changes what the first one found");
  }
  return wrong;
}

/** What is wrong with the books at the end of a world, beside what everybody saw. */
export function wrongAtTheEnd({ world, database, errors }: Books): string[] {
  const wrong = [...wrongSums(database), ...errors.map(String)];
  const ended = world.observations.flatMap(({ what }) => (what.type === "attempt-ended" ? [what] : []));
  const ledger = rowsOf(database, "SELECT * FROM records_usage");
  if (ledger.length !== ended.length) wrong.push(`${ledger.length} rows for ${ended.length} attempts`);
  for (const attempt of ended) {
    const row = ledger.find((one) => one["stream_id"] === attempt.streamId && one["attempt"] === attempt.attempt);
    const told = [attempt.usage?.inputTokens ?? 0, attempt.usage?.outputTokens ?? 0, costOf(attempt)];
    const noted = [row?.["input_tokens"], row?.["output_tokens"], row?.["cost"]];
    if (JSON.stringify(told) !== JSON.stringify(noted))
      wrong.push(`${attempt.streamId}: told ${JSON.stringify(told)}, noted ${JSON.stringify(noted)}`);
  }
  for (const { id, entries, takenOverFrom } of world.streams) {
    const [row] = rowsOf(database, "SELECT * FROM records_streams WHERE id = ?", id);
    const end = entries.at(-1)?.event;
    const outcome = end?.type === "stream-end" ? end.outcome : "none";
    if (row?.["outcome"] !== outcome)
      wrong.push(`${id} ended as ${outcome} and is noted as ${String(row?.["outcome"])}`);
    if (takenOverFrom === undefined && row?.["entries"] !== entries.length) wrong.push(`${id} has other entries`);
  }
  return wrong;
}

/** Streams, attempts and the ledger say the same, and nothing is left open. */
function wrongSums(database: DatabaseSync): string[] {
  const wrong: string[] = [];
  for (const [what, sql] of Object.entries(contradictions)) {
    for (const row of rowsOf(database, sql)) wrong.push(`${what}: ${JSON.stringify(row)}`);
  }
  return wrong;
}

const contradictions = {
  "a stream is open": "SELECT id FROM records_streams WHERE is_open = 1",
  "an attempt is open": "SELECT * FROM records_attempts WHERE outcome = 'open'",
  "an attempt is not in the ledger, or the reverse": `
    SELECT a.stream_id, a.attempt, u.stream_id, u.attempt FROM records_attempts a
    FULL JOIN records_usage u ON a.stream_id = u.stream_id AND a.attempt = u.attempt
    WHERE a.attempt IS NULL OR u.attempt IS NULL`,
  "a stream is not the sum of its attempts": `
    SELECT s.id, s.input_tokens, s.output_tokens, s.cost, sum(u.input_tokens) AS i, sum(u.output_tokens) AS o, sum(u.cost) AS c
    FROM records_streams s LEFT JOIN records_usage u ON u.stream_id = s.id GROUP BY s.id
    HAVING coalesce(s.input_tokens, 0) <> coalesce(sum(u.input_tokens), 0)
      OR coalesce(s.output_tokens, 0) <> coalesce(sum(u.output_tokens), 0)
      OR s.cost IS NOT CASE WHEN count(u.stream_id) > 0 AND count(*) = count(u.cost) THEN sum(u.cost) END
      OR s.cost IS NOT s.cost_delivered + s.cost_discarded + s.cost_hedged`,
  "what was delivered is another sum": `
    SELECT s.id, s.cost_delivered, s.cost_hedged FROM records_streams s JOIN records_usage u ON u.stream_id = s.id
    WHERE s.cost IS NOT NULL GROUP BY s.id
    HAVING s.cost_delivered <> sum(CASE share WHEN 'delivered' THEN u.cost ELSE 0 END)
      OR s.cost_hedged <> sum(CASE share WHEN 'hedged' THEN u.cost ELSE 0 END)`,
};

const keyed = [
  ["records_streams", "id"],
  ["records_attempts", "stream_id"],
  ["records_usage", "stream_id"],
  ["records_details", "stream_id"],
  ["records_tags", "stream_id"],
] as const;

function recordsOver(clock: VirtualClock, open: () => Promise<SqliteRecords>, errors: Error[]): Records {
  const report = (error: Error): void => void errors.push(error);
  return new Records({ openStore: open, lazy: false, clock, prices, isRoute: (name) => name === "smart", report });
}

async function restart(startsAt: number, database: DatabaseSync, log: MemoryLog, purged: string | undefined) {
  const clock = createVirtualClock({ startsAt });
  const store = await SqliteRecords.open({ database, write: async (work) => work(), clock });
  // The log is in another place than usual, so it says itself what it has.
  store.unrecordedIds = async () => {
    const infos = await log.list({ owner: "", limit: 100 });
    return infos
      .map(({ id }) => id)
      .filter((id) => rowsOf(database, "SELECT 1 FROM records_streams WHERE id = ?", id).length === 0);
  };
  const errors: Error[] = [];
  const records = recordsOver(clock, async () => store, errors);
  const nothing = () => {};
  const streams = new Streams({
    log,
    clock,
    createStreamId: () => "st_none",
    observe: nothing,
    heartbeatMs: 1e6,
    lingerMs: 1,
    limits: {} as ConstructorParameters<typeof Streams>[0]["limits"],
  });
  await streams.recover();
  const recovery = records.recover(log);
  if (purged !== undefined) {
    await log.delete(purged);
    await records.delete(purged);
  }
  await recovery;
  if (errors.length > 0) throw errors[0] as Error;
}

/** Everything that is durable at this moment. */
async function remainsOf(database: DatabaseSync, log: MemoryLog, clock: VirtualClock): Promise<Remains> {
  const copy = new DatabaseSync(":memory:");
  for (const { name, sql } of rowsOf(database, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")) {
    copy.exec(sql as string);
    const rows =
      rowsOf(database, `SELECT * FROM pragma_table_info('${name as string}')`).length === 0
        ? []
        : rowsOf(database, `SELECT * FROM "${name as string}"`);
    for (const row of rows) {
      const values = Object.values(row) as (string | number | null)[];
      copy.prepare(`INSERT INTO "${name as string}" VALUES (${values.map(() => "?").join()})`).run(...values);
    }
  }
  return { at: clock.now(), database: copy, log: await copyOf(log, clock.now()) };
}

async function copyOf(log: MemoryLog, at: number): Promise<MemoryLog> {
  const copy = new MemoryLog(createVirtualClock({ startsAt: at }));
  for (const { id, owner, model, protocol, createdAt } of (await log.list({ owner: "", limit: 100 })).toReversed()) {
    await copy.create({ id, owner, model, protocol, createdAt });
    let epoch = 1;
    for (const entry of await log.read(id, { after: -1, limit: 1_000_000 })) {
      if (entry.epoch > epoch) ({ epoch } = await copy.takeOver(id));
      await copy.append(id, epoch, entry.seq, [entry.event]);
    }
  }
  return copy;
}

function costOf({ provider, model, usage, startedAt: at }: AttemptEnded): number | null {
  if (usage === undefined) return 0;
  const cost = prices.costOf({ provider, model, usage, at });
  return cost === undefined ? null : Math.round(cost * 1e9);
}

function rowsOf(database: DatabaseSync, sql: string, ...parameters: string[]): Record<string, unknown>[] {
  return database.prepare(sql).all(...parameters);
}
