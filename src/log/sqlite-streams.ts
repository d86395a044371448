import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { ProtocolName } from "../core/events.ts";
import type { NewStream, StreamInfo } from "./stream-log.ts";

/** A stream as its row tells; the entries beyond `archived` are in memory and journal. */
export interface StreamRow {
  number: number;
  id: string;
  owner: string;
  protocol: ProtocolName;
  model: string;
  created_at: number;
  idempotency_key: string | null;
  epoch: number;
  archived: number;
  closed_at: number | null;
  chat: string | null;
}

export interface StreamQuery {
  owner: string;
  limit: number;
  chat: string | undefined;
  /** The number of a stream. */
  olderThan: number | undefined;
}

export interface Claim {
  streamId: string;
  requestHash: string;
}

const columns = "number, id, owner, protocol, model, created_at, idempotency_key, epoch, archived, closed_at, chat";

/** The tables of streams and idempotency keys. */
export class StreamTable {
  readonly #byId: StatementSync;
  readonly #byNumber: StatementSync;
  readonly #open: StatementSync;
  readonly #newest: StatementSync;
  readonly #newestOfChat: StatementSync;
  readonly #closedBefore: StatementSync;
  readonly #insert: StatementSync;
  readonly #begin: StatementSync;
  readonly #reserve: StatementSync;
  readonly #setEpoch: StatementSync;
  readonly #setArchived: StatementSync;
  readonly #remove: StatementSync;
  readonly #claimed: StatementSync;
  readonly #claim: StatementSync;
  readonly #unclaim: StatementSync;
  readonly #unclaimOld: StatementSync;

  constructor(database: DatabaseSync) {
    const select = (rest: string): StatementSync => database.prepare(`SELECT ${columns} FROM streams ${rest}`);
    this.#byId = select("WHERE id = ?");
    this.#byNumber = select("WHERE number = ?");
    this.#open = select("WHERE closed_at IS NULL");
    this.#newest = select("WHERE owner = ? AND number < ? ORDER BY number DESC LIMIT ?");
    this.#newestOfChat = select("WHERE owner = ? AND chat = ? AND number < ? ORDER BY number DESC LIMIT ?");
    this.#closedBefore = select("WHERE closed_at < ? LIMIT ?");
    this.#insert = database.prepare(
      "INSERT INTO streams (id, owner, protocol, model, created_at, idempotency_key, chat, epoch, archived) VALUES (?, ?, ?, ?, ?, ?, ?, 1, 0)",
    );
    this.#begin = database.prepare(
      "INSERT INTO sqlite_sequence SELECT 'streams', 0 WHERE NOT EXISTS (SELECT * FROM sqlite_sequence WHERE name = 'streams')",
    );
    this.#reserve = database.prepare("UPDATE sqlite_sequence SET seq = ? WHERE name = 'streams' AND seq < ?");
    this.#setEpoch = database.prepare("UPDATE streams SET epoch = ? WHERE number = ?");
    this.#setArchived = database.prepare("UPDATE streams SET archived = ?, closed_at = ? WHERE number = ?");
    this.#remove = database.prepare("DELETE FROM streams WHERE number = ?");
    this.#claimed = database.prepare(
      "SELECT stream_id AS streamId, request_hash AS requestHash FROM idempotency_keys WHERE owner = ? AND key = ?",
    );
    this.#claim = database.prepare("INSERT INTO idempotency_keys VALUES (?, ?, ?, ?, ?)");
    this.#unclaim = database.prepare("DELETE FROM idempotency_keys WHERE owner = ? AND key = ? AND stream_id = ?");
    this.#unclaimOld = database.prepare("DELETE FROM idempotency_keys WHERE claimed_at < ?");
  }

  byId(id: string): StreamRow | undefined {
    return this.#byId.get(id) as unknown as StreamRow | undefined;
  }

  byNumber(number: number): StreamRow | undefined {
    return this.#byNumber.get(number) as unknown as StreamRow | undefined;
  }

  open(): StreamRow[] {
    return this.#open.all() as unknown as StreamRow[];
  }

  /** Newest first; only those of one chat, or older than one stream, if asked for. */
  ofOwner({ owner, limit, chat, olderThan = Number.MAX_SAFE_INTEGER }: StreamQuery): StreamRow[] {
    const rows =
      chat === undefined
        ? this.#newest.all(owner, olderThan, limit)
        : this.#newestOfChat.all(owner, chat, olderThan, limit);
    return rows as unknown as StreamRow[];
  }

  closedBefore(time: number, limit: number): StreamRow[] {
    return this.#closedBefore.all(time, limit) as unknown as StreamRow[];
  }

  claimed(owner: string, key: string): Claim | undefined {
    return this.#claimed.get(owner, key) as unknown as Claim | undefined;
  }

  /** Returns the new stream's number. */
  insert({ id, owner, protocol, model, createdAt, chat, idempotency }: NewStream): number {
    if (idempotency !== undefined) this.#claim.run(owner, idempotency.key, id, idempotency.requestHash, createdAt);
    const inserted = this.#insert.run(id, owner, protocol, model, createdAt, idempotency?.key ?? null, chat ?? null);
    return Number(inserted.lastInsertRowid);
  }

  /** No stream will get a number up to this one. */
  reserve(number: number): void {
    this.#begin.run();
    this.#reserve.run(number, number);
  }

  setEpoch(number: number, epoch: number): void {
    this.#setEpoch.run(epoch, number);
  }

  /** All entries before this one are in segments; with the terminal one, it is closed. */
  setArchived(number: number, archived: number, closedAt: number | null): void {
    this.#setArchived.run(archived, closedAt, number);
  }

  remove({ number, id, owner, idempotency_key: key }: StreamRow): void {
    this.#remove.run(number);
    if (key !== null) this.#unclaim.run(owner, key, id);
  }

  removeClaimsBefore(time: number): void {
    this.#unclaimOld.run(time);
  }
}

/** What a stream's row tells of it, when all its entries are archived. */
export function infoOfRow(row: StreamRow): StreamInfo {
  const info: StreamInfo = {
    id: row.id,
    owner: row.owner,
    protocol: row.protocol,
    model: row.model,
    createdAt: row.created_at,
    epoch: row.epoch,
    entries: row.archived,
  };
  if (row.closed_at !== null) info.closedAt = row.closed_at;
  if (row.chat !== null) info.chat = row.chat;
  return info;
}

/** The row of a stream that is not in the table yet. */
export function newRow({ id, owner, protocol, model, createdAt, chat, idempotency }: NewStream): StreamRow {
  return {
    number: 0,
    id,
    owner,
    protocol,
    model,
    created_at: createdAt,
    idempotency_key: idempotency?.key ?? null,
    epoch: 1,
    archived: 0,
    closed_at: null,
    chat: chat ?? null,
  };
}
