import type { ErrorCode } from "../../../core/errors.ts";
import type { StreamEvent } from "../../../core/events.ts";
import type { Plan, Step } from "../plan.ts";
import { type Fault, findFault, numberOf, type Position, textArgumentOf } from "./fault.ts";

/** A change of a plan: from a step on, these come first, and perhaps nothing else. */
interface Edit {
  index: number;
  insert: Step[];
  dropsRest?: true;
}

const keepAliveEveryMs = 1_000;

/** Does to an answer what goes wrong with it before it is on the wire. */
export function spoilPlan(plan: Plan, faults: readonly Fault[]): Plan {
  if (faults.length === 0) return plan;
  let steps = plan.steps;
  if (findFault(faults, "missing-usage") !== undefined) {
    steps = steps.filter((step) => !("event" in step && step.event.type === "usage"));
  }
  const slow = findFault(faults, "slow-first-token");
  if (slow !== undefined) {
    const waitMs = numberOf(slow, "wait", 20_000);
    steps = steps.map((step, index) => (index === 1 ? { ...step, waitMs: step.waitMs + waitMs } : step));
  }
  const edits = faults.flatMap((fault) => editOf(fault, steps) ?? []);
  // From the end, so that no edit moves the place of another.
  for (const { index, insert, dropsRest } of edits.toSorted((one, other) => other.index - one.index)) {
    steps = [...steps.slice(0, index), ...insert, ...(dropsRest ? [] : steps.slice(index))];
  }
  return { ...plan, steps };
}

function editOf(fault: Fault, steps: readonly Step[]): Edit | undefined {
  // Bytes are counted on the wire.
  if (fault.at?.unit === "bytes") return undefined;
  const change = changeOf(fault);
  if (change === undefined) return undefined;
  const index = indexOf(fault.at ?? { unit: "tokens", count: change.defaultAt }, steps);
  if (index === undefined) return undefined;
  const insert = change.insert(tokensIn(steps.slice(0, index)), steps);
  return { index, insert, ...(change.dropsRest === true && { dropsRest: true }) };
}

interface Change {
  defaultAt: number;
  insert: (tokens: number, steps: readonly Step[]) => Step[];
  dropsRest?: boolean;
}

function changeOf(fault: Fault): Change | undefined {
  switch (fault.name) {
    case "comments":
      return { defaultAt: 0, insert: () => [keepAlives(numberOf(fault, "every", keepAliveEveryMs))], dropsRest: true };
    case "stall": {
      const pauseMs = numberOf(fault, "pause", Number.POSITIVE_INFINITY);
      const comments = fault.arguments["comments"] === true;
      return { defaultAt: 0, insert: () => pause(pauseMs, comments), dropsRest: pauseMs === Number.POSITIVE_INFINITY };
    }
    case "cut":
    case "reset":
    case "eof": {
      const how = fault.name;
      return { defaultAt: 0, insert: () => [{ waitMs: 0, mishap: { type: "end", how } }], dropsRest: true };
    }
    case "error": {
      const { code, message } = inBandErrors[textArgumentOf(fault, "kind") ?? "overloaded"] ?? inBandError;
      const event: StreamEvent = { type: "stream-end", outcome: "failed", error: { code, message } };
      return { defaultAt: 0, insert: () => [{ waitMs: 0, event }], dropsRest: true };
    }
    case "content-filter":
      return { defaultAt: 1, insert: filtered, dropsRest: true };
    case "malformed": {
      const extra = fault.arguments["extra"] === true;
      return { defaultAt: 1, insert: () => [{ waitMs: 0, mishap: { type: "malformed", extra } }] };
    }
    case "duplicate": {
      const times = numberOf(fault, "times", 1);
      return { defaultAt: 1, insert: () => [{ waitMs: 0, mishap: { type: "duplicate", times } }] };
    }
    case "reorder":
      return { defaultAt: 1, insert: () => [{ waitMs: 0, mishap: { type: "reorder" } }] };
    case "giant": {
      const text = "x".repeat(numberOf(fault, "size", 2 * 1024 ** 2));
      return { defaultAt: 1, insert: () => [{ waitMs: 0, event: { type: "text-delta", text } }] };
    }
    default:
      return undefined;
  }
}

const inBandError: { code: ErrorCode; message: string } = { code: "overloaded", message: "simulated: overloaded" };

const inBandErrors: Readonly<Record<string, { code: ErrorCode; message: string }>> = {
  overloaded: inBandError,
  server: { code: "internal", message: "simulated: the server failed" },
  "rate-limit": { code: "rate-limited", message: "simulated: too many requests" },
  timeout: { code: "provider-timeout", message: "simulated: it took too long" },
  invalid: { code: "invalid-request", message: "simulated: the request is invalid" },
};

function keepAlives(everyMs: number): Step {
  return { waitMs: Math.max(everyMs, 1), mishap: { type: "keep-alive" }, repeats: true };
}

function pause(pauseMs: number, comments: boolean): Step[] {
  if (pauseMs === Number.POSITIVE_INFINITY) {
    return [comments ? keepAlives(keepAliveEveryMs) : { waitMs: pauseMs, mishap: { type: "silence" } }];
  }
  const count = comments ? Math.floor(pauseMs / keepAliveEveryMs) : 0;
  const alive = Array.from({ length: count }, (): Step => ({
    waitMs: keepAliveEveryMs,
    mishap: { type: "keep-alive" },
  }));
  return [...alive, { waitMs: pauseMs - count * keepAliveEveryMs, mishap: { type: "silence" } }];
}

/** The end of an answer that a content filter stopped after so many tokens. */
function filtered(tokens: number, steps: readonly Step[]): Step[] {
  return steps.flatMap((step): Step[] => {
    if (!("event" in step)) return [];
    const { event } = step;
    if (event.type === "finish") return [{ waitMs: 0, event: { ...event, reason: "content_filter" } }];
    if (event.type === "usage") {
      return [{ waitMs: 0, event: { ...event, usage: { ...event.usage, outputTokens: tokens } } }];
    }
    return event.type === "stream-end" ? [{ waitMs: 0, event: { ...event, outcome: "content_filter" } }] : [];
  });
}

const blockOf: Partial<Record<StreamEvent["type"], string>> = {
  "text-delta": "text",
  "reasoning-delta": "reasoning",
  "refusal-delta": "refusal",
  "tool-call-delta": "tool-call",
};

function tokensIn(steps: readonly Step[]): number {
  return steps.filter((step) => "event" in step && blockOf[step.event.type] !== undefined).length;
}

/** The step before which it is so far; undefined when the answer never gets there. */
function indexOf(at: Position, steps: readonly Step[]): number | undefined {
  const block = at.unit === "block" ? at.block : undefined;
  let count = 0;
  // Nothing at all has been sent before the first step after the header.
  if (at.count === 0 && block === undefined) return 1;
  for (const [index, step] of steps.entries()) {
    const kind = "event" in step ? blockOf[step.event.type] : undefined;
    if (kind === undefined || (block !== undefined && kind !== block)) continue;
    if (at.count === 0) return index;
    count++;
    if (count === at.count) return index + 1;
  }
  return undefined;
}
