import type { ErrorReport } from "../core/errors.ts";
import type { Outcome, StreamEnd } from "../core/events.ts";

export const truncated: ErrorReport = {
  code: "stream-truncated",
  message: "the provider's answer broke off before it was complete",
};
/** Of events that build on each other: after a broken one nothing is certain. */
export const noJson: ErrorReport = {
  code: "provider-error",
  message: "the provider sent an event that is no JSON",
};
export const reportedError: ErrorReport = { code: "provider-error", message: "the provider reported an error" };

export function breachOf(what: string): ErrorReport {
  return { code: "provider-error", message: `the provider broke its protocol: ${what}` };
}

const maxMalformedInARow = 3;

/** The end of an answer that is being read: it comes once, and nothing is read behind it. */
export class AnswerEnd {
  #isReached = false;
  #malformedInARow = 0;

  get isReached(): boolean {
    return this.#isReached;
  }

  reach(end: StreamEnd): StreamEnd[] {
    if (this.#isReached) return [];
    this.#isReached = true;
    return [end];
  }

  complete(outcome: Outcome): StreamEnd[] {
    return this.reach({ type: "stream-end", outcome });
  }

  fail(error: ErrorReport): StreamEnd[] {
    return this.reach({ type: "stream-end", outcome: "failed", error });
  }

  /** For frames that stand for themselves: a broken one costs its own text only, several in a row the whole answer. */
  malformed(what = "events in a row that are no JSON"): StreamEnd[] {
    this.#malformedInARow += 1;
    if (this.#malformedInARow < maxMalformedInARow) return [];
    return this.fail({ code: "provider-error", message: `the provider sent ${maxMalformedInARow} ${what}` });
  }

  wellFormed(): void {
    this.#malformedInARow = 0;
  }

  /** Another body goes on with the answer. */
  reopen(): void {
    this.#isReached = false;
  }
}
