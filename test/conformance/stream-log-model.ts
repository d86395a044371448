import { expect } from "vitest";
import { HeadraceError } from "../../src/core/errors.ts";
import type { StreamEvent } from "../../src/core/events.ts";
import type { AppendResult, LogEntry, StreamInfo } from "../../src/log/stream-log.ts";
import type { OpenedLog } from "./stream-log-fixtures.ts";
import { closingTime, end, newStream, text } from "./stream-log-fixtures.ts";

interface ModelStream {
  owner: string;
  key: string | undefined;
  epoch: number;
  entries: LogEntry[];
  closed: boolean;
}

/** What a log should be, written as plainly as possible. */
class Model {
  readonly streams = new Map<string, ModelStream>();
  readonly keys = new Map<string, string>();

  create(id: string, owner: string, key: string | undefined): unknown {
    const claimed = key === undefined ? undefined : this.keys.get(`${owner}/${key}`);
    if (claimed !== undefined) return { status: "exists", streamId: claimed, requestHash: "hash" };
    if (key !== undefined) this.keys.set(`${owner}/${key}`, id);
    this.streams.set(id, { owner, key, epoch: 1, entries: [], closed: false });
    return { status: "created", epoch: 1 };
  }

  append(id: string, epoch: number, seq: number, events: readonly StreamEvent[]): AppendResult | "stream-not-found" {
    const stream = this.streams.get(id);
    if (stream === undefined) return "stream-not-found";
    const { entries } = stream;
    if (epoch !== stream.epoch) return { status: "fenced", epoch: stream.epoch };
    if (seq + events.length <= entries.length) return { status: "dup", next: entries.length };
    if (stream.closed) return { status: "closed" };
    if (seq > entries.length) return { status: "gap", next: entries.length };
    events.forEach((event, index) => {
      if (seq + index === entries.length) entries.push({ epoch, seq: seq + index, event });
    });
    stream.closed = events.at(-1)?.type === "stream-end";
    return { status: "ok", next: entries.length };
  }

  takeOver(id: string): unknown {
    const stream = this.streams.get(id);
    if (stream === undefined) return "stream-not-found";
    stream.epoch++;
    return { epoch: stream.epoch, next: stream.entries.length };
  }

  delete(id: string): void {
    const stream = this.streams.get(id);
    if (stream?.key !== undefined && this.keys.get(`${stream.owner}/${stream.key}`) === id) {
      this.keys.delete(`${stream.owner}/${stream.key}`);
    }
    this.streams.delete(id);
  }

  info(id: string): StreamInfo | undefined {
    const stream = this.streams.get(id);
    if (stream === undefined) return undefined;
    const { owner, epoch, entries, closed } = stream;
    const { protocol, model, createdAt } = newStream(id);
    const info: StreamInfo = { id, owner, protocol, model, createdAt, epoch, entries: entries.length };
    return closed ? { ...info, closedAt: closingTime } : info;
  }
}

/** Does random things to a log and the model, many at once, and compares all that can be seen. */
export async function runAgainstModel(
  opened: OpenedLog,
  operations: number,
  random: (below: number) => number,
): Promise<void> {
  let { log } = opened;
  const model = new Model();
  const ids: string[] = [];
  const some = (): string => ids[random(ids.length)] ?? "none";
  const owner = (): string => ["ann", "bob"][random(2)] as string;
  let pending: Promise<void>[] = [];
  const compare = (actual: Promise<unknown>, expected: unknown): void => {
    const settled = actual.catch((error: unknown) => (error instanceof HeadraceError ? error.code : error));
    pending.push(settled.then((result) => expect(result).toEqual(expected)));
  };
  const settle = async (): Promise<void> => {
    await Promise.all(pending);
    pending = [];
  };

  const create = async (): Promise<void> => {
    const id = `s${ids.length}`;
    const key = random(3) === 0 ? `key${random(5)}` : undefined;
    const by = owner();
    ids.push(id);
    const stream = newStream(id, {
      owner: by,
      ...(key !== undefined && { idempotency: { key, requestHash: "hash" } }),
    });
    compare(log.create(stream), model.create(id, by, key));
    await settle();
  };
  const append = (): void => {
    const id = some();
    const stream = model.streams.get(id);
    const next = stream?.entries.length ?? 0;
    const epoch = Math.max(1, (stream?.epoch ?? 1) - (random(10) === 0 ? 1 : 0));
    const seq = random(4) === 0 ? Math.max(0, next - 3 + random(6)) : next;
    const events = Array.from({ length: 1 + random(3) }, () =>
      text("x".repeat(random(5) === 0 ? random(20_000) : random(9))),
    );
    const last = random(25) === 0 ? [end] : [];
    compare(log.append(id, epoch, seq, [...events, ...last]), model.append(id, epoch, seq, [...events, ...last]));
  };
  const look = async (): Promise<void> => {
    await settle();
    const id = some();
    const stream = model.streams.get(id);
    const after = random((stream?.entries.length ?? 0) + 3) - 1;
    const limit = 1 + random(40);
    compare(log.info(id), model.info(id));
    compare(log.read(id, { after, limit }), stream?.entries.slice(after + 1, after + 1 + limit) ?? "stream-not-found");
    await settle();
  };

  await create();
  for (let done = 0; done < operations; done++) {
    const choice = random(100);
    if (choice < 5) await create();
    else if (choice < 80) append();
    else if (choice < 84) {
      const id = some();
      compare(log.takeOver(id), model.takeOver(id));
    } else if (choice < 86) {
      const id = some();
      model.delete(id);
      compare(log.delete(id), undefined);
    } else if (choice < 98 || opened.reopen === undefined) await look();
    else if (random(4) === 0) {
      await settle();
      log = await opened.reopen();
    }
  }
  await settle();
  for (const id of ids) {
    compare(log.info(id), model.info(id));
    const expected = model.streams.get(id)?.entries ?? "stream-not-found";
    compare(log.read(id, { after: -1, limit: 100_000 }), expected);
  }
  for (const by of ["ann", "bob"]) {
    const own = ids.filter((id) => model.streams.get(id)?.owner === by).toReversed();
    compare(
      log.list({ owner: by, limit: 10_000 }),
      own.map((id) => model.info(id)),
    );
  }
  await settle();
}
