import type { FinishReason, StreamEvent } from "../core/events.ts";
import type { StreamTap } from "../core/observer.ts";
import type { Clock } from "../core/time.ts";
import { Histogram } from "./histogram.ts";
import { Timeline } from "./timeline.ts";
import type { TraceSeam } from "./trace.ts";

const maxSeams = 50;
const maxWarnings = 20;
const longestWarning = 300;

/** Takes note of one stream's events as they are written. Costs an addition or two for each; keeps no content. */
export class TokenRecorder implements StreamTap {
  /** Events that went into the log, the header included. */
  entries = 1;
  characters = 0;
  firstContentMs: number | undefined;
  lastContentMs = 0;
  finishReason: FinishReason | undefined;
  /** Attempts of which something is in the answer. */
  readonly delivered = new Set<number>();
  readonly seams: TraceSeam[] = [];
  readonly warnings: string[] = [];
  /** Milliseconds between one piece of content and the next. */
  readonly gaps = new Histogram();
  readonly timeline = new Timeline();
  #before = 0;
  readonly #clock: Clock;
  readonly #began: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#began = clock.elapsed();
  }

  see(event: StreamEvent): void {
    this.entries++;
    switch (event.type) {
      case "text-delta":
      case "reasoning-delta":
      case "refusal-delta":
        this.#content(event.text.length);
        return;
      case "tool-call-delta":
        this.#content(event.argumentsText.length);
        return;
      case "tool-call-start":
        this.#content(event.name.length);
        return;
      case "attempt-start":
        this.delivered.add(event.attempt ?? 0);
        this.#before = this.characters;
        return;
      case "finish":
        this.finishReason ??= event.reason;
        return;
      case "seam": {
        const { type: _type, ...seam } = event;
        if (this.seams.length < maxSeams) this.seams.push({ ...seam, atMs: Math.round(this.elapsedMs) });
        return;
      }
      case "warning":
        if (this.warnings.length < maxWarnings) this.warnings.push(event.message.slice(0, longestWarning));
        break;
      default:
    }
  }

  /** Of the attempt that writes now. */
  get charactersOfAttempt(): number {
    return this.characters - this.#before;
  }

  get elapsedMs(): number {
    return this.#clock.elapsed() - this.#began;
  }

  #content(characters: number): void {
    if (characters === 0) return;
    const atMs = this.#clock.elapsed() - this.#began;
    if (this.firstContentMs === undefined) this.firstContentMs = atMs;
    else this.gaps.add(atMs - this.lastContentMs);
    this.lastContentMs = atMs;
    this.characters += characters;
    this.timeline.add(atMs, this.characters);
  }
}
