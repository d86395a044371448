import type { DatabaseSync, StatementSync } from "node:sqlite";

/** An entry as the journal keeps it. */
export interface JournalLine {
  stream: number;
  epoch: number;
  seq: number;
  /** The event as JSON. */
  text: string;
}

/** JSON has no raw line breaks, so a line is an entry. */
export function writeJournalLine(stream: number, epoch: number, seq: number, text: string): string {
  return `${stream} ${epoch} ${seq} ${text}\n`;
}

export function readJournalLine(line: string): JournalLine {
  const afterStream = line.indexOf(" ");
  const afterEpoch = line.indexOf(" ", afterStream + 1);
  const afterSeq = line.indexOf(" ", afterEpoch + 1);
  return {
    stream: Number(line.slice(0, afterStream)),
    epoch: Number(line.slice(afterStream + 1, afterEpoch)),
    seq: Number(line.slice(afterEpoch + 1, afterSeq)),
    text: line.slice(afterSeq + 1),
  };
}

/** How many rows are worked on at once, so that the event loop is never blocked for long. */
const rowsAtOnce = 500;

/** The journal is cut into stretches of this length of text; streams with entries older than the last few are archived. */
const stretchLength = 4 * 1024 * 1024;
const stretches = 4;

interface Row {
  id: number;
  lines: string;
}

/**
 * What was committed lately: one row for each transaction, with the entries of all streams.
 *
 * A row for each entry, sorted by stream, would make every transaction rewrite a page per stream; here it writes one
 * or two at the end of a table. Rows go when all their entries are in segments.
 */
export class Journal {
  readonly #insert: StatementSync;
  readonly #page: StatementSync;
  readonly #replace: StatementSync;
  readonly #remove: StatementSync;
  #first: number;
  #next: number;
  /** The first rows of the last stretches. */
  readonly #marks: number[];
  #written = 0;
  #markedAt = 0;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare("INSERT INTO journal (id, lines) VALUES (?, ?)");
    this.#page = database.prepare("SELECT id, lines FROM journal WHERE id >= ? ORDER BY id LIMIT ?");
    this.#replace = database.prepare("UPDATE journal SET lines = ? WHERE id = ?");
    this.#remove = database.prepare("DELETE FROM journal WHERE id >= ? AND id < ?");
    const bounds = database.prepare("SELECT min(id) AS first, max(id) AS last FROM journal").get();
    this.#next = Number(bounds?.["last"] ?? 0) + 1;
    this.#first = Number(bounds?.["first"] ?? this.#next);
    this.#marks = [this.#next];
  }

  /** The id that the next row gets. */
  get next(): number {
    return this.#next;
  }

  /** Length of all text inserted since the start. */
  get written(): number {
    return this.#written;
  }

  /** Rows before this one should go, lest a quiet stream keeps all of them. */
  get outdated(): number {
    return this.#marks.length > stretches ? (this.#marks[0] as number) : 0;
  }

  insert(lines: string): void {
    this.#insert.run(this.#next, lines);
    this.#written += lines.length;
  }

  /** The row that was inserted last is committed. */
  advance(): void {
    this.#next++;
    if (this.#written - this.#markedAt < stretchLength) return;
    this.#markedAt = this.#written;
    this.#marks.push(this.#next);
    if (this.#marks.length > stretches + 1) this.#marks.shift();
  }

  *rows(): Generator<Row> {
    for (let from = this.#first; ;) {
      const rows = this.#page.all(from, rowsAtOnce) as unknown as Row[];
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined) return;
      from = last.id + 1;
    }
  }

  /** Removes rows before `horizon`; false when there are more than can be removed at once. */
  trim(horizon: number): boolean {
    const until = Math.min(horizon, this.#first + rowsAtOnce);
    if (until > this.#first) this.#remove.run(this.#first, until);
    this.#first = Math.max(this.#first, until);
    return until === horizon || horizon <= this.#first;
  }

  /** Takes lines of these streams out of rows from `from` on. Returns where to go on, undefined when it is done. */
  purge(streams: ReadonlySet<number>, from: number): number | undefined {
    const rows = this.#page.all(from, rowsAtOnce) as unknown as Row[];
    for (const { id, lines } of rows) {
      const all = lines.split("\n").slice(0, -1);
      const kept = all.filter((line) => !streams.has(readJournalLine(line).stream));
      if (kept.length < all.length) this.#replace.run(kept.map((line) => `${line}\n`).join(""), id);
    }
    const last = rows.at(-1);
    return last === undefined ? undefined : last.id + 1;
  }
}
