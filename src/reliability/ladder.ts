import type { Rung } from "../core/events.ts";
import type { GenerateRequest } from "../core/request.ts";
import { takesPrefill } from "./continuation-request.ts";
import { thinksFirst } from "./model-profiles.ts";
import { shortestProof } from "./seam-finder.ts";
import type { ServedTarget } from "./target.ts";

/** One way to go on: whom to ask, and how. */
export interface Step {
  target: ServedTarget;
  rung: Rung;
}

export interface LadderOptions {
  /** In the order of the route. */
  targets: readonly ServedTarget[];
  /** Who served the attempt that broke. */
  broken: ServedTarget | undefined;
  /** Names of targets that are asked last: they fell silent, or broke more than once. */
  shunned: ReadonlySet<string>;
  request: GenerateRequest;
  /** How much visible text there is to go on from. */
  characters: number;
  /** Targets that have answered a prefill with a refusal. */
  refusedPrefill: ReadonlySet<string>;
}

/**
 * Ways to go on with a broken answer, in the order to try them: the model that began it before the others, and for each of
 * them what proves most first. Everybody is asked in the best way before anybody is asked in a lesser one.
 */
export function* climb(options: LadderOptions): Generator<Step, undefined> {
  const { targets, broken, shunned } = options;
  const isUsable = (target: ServedTarget): boolean => target === broken || target.health.restsUntil === undefined;
  const first = broken === undefined ? [] : [broken];
  const ordered = [...first, ...targets.filter((target) => target !== broken)].filter(isUsable);
  for (const group of [
    ordered.filter(({ name }) => !shunned.has(name)),
    ordered.filter(({ name }) => shunned.has(name)),
  ]) {
    const ways = group.map((target) => ({ target, rungs: rungsOf(target, options) }));
    const levels = Math.max(0, ...ways.map(({ rungs }) => rungs.length));
    for (let level = 0; level < levels; level++) {
      for (const { target, rungs } of ways) {
        const rung = rungs[level];
        if (rung !== undefined) yield { target, rung };
      }
    }
  }
  return undefined;
}

function rungsOf({ name, profile }: ServedTarget, { request, characters, refusedPrefill }: LadderOptions): Rung[] {
  if (characters === 0) return ["prefix-match"];
  // Of a model that was given less, nobody could tell whether it went on or began anew.
  const isEnough = characters >= shortestProof;
  const canPrefill =
    isEnough && takesPrefill(profile, request, thinksFirst(profile, request)) && !refusedPrefill.has(name);
  return [...(canPrefill ? (["prefill"] as const) : []), "anchor-echo", "prefix-match"];
}
