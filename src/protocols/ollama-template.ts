import type { StreamEvent } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { CallNames, LineShape } from "./ollama-line.ts";
import { stepsOf } from "./ollama-line.ts";
import { hole } from "./openai-chat-chunk.ts";

type Filling = "time" | "text" | "thinking";

/** A skeleton ready to be filled: the text between its holes, and what goes into each of them. */
export interface LineTemplate {
  /** Types of the events that the line was made of. */
  expects: readonly StreamEvent["type"][];
  segments: readonly string[];
  holes: readonly Filling[];
  /** The line that ends the answer. */
  isLast: boolean;
}

const noNames: CallNames = { count: 0, idOf: () => "" };

/** Members are written in the order they came in. */
export function compileLine(skeleton: ReadonlyMap<string, Json>, shape: LineShape): LineTemplate {
  const line = Object.fromEntries(skeleton) as JsonObject;
  const expects = stepsOf(line, shape, { ...noNames }).map(({ type }) => type);
  const segments = [""];
  const holes: Filling[] = [];
  const add = (text: string): void => {
    segments[segments.length - 1] += text;
  };
  const dig = (filling: Filling): void => {
    holes.push(filling);
    segments.push("");
  };
  const writeMembers = (object: JsonObject, fillings: Readonly<Record<string, Filling>>): void => {
    add("{");
    Object.entries(object).forEach(([key, value], index) => {
      add(`${index === 0 ? "" : ","}${JSON.stringify(key)}:`);
      const filling = value === hole && Object.hasOwn(fillings, key) ? fillings[key] : undefined;
      if (filling !== undefined) dig(filling);
      else if (key === shape.holder && isJsonObject(value)) writeMembers(value, inHolder);
      else add(JSON.stringify(value ?? null));
    });
    add("}");
  };
  const inHolder: Record<string, Filling> = { [shape.text]: "text", thinking: "thinking" };
  const onTop: Record<string, Filling> = { created_at: "time" };
  writeMembers(line, shape.holder === undefined ? { ...onTop, ...inHolder } : onTop);
  return { expects, segments, holes, isLast: expects.includes("finish") };
}

/** The line's JSON; undefined when the events are not the ones it was made of. */
export function fillLine(
  { expects, segments, holes }: LineTemplate,
  events: readonly StreamEvent[],
  timeJson: string,
): string | undefined {
  if (events.length !== expects.length) return undefined;
  for (let index = 0; index < events.length; index++) {
    if ((events[index] as StreamEvent).type !== expects[index]) return undefined;
  }
  let line = segments[0] as string;
  for (let index = 0; index < holes.length; index++) {
    const filling = holes[index] as Filling;
    line += filling === "time" ? timeJson : textOf(events, filling === "text" ? "text-delta" : "reasoning-delta");
    line += segments[index + 1] as string;
  }
  return line;
}

function textOf(events: readonly StreamEvent[], type: "text-delta" | "reasoning-delta"): string {
  for (const event of events) if (event.type === type) return JSON.stringify(event.text);
  return '""';
}
