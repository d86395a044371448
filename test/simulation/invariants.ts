import { answerText, foldAnswer } from "../../src/core/answer.ts";
import type { AttemptEnded } from "../../src/core/observer.ts";
import type { StreamEvent } from "../../src/core/events.ts";
import { isTerminal, isWhole } from "../../src/core/events.ts";
import { createRendering } from "../../src/gateway/rendering.ts";
import { protocols } from "../../src/protocols/all.ts";
import { answers } from "./answers.ts";
import { encoding } from "./reader.ts";
import type { SimulatedReader, Visit } from "./reader.ts";
import type { StreamRecord, WorldRecord } from "./world.ts";

/** A promise of the gateway that a world has broken. */
export interface Violation {
  invariant: string;
  what: string;
}

type Check = (record: WorldRecord, stream: StreamRecord) => (string | false)[];

/** How long a call may go on that nobody wants any more, and what rounding adds. */
const abortMs = 250;
const totalMs = 900_000;

/** What holds in every world, whatever its seed. Each returns what is wrong. */
export const invariants: Readonly<Record<string, Check>> = {
  "I1 nothing is shown before it is committed, or that is not in the log": (_record, stream) => {
    const { text, ends } = rendered(stream);
    return allVisits(stream).flatMap((visit) => {
      const from = startOf(visit, text);
      return [
        from === -1 && `a reader came back behind ${visit.after}, which is nowhere`,
        text.slice(from, from + visit.text.length) !== visit.text && "what a reader got is not what the log says",
        visit.writes.some(({ length, committed }) => from + length > (ends[committed - 1] ?? 0)) &&
          "a reader got something that was not committed",
      ];
    });
  },

  "I2 every entry once and in order": (_record, stream) => [
    stream.entries.some(({ seq }, index) => seq !== index) && "the log has a gap",
    ...stream.readers.map((reader) => {
      const { text } = rendered(stream);
      const isResumable = protocols[stream.plan.protocol].eventIds !== false;
      const all = isResumable ? joined(reader) : (reader.visits.at(-1)?.text ?? "");
      return !text.startsWith(all) && "what a reader got in all its visits is no beginning of the answer";
    }),
  ],

  "I3 exactly one terminal entry, the last one": (_record, { entries }) => {
    const terminal = entries.filter(({ event }) => isTerminal(event));
    return [
      terminal.length !== 1 && `${terminal.length} terminal entries`,
      terminal[0] !== entries.at(-1) && "not last",
    ];
  },

  "I4 a writer that was replaced writes nothing": (_record, { entries, takenOverFrom, lateAppend }) => [
    takenOverFrom !== undefined &&
      entries.some(({ seq, epoch }) => epoch !== (seq < takenOverFrom ? 1 : 2)) &&
      "an entry of the old writer behind the take-over",
    lateAppend !== undefined && lateAppend !== "fenced" && `a late append was answered ${lateAppend}`,
  ],

  "I5 each attempt is counted once": (record, stream) => {
    const started = attempts(record, stream, "attempt-started");
    const ended = attempts(record, stream, "attempt-ended") as AttemptEnded[];
    const numbers = new Set(ended.map(({ attempt }) => attempt));
    return [
      numbers.size !== ended.length && "an attempt ended twice",
      started.some(({ attempt }) => !numbers.has(attempt)) && "an attempt never ended",
      ended.length !== started.length && "an attempt ended that never began",
      ended.some(({ outcome, usage }) => outcome === "completed" && usage === undefined) && "no usage",
      ended.some(({ firstContentMs, usage }) => firstContentMs !== undefined && usage === undefined) &&
        "no usage of an attempt that began to answer",
    ];
  },

  "I6 cost is bounded": (record, stream) => {
    const reasons = attempts(record, stream, "attempt-started").map(({ reason }) => reason);
    return [
      reasons.length > 5 && `${reasons.length} attempts`,
      reasons.filter((reason) => reason !== "recovery").length > 3 && "more than three attempts before the first byte",
      reasons.filter((reason) => reason === "hedge").length > 1 && "more than one race",
    ];
  },

  "I7 what looks complete is": (_record, stream) => {
    const end = stream.entries.at(-1)?.event;
    const outcome = end?.type === "stream-end" ? end.outcome : "interrupted";
    const whole = answers.get(stream.plan.question) ?? "";
    const said = answerText(foldAnswer(stream.entries.map(({ event }) => event)));
    return [
      !whole.startsWith(said) && `the answer says something else: ${said.slice(-80)}`,
      outcome === "completed" && said !== whole && "a part passes for the whole",
      outcome === "content_filter" && said === whole && "a filter that filtered nothing",
      ...stream.readers.map((reader) => {
        const seen = readAs(stream, joined(reader));
        return (
          seen !== undefined && isWhole(seen) && !isWhole(outcome) && `a reader takes ${outcome} for a whole answer`
        );
      }),
      ...stream.readers.map((reader) => joined(reader).includes("simulated") && "a word of the provider's error"),
    ];
  },

  "I8 nobody is given more than they take": (_record, stream) => [
    allVisits(stream).some(({ overfed }) => overfed) && "a slow reader was written to although it had enough",
  ],

  "I9 a call that nobody wants is aborted": ({ calls }, { plan, endedAt, takenOverFrom }) => [
    // A writer that was replaced learns of it with its next append.
    takenOverFrom === undefined &&
      endedAt !== undefined &&
      calls.some(({ question, overAt }) => question === plan.question && (overAt ?? Infinity) > endedAt + abortMs) &&
      "a call goes on after the stream has ended",
  ],

  "I10 every stream ends in time": (_record, { plan, endedAt }) => [
    (endedAt === undefined || endedAt - plan.startsAt > totalMs + 10_000) && `ended at ${endedAt}`,
  ],

  "I11 no word of another stream": (record, stream) => {
    const others = record.streams.filter(({ id }) => id !== stream.id).map(({ id }) => id);
    return stream.readers.map(
      (reader) => others.some((id) => joined(reader).includes(id)) && "an id of another stream",
    );
  },

  "I12 live, resumed and replayed are the same bytes": (_record, stream) => {
    const { text } = rendered(stream);
    return stream.readers.map((reader) => {
      const last = reader.visits.at(-1);
      if (last?.ended === undefined) return false;
      return (
        startOf(last, text) + last.text.length !== text.length && "a reader that was told the end misses something"
      );
    });
  },
};

/** All that is wrong in a world. */
export function violationsOf(record: WorldRecord): Violation[] {
  return Object.entries(invariants).flatMap(([invariant, check]) =>
    record.streams.flatMap((stream) =>
      check(record, stream).flatMap((what) => (what === false ? [] : [{ invariant, what: `${stream.id}: ${what}` }])),
    ),
  );
}

const renderings = new WeakMap<StreamRecord, { text: string; ends: number[] }>();

/** The whole stream as a reader gets it who reads it afterwards, and where each entry's part of it ends. */
function rendered(stream: StreamRecord): { text: string; ends: number[] } {
  const known = renderings.get(stream);
  if (known !== undefined) return known;
  const options = { streamId: stream.id, includeUsage: true };
  const write = createRendering(protocols[stream.plan.protocol], options, encoding).createWriter();
  let text = "";
  const decoder = new TextDecoder();
  const ends = stream.entries.map((entry) => {
    for (const frame of write(entry)) text += decoder.decode(frame);
    return text.length;
  });
  const result = { text, ends };
  renderings.set(stream, result);
  return result;
}

function allVisits({ readers }: StreamRecord): Visit[] {
  return readers.flatMap(({ visits }) => visits);
}

/** Where a visit's text begins in that of the whole stream. */
function startOf({ after }: Visit, text: string): number {
  if (after === undefined) return 0;
  const at = text.indexOf(`id: ${after}\n`);
  return at === -1 ? -1 : text.indexOf("\n\n", at) + 2;
}

/** What a reader has got in all its visits; a frame that was cut comes again. */
function joined({ visits }: SimulatedReader): string {
  let all = "";
  for (const { after, text } of visits) {
    if (after === undefined) all = "";
    else all = all.slice(0, all.indexOf("\n\n", all.indexOf(`id: ${after}\n`)) + 2);
    all += text;
  }
  return all;
}

/** What a client of the protocol makes of it; undefined when it did not read to the end. */
function readAs({ plan }: StreamRecord, text: string) {
  const reader = protocols[plan.protocol].createEventReader({});
  const events: StreamEvent[] = [...reader.push(new TextEncoder().encode(text)), ...reader.end()];
  return foldAnswer(events).outcome;
}

function attempts({ observations }: WorldRecord, { id }: StreamRecord, type: "attempt-started" | "attempt-ended") {
  return observations.flatMap(({ what }) => (what.type === type && what.streamId === id ? [what] : []));
}
