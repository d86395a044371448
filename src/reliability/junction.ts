import type { AttemptStart, Rung, StreamEvent } from "../core/events.ts";
import type { SeamVerdict } from "./seam-finder.ts";
import { SeamFinder } from "./seam-finder.ts";

/** Events of an attempt before it is decided where it joins. */
const maxEarly = 1_000;

export type Joined = Extract<SeamVerdict, { is: "joined" }>;

/** Where an attempt goes on with an answer, and its first events behind that place. */
export interface Junction {
  start: AttemptStart;
  seam: Joined;
  first: StreamEvent[];
}

export interface JunctionOptions {
  /** Everything visible so far. */
  said: string;
  /** What the attempt was asked for. */
  rung: Rung;
  /** Whether a place that is only likely will do. */
  mayGuess: boolean;
  /** The attempt has begun to answer. */
  onStart: () => void;
}

/** Reads an attempt until it is decided where it joins what was said; undefined when it does not. */
export async function findJunction(
  events: AsyncIterator<StreamEvent>,
  { said, rung, mayGuess, onStart }: JunctionOptions,
): Promise<Junction | undefined> {
  const finder = said === "" ? undefined : new SeamFinder(said, rung);
  const early: StreamEvent[] = [];
  let start: AttemptStart | undefined;
  for (;;) {
    const { value: event, done } = await events.next();
    if (done === true) return undefined;
    if (start === undefined && event.type === "attempt-start") {
      start = event;
      onStart();
    }
    const verdict = verdictOn(event, finder);
    const isOpen = verdict === undefined || verdict.is === "undecided";
    if (isOpen && early.length < maxEarly) {
      if (isWorthKeeping(event)) early.push(event);
      continue;
    }
    if (isOpen || verdict.is === "rejected" || start === undefined || (!mayGuess && verdict.confidence < 1)) {
      void events.return?.();
      return undefined;
    }
    return { start, seam: verdict, first: [...early, ...afterSeam(event, verdict, finder)] };
  }
}

/** What an event tells about the seam; undefined when it tells nothing. */
function verdictOn(event: StreamEvent, finder: SeamFinder | undefined): SeamVerdict | undefined {
  switch (event.type) {
    case "text-delta":
      return finder === undefined ? anew(event.text) : finder.push(event.text);
    case "reasoning-delta":
    case "reasoning-signature":
      return finder === undefined ? anew("") : undefined;
    case "tool-call-start":
    case "refusal-delta":
    case "finish":
    case "stream-end":
      return finder === undefined ? anew("") : finder.end();
    default:
      return undefined;
  }
}

/** Once there was text, what a new attempt thinks before its own is of no use to anybody. */
function isWorthKeeping({ type }: StreamEvent): boolean {
  return type !== "text-delta" && type !== "attempt-start" && type !== "reasoning-delta" && type !== "vendor-frame";
}

/** Nothing was visible but reasoning, so any answer joins. */
function anew(text: string): Joined {
  return { is: "joined", text, overlap: 0, rung: "prefix-match", confidence: 1 };
}

/** The deciding event with what is new of it. */
function afterSeam(event: StreamEvent, { text }: Joined, finder: SeamFinder | undefined): StreamEvent[] {
  if (event.type === "text-delta") return text === "" ? [] : [{ type: "text-delta", text }];
  const rest: StreamEvent[] = finder === undefined || text === "" ? [] : [{ type: "text-delta", text }];
  return [...rest, event];
}
