import type { StreamEvent } from "./events.ts";

type Result = IteratorResult<StreamEvent, undefined>;

/** The events of something that has to be opened first; once it is, nothing stands in between. */
export function whenOpen(open: () => Promise<AsyncIterator<StreamEvent>>): AsyncIterable<StreamEvent> {
  return { [Symbol.asyncIterator]: () => new Opening(open) };
}

/** Resolves once the first event is there, with an iterator that begins with it; rejects with what comes instead. */
export async function untilFirst(events: AsyncIterable<StreamEvent>): Promise<AsyncIterator<StreamEvent>> {
  const rest = events[Symbol.asyncIterator]();
  const first = (await rest.next()) as Result;
  return new Opened(first, rest);
}

/** An iterator that has nothing more to add, so that whoever calls it may as well call what is behind it. */
abstract class Transparent implements AsyncIterator<StreamEvent> {
  behind: AsyncIterator<StreamEvent> | undefined;

  abstract next(): Promise<IteratorResult<StreamEvent>>;

  return(): Promise<IteratorResult<StreamEvent>> {
    return this.behind?.return?.() ?? Promise.resolve({ value: undefined, done: true });
  }
}

class Opening extends Transparent {
  readonly #open: () => Promise<AsyncIterator<StreamEvent>>;
  #isDirect = false;

  constructor(open: () => Promise<AsyncIterator<StreamEvent>>) {
    super();
    this.#open = open;
  }

  next(): Promise<IteratorResult<StreamEvent>> {
    if (this.behind === undefined) return this.#first();
    if (!this.#isDirect) {
      // Wrappers around wrappers have had their say with the first event; the others do not pass through all of them.
      this.#isDirect = true;
      while (this.behind instanceof Transparent && this.behind.behind !== undefined) this.behind = this.behind.behind;
    }
    return this.behind.next();
  }

  async #first(): Promise<IteratorResult<StreamEvent>> {
    this.behind = await this.#open();
    return this.behind.next();
  }
}

class Opened extends Transparent {
  #first: Result | undefined;
  readonly #rest: AsyncIterator<StreamEvent>;

  constructor(first: Result, rest: AsyncIterator<StreamEvent>) {
    super();
    this.#first = first;
    this.#rest = rest;
  }

  next(): Promise<IteratorResult<StreamEvent>> {
    if (this.#first === undefined) return this.#rest.next();
    const first = this.#first;
    this.#first = undefined;
    this.behind = this.#rest;
    return Promise.resolve(first);
  }

  override return(): Promise<IteratorResult<StreamEvent>> {
    return this.#rest.return?.() ?? Promise.resolve({ value: undefined, done: true });
  }
}
