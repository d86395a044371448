import { HeadraceError } from "../core/errors.ts";
import type { StreamContext } from "../core/source.ts";
import type { StreamInfo } from "../log/stream-log.ts";

/** How often one stream may be broken: some ways to go on with an answer are free, and could be asked for for ever. */
const maxBreaks = 10;

const broken = new HeadraceError("broken-on-request", "the connection to the provider was broken on request");

export interface BrokenAttempts {
  /** What was under way: several when they raced each other. */
  attempts: { attempt: number; target: string }[];
  /** How often this stream can be broken again. */
  breaksLeft: number;
}

/** Rehearses the failure of a provider on one stream, while its answer is written. */
export class FailureDrill {
  /** What the stream's attempts share. */
  readonly stream: StreamContext;
  #breaksLeft = maxBreaks;

  constructor(streamId: string) {
    this.stream = { id: streamId, attempts: 0 };
  }

  breakAttempts(): BrokenAttempts {
    const { id, live, targets } = this.stream;
    if (live === undefined || live.size === 0) {
      const message = `stream ${id} waits for no provider at this moment: it is about to ask one, or to end; try again`;
      throw new HeadraceError("cannot-break", message);
    }
    if (this.#breaksLeft === 0) {
      throw new HeadraceError("cannot-break", `stream ${id} was broken ${maxBreaks} times, which is the limit`);
    }
    this.#breaksLeft--;
    const attempts = [...live.keys()].map((attempt) => ({ attempt, target: targets?.[attempt] ?? "" }));
    for (const end of live.values()) end(broken);
    return { attempts, breaksLeft: this.#breaksLeft };
  }
}

/** Why a stream cannot be broken that this process does not write. */
export function notWrittenHere(streamId: string, info: StreamInfo | undefined): HeadraceError {
  const why = info?.closedAt === undefined ? "is not written by this process" : "is over";
  return new HeadraceError("cannot-break", `stream ${streamId} ${why}, so there is nothing to break`);
}
