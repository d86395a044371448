import type { ProtocolName } from "../core/events.ts";
import type { StreamSource } from "../core/source.ts";
import type { ModelProfile } from "./model-profiles.ts";
import type { TargetHealth } from "./target-health.ts";

/** One provider and model that a route may try. */
export interface Target {
  /** `provider/model`. */
  name: string;
  provider: string;
  model: string;
  /** What the provider speaks; user-written models speak none. */
  protocol?: ProtocolName;
  /**
   * Calls this target, once per call. Watched: silence becomes an error, and nothing comes before the first content, so
   * that whatever fails earlier is thrown by the first `next()`.
   */
  source: StreamSource;
  profile: ModelProfile;
}

/** A target with what is known of it from the calls so far. */
export interface ServedTarget extends Target {
  health: TargetHealth;
}
