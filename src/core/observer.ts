import type { ErrorReport } from "./errors.ts";
import type { FinishReason, Outcome } from "./events.ts";

/** Something worth counting or tracing. Observations never change what happens. */
export type Observation =
  | { type: "stream-started"; streamId: string; model: string; protocol: string }
  | { type: "stream-ended"; streamId: string; outcome: Outcome; error?: ErrorReport }
  | { type: "attempt-started"; provider: string; model: string }
  | { type: "attempt-ended"; provider: string; model: string; finishReason?: FinishReason; error?: ErrorReport }
  | { type: "reader-attached"; streamId: string; resumed: boolean }
  | { type: "reader-left"; streamId: string; complete: boolean }
  | { type: "warning"; message: string };

/** Told of observations as they happen, synchronously; must not throw. */
export type Observe = (observation: Observation) => void;
