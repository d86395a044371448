/** `problem`: something is broken. `warning`: it will be, some day or for somebody. */
export type Level = "ok" | "note" | "warning" | "problem";

/** One thing that was looked at. Never holds a secret. */
export interface Finding {
  level: Level;
  /** What was looked at: a provider's name, a setting, a part of the machine. */
  about: string;
  message: string;
  /** What to do about it. */
  next?: string;
  /** How it came to be there: the variables or the file. */
  foundBy?: string;
  /** How long the look took. */
  ms?: number;
}
