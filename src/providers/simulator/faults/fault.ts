import { HeadraceError } from "../../../core/errors.ts";
import { type FaultArgument, faultKindOf, faultKinds, type FaultName, faultNames } from "./catalog.ts";

/** Where in an answer. */
export type Position =
  | { unit: "tokens" | "bytes"; count: number }
  /** So many tokens into the first block of that kind. */
  | { unit: "block"; block: "text" | "reasoning" | "tool-call"; count: number };

/** When a fault happens; without any of them, always. */
export interface FaultCondition {
  /** Numbers of calls, from 1, both included. */
  calls?: readonly [from: number, to: number];
  /** So long from the first call on, in milliseconds. */
  forMs?: number;
  /** From 0 to 1. */
  chance?: number;
}

/** Something that is to go wrong. */
export interface Fault {
  name: FaultName;
  at?: Position;
  /** Durations in milliseconds, sizes in bytes. */
  arguments: Readonly<Record<string, string | number | true>>;
  condition: FaultCondition;
}

/**
 * Reads `name[@position][:argument[,argument...]]`, such as `cut@40`, `429:retry-after=2,calls=1`, `stall@tool-call+3`.
 *
 * @throws HeadraceError `invalid-request` - says what is known instead.
 */
export function parseFault(text: string): Fault {
  const trimmed = text.trim();
  const [, word = "", place, list] = /^([^@:]*)(?:@([^:]*))?(?::(.*))?$/s.exec(trimmed) ?? [];
  const asStatus = /^\d+$/.test(word);
  const name = asStatus ? "status" : word;
  const refuse = (problem: string) =>
    new HeadraceError("invalid-request", `fault ${JSON.stringify(trimmed)}: ${problem}`);
  if (!isFaultName(name)) {
    throw refuse(`there is no ${JSON.stringify(word)}; known are a status such as 503, ${faultNames.join(", ")}`);
  }
  const fault: Fault = { name, ...readArguments(name, list ?? "", refuse) };
  if (asStatus) fault.arguments = { ...fault.arguments, status: Number(word) };
  const status = fault.arguments["status"];
  if (typeof status === "number" && !isStatus(status, name)) throw refuse("a status is from 400 to 599");
  if (place !== undefined) fault.at = readPosition(name, place, refuse);
  return fault;
}

function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(faultKinds, name);
}

function isStatus(status: number, name: FaultName): boolean {
  return (status >= 400 && status <= 599) || (name === "html" && status === 200);
}

type Refuse = (problem: string) => HeadraceError;

function readPosition(name: FaultName, text: string, refuse: Refuse): Position {
  const { position } = faultKindOf(name);
  if (position === undefined) throw refuse(`${name} has no place in the answer; leave out @${text}`);
  const count = /^(\d{1,9})(b?)$/.exec(text);
  if (count?.[2] === "b" && position !== "bytes") throw refuse(`${name} happens after tokens, not after bytes`);
  if (count !== null) return { unit: count[2] === "b" ? "bytes" : "tokens", count: Number(count[1]) };
  // A plus sign in a query is a space by the time it gets here.
  const [, block, inside] = /^(text|reasoning|tool-call)(?:[+ ](\d{1,9}))?$/.exec(text) ?? [];
  if (block === undefined) {
    throw refuse(
      `@${text} is no place; write @40 (tokens), ${position === "bytes" ? "@120b (bytes), " : ""}@text+3, @reasoning+3 or @tool-call+3`,
    );
  }
  return { unit: "block", block: block as "text", count: Number(inside ?? 1) };
}

/** What every fault may have besides arguments of its own. */
const conditions: Readonly<Record<string, FaultArgument>> = {
  calls: { kind: "text", what: "only in these calls: `1`, `1-3`, `4-`" },
  for: { kind: "duration", what: "only so long from the first call on" },
  chance: { kind: "text", what: "only sometimes, from 0 to 1" },
};

function readArguments(name: FaultName, list: string, refuse: Refuse): Pick<Fault, "arguments" | "condition"> {
  const { arguments: own = {}, main } = faultKindOf(name);
  const known: Readonly<Record<string, FaultArgument>> = { ...own, ...conditions };
  const values: Record<string, string | number | true> = {};
  for (const item of list.split(",").map((one) => one.trim())) {
    if (item === "") continue;
    const equals = item.indexOf("=");
    const isFlag = Object.hasOwn(known, item) && known[item]?.kind === "flag";
    const key = equals > 0 ? item.slice(0, equals) : isFlag ? item : main;
    const argument = key !== undefined && Object.hasOwn(known, key) ? known[key] : undefined;
    if (key === undefined || argument === undefined) {
      throw refuse(`${name} has no argument ${JSON.stringify(item)}; known are ${Object.keys(known).join(", ")}`);
    }
    values[key] = argument.kind === "flag" ? true : readValue(key, item.slice(equals + 1), argument, refuse);
  }
  const { calls, for: forMs, chance, ...rest } = values;
  return {
    arguments: rest,
    condition: {
      ...(calls !== undefined && { calls: readCalls(String(calls)) }),
      ...(typeof forMs === "number" && { forMs }),
      ...(chance !== undefined && { chance: readChance(String(chance), refuse) }),
    },
  };
}

function readValue(key: string, text: string, argument: FaultArgument, refuse: Refuse): string | number {
  const { kind, choices, most = Number.POSITIVE_INFINITY } = argument;
  if (choices !== undefined && !choices.includes(text)) throw refuse(`${key} is one of ${choices.join(", ")}`);
  if (kind === "duration") return readDuration(text);
  if (kind === "text") return text;
  const value = kind === "size" ? readSize(text, refuse) : Number(text);
  if (!/^\d{1,10}(kb|mb)?$/i.test(text) || Number.isNaN(value)) {
    throw refuse(`${key} must be a whole number, but is ${JSON.stringify(text)}`);
  }
  if (value > most) throw refuse(`${key} is at most ${most}`);
  return value;
}

const longestMs = 24 * 3_600_000;
const units: Readonly<Record<string, number>> = { "": 1, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * Milliseconds of `250`, `250ms`, `1.5s`, `2m`, `1h`.
 *
 * @throws HeadraceError `invalid-request`
 */
export function readDuration(text: string): number {
  const [, amount, unit = ""] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)?$/.exec(text.trim()) ?? [];
  const durationMs = Number(amount) * (units[unit] ?? 1);
  if (amount !== undefined && durationMs <= longestMs) return durationMs;
  throw new HeadraceError(
    "invalid-request",
    `${JSON.stringify(text)} is no duration up to a day; write 250ms, 20s, 2m or milliseconds without a unit`,
  );
}

function readSize(text: string, refuse: Refuse): number {
  const [, amount, unit = ""] = /^(\d{1,10})(kb|mb)?$/i.exec(text) ?? [];
  if (amount === undefined) {
    throw refuse(`${JSON.stringify(text)} is no size; write 2mb, 512kb or bytes without a unit`);
  }
  return Number(amount) * ({ kb: 1024, mb: 1024 ** 2 }[unit.toLowerCase()] ?? 1);
}

/**
 * The numbers of calls in `2`, `1-3`, `4-`.
 *
 * @throws HeadraceError `invalid-request`
 */
export function readCalls(text: string): readonly [number, number] {
  const [, from, dash, to] = /^(\d{1,9})\s*(-?)\s*(\d{0,9})$/.exec(text.trim()) ?? [];
  if (from === undefined || (dash === "" && to !== "")) {
    throw new HeadraceError("invalid-request", `${JSON.stringify(text)} names no calls; write 1, 1-3 or 4-`);
  }
  if (dash === "") return [Number(from), Number(from)];
  return [Number(from), to === "" ? Number.POSITIVE_INFINITY : Number(to)];
}

function readChance(text: string, refuse: Refuse): number {
  const chance = Number(text);
  if (/^\d*\.?\d+$/.test(text) && chance <= 1) return chance;
  throw refuse(`chance is from 0 to 1, but is ${JSON.stringify(text)}`);
}

/** An argument that is a number, or what it is when left out. */
export function numberOf(fault: Fault, name: string, otherwise: number): number {
  const value = fault.arguments[name];
  return typeof value === "number" ? value : otherwise;
}

/** An argument that is text, if given. */
export function textArgumentOf(fault: Fault, name: string): string | undefined {
  const value = fault.arguments[name];
  return typeof value === "string" ? value : undefined;
}

export function findFault(faults: readonly Fault[], name: FaultName): Fault | undefined {
  return faults.find((fault) => fault.name === name);
}
