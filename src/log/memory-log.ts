import { HeadraceError } from "../core/errors.ts";
import type { StreamEvent } from "../core/events.ts";
import { decideAppend, endsStream, logClosed, streamNotFound } from "./append-decision.ts";
import type {
  AppendResult,
  CreateResult,
  Deliver,
  ListOptions,
  LogEntry,
  NewStream,
  StreamInfo,
  StreamLog,
  SweepOptions,
} from "./stream-log.ts";
import { Watchers } from "./watchers.ts";

interface MemoryStream {
  readonly facts: Omit<NewStream, "idempotency">;
  readonly entries: LogEntry[];
  epoch: number;
  closedAt: number | undefined;
  keyId: string | undefined;
  /** How many entries the watchers were told of. */
  told: number;
}

interface ClaimedKey {
  streamId: string;
  requestHash: string;
  claimedAt: number;
}

/** A log that ends with the process. Nothing is written anywhere; an append is visible at once. */
export class MemoryLog implements StreamLog {
  readonly durability = "memory";
  readonly #now: () => number;
  /** In the order of creation. */
  readonly #streams = new Map<string, MemoryStream>();
  readonly #keys = new Map<string, ClaimedKey>();
  readonly #watchers = new Watchers();
  #untold: MemoryStream[] = [];
  #closed = false;

  constructor(clock: { now(): number }) {
    this.#now = () => clock.now();
  }

  async create({ idempotency, ...facts }: NewStream): Promise<CreateResult> {
    this.#checkOpen();
    let keyId: string | undefined;
    if (idempotency !== undefined) {
      keyId = JSON.stringify([facts.owner, idempotency.key]);
      const claimed = this.#keys.get(keyId);
      if (claimed !== undefined) {
        return { status: "exists", streamId: claimed.streamId, requestHash: claimed.requestHash };
      }
    }
    if (this.#streams.has(facts.id)) throw new HeadraceError("internal", `there is a stream ${facts.id} already`);
    if (keyId !== undefined && idempotency !== undefined) {
      const { requestHash } = idempotency;
      this.#keys.set(keyId, { streamId: facts.id, requestHash, claimedAt: facts.createdAt });
    }
    this.#streams.set(facts.id, {
      facts,
      entries: [],
      epoch: 1,
      closedAt: undefined,
      keyId,
      told: 0,
    });
    return { status: "created", epoch: 1 };
  }

  async append(streamId: string, epoch: number, seq: number, events: readonly StreamEvent[]): Promise<AppendResult> {
    const stream = this.#stream(streamId);
    const { entries } = stream;
    const state = {
      epoch: stream.epoch,
      next: entries.length,
      closed: stream.closedAt !== undefined,
    };
    const { result, skip } = decideAppend(state, epoch, seq, events);
    if (result.status !== "ok") return result;
    if (entries.length === stream.told) this.#tellLater(stream);
    for (let index = skip; index < events.length; index++) {
      entries.push({ epoch, seq: seq + index, event: events[index] as StreamEvent });
    }
    if (endsStream(events)) stream.closedAt = this.#now();
    return result;
  }

  async read(streamId: string, { after, limit }: { after: number; limit: number }): Promise<LogEntry[]> {
    return this.#stream(streamId).entries.slice(after + 1, after + 1 + limit);
  }

  async waitForEntryAfter(streamId: string, seq: number, signal: AbortSignal): Promise<void> {
    this.#checkOpen();
    signal.throwIfAborted();
    const stream = this.#streams.get(streamId);
    if (stream === undefined || stream.entries.length > seq + 1) return;
    await this.#watchers.wait(streamId, seq, signal);
  }

  subscribe(streamId: string, after: number, deliver: Deliver): (() => void) | undefined {
    if (this.#stream(streamId).entries.length > after + 1) return undefined;
    return this.#watchers.subscribe(streamId, after, deliver);
  }

  async info(streamId: string): Promise<StreamInfo | undefined> {
    this.#checkOpen();
    const stream = this.#streams.get(streamId);
    return stream === undefined ? undefined : infoOf(stream);
  }

  async list({ owner, limit, before, chat }: ListOptions): Promise<StreamInfo[]> {
    this.#checkOpen();
    const own = [...this.#streams.values()].filter(({ facts }) => facts.owner === owner).toReversed();
    const position = before === undefined ? -1 : own.findIndex(({ facts }) => facts.id === before);
    if (before !== undefined && position === -1) throw streamNotFound(before);
    const older = own.slice(position + 1);
    const wanted = chat === undefined ? older : older.filter(({ facts }) => facts.chat === chat);
    return wanted.slice(0, limit).map(infoOf);
  }

  async listOpen(): Promise<StreamInfo[]> {
    this.#checkOpen();
    return [...this.#streams.values()].filter(({ closedAt }) => closedAt === undefined).map(infoOf);
  }

  async takeOver(streamId: string): Promise<{ epoch: number; next: number }> {
    const stream = this.#stream(streamId);
    stream.epoch += 1;
    return { epoch: stream.epoch, next: stream.entries.length };
  }

  async delete(streamId: string): Promise<void> {
    this.#checkOpen();
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    this.#streams.delete(streamId);
    if (stream.keyId !== undefined && this.#keys.get(stream.keyId)?.streamId === streamId) {
      this.#keys.delete(stream.keyId);
    }
    this.#watchers.drop(streamId);
  }

  async sweep({ closedBefore, claimedBefore, beforeRemoval }: SweepOptions): Promise<number> {
    this.#checkOpen();
    for (const [keyId, { claimedAt }] of this.#keys) {
      if (claimedAt < claimedBefore) this.#keys.delete(keyId);
    }
    let swept = 0;
    for (const [streamId, stream] of this.#streams) {
      if (stream.closedAt === undefined || stream.closedAt >= closedBefore) continue;
      await beforeRemoval?.(infoOf(stream));
      await this.delete(streamId);
      swept++;
    }
    return swept;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#watchers.dropAll();
    this.#streams.clear();
    this.#keys.clear();
  }

  /** One microtask tells the watchers of everything that was appended until then. */
  #tellLater(stream: MemoryStream): void {
    if (this.#untold.length === 0) queueMicrotask(() => this.#tell());
    this.#untold.push(stream);
  }

  #tell(): void {
    const untold = this.#untold;
    this.#untold = [];
    for (const stream of untold) {
      const entries = stream.entries.slice(stream.told);
      stream.told = stream.entries.length;
      this.#watchers.publish(stream.facts.id, entries);
    }
  }

  #stream(streamId: string): MemoryStream {
    this.#checkOpen();
    const stream = this.#streams.get(streamId);
    if (stream === undefined) throw streamNotFound(streamId);
    return stream;
  }

  #checkOpen(): void {
    if (this.#closed) throw logClosed();
  }
}

function infoOf({ facts, entries, epoch, closedAt }: MemoryStream): StreamInfo {
  const info: StreamInfo = { ...facts, epoch, entries: entries.length };
  if (closedAt !== undefined) info.closedAt = closedAt;
  return info;
}
