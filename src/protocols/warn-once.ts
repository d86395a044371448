import type { Warn } from "./protocol.ts";

/** Says each sentence once, whatever it is that occurs more than once. */
export function warnOnce(warn: Warn): Warn {
  const said = new Set<string>();
  return (message) => {
    if (said.has(message)) return;
    said.add(message);
    warn(message);
  };
}
