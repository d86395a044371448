import type { StreamEvent } from "./events.ts";

type Result = IteratorResult<StreamEvent, undefined>;

/** The events of something that has to be opened first; once it is, nothing stands in between. */
export function whenOpen(open: () => Promise<AsyncIterator<StreamEvent>>): AsyncIterable<StreamEvent> {
  let opened: AsyncIterator<StreamEvent> | undefined;
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => opened?.next() ?? first(),
      return: async () => (await opened?.return?.()) ?? { value: undefined, done: true },
    }),
  };

  async function first(): Promise<IteratorResult<StreamEvent>> {
    opened = await open();
    return opened.next();
  }
}

/** Resolves once the first event is there, with an iterator that begins with it; rejects with what comes instead. */
export async function untilFirst(events: AsyncIterable<StreamEvent>): Promise<AsyncIterator<StreamEvent>> {
  const rest = events[Symbol.asyncIterator]();
  const first = (await rest.next()) as Result;
  return new Opened(first, rest);
}

class Opened implements AsyncIterator<StreamEvent> {
  #first: Result | undefined;
  readonly #rest: AsyncIterator<StreamEvent>;

  constructor(first: Result, rest: AsyncIterator<StreamEvent>) {
    this.#first = first;
    this.#rest = rest;
  }

  next(): Promise<IteratorResult<StreamEvent>> {
    if (this.#first === undefined) return this.#rest.next();
    const first = this.#first;
    this.#first = undefined;
    return Promise.resolve(first);
  }

  return(): Promise<IteratorResult<StreamEvent>> {
    return this.#rest.return?.() ?? Promise.resolve({ value: undefined, done: true });
  }
}
