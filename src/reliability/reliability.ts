import type { ProtocolName } from "../core/events.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { StreamContext, StreamSource } from "../core/source.ts";
import type { Clock, Randomness } from "../core/time.ts";
import { AttemptPlan } from "./attempt-plan.ts";
import type { AttemptCall, Guard } from "./attempt.ts";
import { withGuards } from "./attempt.ts";
import { ConcurrencyLimit, withConcurrencyLimit } from "./concurrency-limit.ts";
import { withContinuation } from "./continuation.ts";
import { createFailover } from "./failover.ts";
import { withHedge } from "./hedge.ts";
import type { ModelProfile } from "./model-profiles.ts";
import { profileOf, thinksFirst } from "./model-profiles.ts";
import { observeAttempt } from "./observed-attempt.ts";
import { keepResumption } from "./resumable-attempt.ts";
import { withRetry } from "./retry.ts";
import { RetryBudget } from "./retry-budget.ts";
import { TargetHealth } from "./target-health.ts";
import type { SilenceSettings } from "./silence-limits.ts";
import { limitsFor } from "./silence-limits.ts";
import type { ServedTarget, Target } from "./target.ts";
import { Watchdog } from "./watchdog.ts";

/** As in the configuration; see there for what each of them means. */
export interface ReliabilitySettings extends SilenceSettings {
  maxAttempts: number;
  recovery: "auto" | "off";
  maxRecoveries: number;
  continuationPrompt: string;
  retryBudgetPercent: number;
  hedge: Hedge;
  breakerFailures: number;
  breakerOpenMs: number;
  queueLength: number;
  queueTimeoutMs: number;
}

/** When a second target is raced: after so long without a token, when 95 of 100 answers had one, or never. */
export type Hedge = { afterMs: number } | "p95" | "off";

export interface TargetSpec {
  provider: string;
  model: string;
  /** Whose models the provider serves, as in the vendor table. */
  vendor: string;
  protocol?: ProtocolName;
  /** Calls the provider, with any model. */
  source: StreamSource;
  /** Whether it can go on from a begun answer, where somebody knows better than the table of profiles. */
  prefill?: boolean;
  /** In place of what the table of profiles says. */
  profile?: ModelProfile;
  /** Its answers come in one piece: there is no first token to wait for, and nothing to be seen before they are there. */
  isWhole?: boolean;
}

/** How a route or a request wants its targets used; what is left out is as configured for all. */
export interface RouteOptions {
  strategy?: "failover" | "weighted";
  /** Shares of the requests by the target's position, for `weighted`. Default 1 each. */
  weights?: readonly number[];
  hedge?: Hedge;
  recovery?: "auto" | "off";
  toolCalls?: "stream" | "atomic";
}

/** What is remembered of a target. */
export interface TargetState {
  provider: string;
  model: string;
  health: TargetHealth;
  limit: ConcurrencyLimit;
}

const shortestP95Ms = 300;
const maxKnownTargets = 2_000;
const longestKnownName = 500;

/** Makes sturdy sources of targets, and remembers how each target has been doing. */
export class Reliability {
  readonly #clock: Clock;
  readonly #randomness: Randomness;
  readonly #settings: ReliabilitySettings;
  readonly #watchdog: Watchdog;
  readonly #states = new Map<string, TargetState>();
  readonly #targets = new Map<string, ServedTarget>();
  readonly #budgets = new Map<string, RetryBudget>();
  readonly #refusedPrefill = new Set<string>();

  constructor(options: { clock: Clock; randomness: Randomness; settings: ReliabilitySettings }) {
    this.#clock = options.clock;
    this.#randomness = options.randomness;
    this.#settings = options.settings;
    this.#watchdog = new Watchdog(options);
  }

  /** A target that can be called: watched, observed, and not more often at once than it can take. */
  target(spec: TargetSpec): ServedTarget {
    const { provider, model, vendor, prefill } = spec;
    const key = `${vendor} ${provider}/${model} ${prefill}`;
    return remembered(this.#targets, key, () => this.#createTarget(spec));
  }

  /** The same for one request only, whose source nobody else can use. */
  targetOnce(spec: TargetSpec): ServedTarget {
    return this.#createTarget(spec);
  }

  /** One source of several targets. All that fails before the first content happens in here. */
  source(targets: readonly ServedTarget[], options: RouteOptions = {}): StreamSource {
    const [first] = targets;
    if (first === undefined) throw new RangeError("a source needs at least one target");
    const budget = this.budgetOf(first);
    const { maxAttempts, totalTimeoutMs } = this.#settings;
    return (request, sourceOptions) => {
      const stream: StreamContext = sourceOptions.stream ?? { id: "", attempts: 0 };
      stream.deadline ??= this.#clock.elapsed() + totalTimeoutMs;
      budget.countRequest();
      const ordered = this.#inOrder(targets, options);
      const plan = new AttemptPlan({ targets: ordered, maxAttempts, budget });
      const failover = createFailover(plan, (target) => this.#retried(target, plan), this.#randomness);
      const afterMs = targets.length < 2 ? undefined : this.#hedgeAfterMs(ordered[0] ?? first, request, options.hedge);
      const begun = afterMs === undefined ? failover : this.#hedged(failover, plan, afterMs);
      const source = this.#continued(begun, ordered, options);
      return source(request, { ...sourceOptions, stream });
    };
  }

  #continued(
    source: StreamSource,
    targets: readonly ServedTarget[],
    { recovery = this.#settings.recovery, toolCalls = "stream" }: RouteOptions,
  ): StreamSource {
    const { maxAttempts, maxRecoveries, continuationPrompt } = this.#settings;
    const [first] = targets;
    if (recovery === "off" || first === undefined) return source;
    if (this.#refusedPrefill.size > maxKnownTargets) this.#refusedPrefill.clear();
    const budget = this.budgetOf(first);
    return withContinuation(source, {
      clock: this.#clock,
      targets,
      maxRecoveries,
      maxAttempts: maxAttempts + maxRecoveries,
      take: (after) => budget.take(after),
      prompt: continuationPrompt,
      toolCalls,
      refusedPrefill: this.#refusedPrefill,
    });
  }

  /** What all calls beside the first of each request, recoveries included, are taken from. */
  budgetOf({ name }: Target): RetryBudget {
    return remembered(this.#budgets, name, () => {
      return new RetryBudget({ clock: this.#clock, share: this.#settings.retryBudgetPercent / 100 });
    });
  }

  /** How the targets that were asked for have been doing. */
  states(): ReadonlyMap<string, TargetState> {
    return this.#states;
  }

  #createTarget(spec: TargetSpec): ServedTarget {
    const { provider, model, vendor, protocol, prefill, isWhole = false } = spec;
    const name = `${provider}/${model}`;
    const profile = spec.profile ?? profileOf(vendor, model, prefill === undefined ? {} : { prefill });
    const { health, limit } = this.#stateOf(name, { provider, model });
    const settings = this.#settings;
    const guards = [
      (call: AttemptCall): Guard => registerAttempt(call, name),
      (call: AttemptCall): Guard => observeAttempt(call, { clock: this.#clock, provider, model, isWhole }),
      (call: AttemptCall): Guard => this.#watchdog.guard(call, name, limitsFor(call, { profile, isWhole, settings })),
      (call: AttemptCall): Guard => health.guard(call),
      keepResumption,
    ];
    const named: StreamSource = (request, options) => spec.source({ ...request, model }, options);
    const source = withConcurrencyLimit(withGuards(named, guards), limit, this.#clock);
    const target = { name, provider, model, source, profile, health };
    return protocol === undefined ? target : { ...target, protocol };
  }

  #retried({ source }: ServedTarget, plan: AttemptPlan): StreamSource {
    return withRetry(source, {
      clock: this.#clock,
      randomness: this.#randomness,
      take: (after) => plan.take(after),
      hasAlternative: () => plan.hasAlternative(),
    });
  }

  #hedged(source: StreamSource, plan: AttemptPlan, afterMs: number): StreamSource {
    const take = (): (() => void) | undefined => (plan.hasAlternative() ? plan.take() : undefined);
    return withHedge(source, { clock: this.#clock, afterMs, take });
  }

  #hedgeAfterMs(first: ServedTarget, request: GenerateRequest, own: Hedge | undefined): number | undefined {
    const hedge = own ?? this.#settings.hedge;
    if (hedge === "off") return undefined;
    if (hedge !== "p95") return own === undefined && thinksFirst(first.profile, request) ? undefined : hedge.afterMs;
    const { p95 } = first.health.latencies;
    // By its definition one in twenty takes longer than that, which bounds the calls it costs.
    return p95 === undefined ? undefined : Math.max(p95, shortestP95Ms);
  }

  #inOrder(targets: readonly ServedTarget[], { strategy, weights = [] }: RouteOptions): readonly ServedTarget[] {
    if (strategy !== "weighted") return targets;
    // Sorting by these gives each target the first place as often as its weight says, and so on for the places after it.
    const keys = targets.map((_target, index) => -Math.log(1 - this.#randomness.number()) / (weights[index] ?? 1));
    return targets
      .map((target, index) => ({ target, key: keys[index] ?? 0 }))
      .toSorted((a, b) => a.key - b.key)
      .map(({ target }) => target);
  }

  #stateOf(name: string, place: { provider: string; model: string }): TargetState {
    const { breakerFailures, breakerOpenMs, queueLength, queueTimeoutMs } = this.#settings;
    const clock = this.#clock;
    return remembered(this.#states, name, () => ({
      ...place,
      health: new TargetHealth({ clock, failuresInARow: breakerFailures, openMs: breakerOpenMs }),
      limit: new ConcurrencyLimit({ clock, randomness: this.#randomness, queueLength, queueMs: queueTimeoutMs }),
    }));
  }
}

/** Tells its stream whom it asks, and for as long as it runs how to end it. */
function registerAttempt({ stream, number, abort }: AttemptCall, name: string): Guard {
  (stream.targets ??= [])[number] = name;
  const live = (stream.live ??= new Map());
  live.set(number, abort);
  return { ended: () => void live.delete(number) };
}

/** Model names come from requests, so what is remembered of them is bounded in number and in length. */
function remembered<Value>(map: Map<string, Value>, name: string, create: () => Value): Value {
  if (name.length > longestKnownName) return create();
  let value = map.get(name);
  if (value === undefined) {
    value = create();
    const [oldest] = map.keys();
    if (oldest !== undefined && map.size >= maxKnownTargets) map.delete(oldest);
    map.set(name, value);
  }
  return value;
}
