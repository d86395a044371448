import type { Trace } from "../../../src/records/trace.ts";
import { useQuery } from "./use-query.ts";

/** Who this page is, for the gateway. */
export interface Caller {
  /** Whose streams it starts; missing where no keys are in use. */
  name?: string;
  /** A user sees its own streams; an admin the records of all, and what is for operators. */
  role: "user" | "admin";
}

/** Undefined until it is known. */
export function useCaller(): Caller | undefined {
  return useQuery<Caller>("/admin/key").data;
}

/** Whether the caller may read what was said in a stream; undefined until that is known. */
export function mayRead(caller: Caller | undefined, trace: Trace | undefined): boolean | undefined {
  if (caller === undefined) return undefined;
  // Users are shown no streams but their own.
  if (caller.role === "user" || caller.name === undefined) return true;
  return trace === undefined ? undefined : trace.owner === caller.name;
}
