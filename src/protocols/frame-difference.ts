import type { Json, JsonObject } from "../core/json.ts";

/** What of a frame differs from the frame before it, member by member. */
export interface FrameDifference {
  /** Top-level members that are new or have another value. */
  set?: JsonObject;
  /** Top-level members that the frame before had and this one has not. */
  unset?: string[];
}

/** How `next` differs from `previous` at the top level; undefined when it does not. */
export function frameDifference(previous: JsonObject, next: JsonObject): FrameDifference | undefined {
  let set: JsonObject | undefined;
  let unset: string[] | undefined;
  for (const key of Object.keys(next)) {
    if (isSame(previous[key], next[key])) continue;
    set ??= {};
    set[key] = next[key];
  }
  for (const key of Object.keys(previous)) {
    if (!Object.hasOwn(next, key)) (unset ??= []).push(key);
  }
  if (set === undefined && unset === undefined) return undefined;
  return { ...(set && { set }), ...(unset && { unset }) };
}

/** Whether two JSON values say the same; the order of members does not count. */
export function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  }
  if (Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]));
}
