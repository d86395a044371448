import type { Json } from "../core/json.ts";

const longest = 48;
const mostDigits = 6;

/**
 * A provider's own word for what went wrong, such as `insufficient_quota`, if that is what it is. Keys and ids, which some
 * servers repeat in their errors, are longer or have more digits, and go no further.
 */
export function readProviderWord(value: Json | undefined, pattern = /^[A-Za-z][A-Za-z0-9_.:-]*$/): string | undefined {
  if (typeof value !== "string" || value.length > longest || !pattern.test(value)) return undefined;
  return value.replace(/\D/g, "").length > mostDigits ? undefined : value;
}
