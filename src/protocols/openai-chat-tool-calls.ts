import type { ToolCallDelta, ToolCallStart } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isText } from "./json-values.ts";
import { callBody, hole } from "./openai-chat-chunk.ts";
import { textOfArguments } from "./tool-arguments.ts";

const maxCalls = 1024;

interface Call {
  /** `index` as the provider writes it; some write none, some write 0 for all. */
  wireIndex: number | undefined;
  id: string | undefined;
  isStarted: boolean;
  /** Arguments that came before the name did. */
  early: string;
}

export interface ReadCall {
  events: (ToolCallStart | ToolCallDelta)[];
  /** The events cannot be put back into the chunk. */
  isVerbatim?: true;
}

/** The tool calls of one choice while they arrive. */
export class ToolCalls {
  readonly #choice: number;
  readonly #calls: Call[] = [];

  constructor(choice: number) {
    this.#choice = choice;
  }

  /** Takes an entry of `tool_calls` apart. Undefined when its index is beyond reason. */
  read(entry: JsonObject): ReadCall | undefined {
    const named = callBody(entry);
    const position = this.#find(entry, named?.body["name"]);
    if (position === undefined) return undefined;
    if (named === undefined) return { events: [] };
    const { body, key } = named;
    const kind = key === "input" ? "custom" : "function";
    return this.#take(position, entry, { body, key, kind });
  }

  /** Takes the old `function_call` apart: one call without id or index. */
  readFunctionCall(body: JsonObject): ReadCall {
    if (this.#calls.length === 0)
      this.#calls.push({ wireIndex: undefined, id: undefined, isStarted: false, early: "" });
    return this.#take(0, {}, { body, key: "arguments", kind: "function" });
  }

  #take(
    position: number,
    entry: JsonObject,
    { body, key, kind }: { body: JsonObject; key: string; kind: "function" | "custom" },
  ): ReadCall {
    const call = this.#calls[position] as Call;
    const choice = this.#choice === 0 ? {} : { choice: this.#choice };
    const id = entry["id"];
    const result: ReadCall = { events: [] };
    let early = "";
    if (!call.isStarted) {
      call.id ??= isText(id) ? id : undefined;
      const name = body["name"];
      if (!isText(name)) {
        call.early += textOfArguments(body[key]);
        return result;
      }
      call.isStarted = true;
      early = call.early;
      call.early = "";
      const callId = call.id ?? `call_${this.#choice}_${position}`;
      result.events.push({ type: "tool-call-start", ...choice, call: position, callId, name, kind });
      body["name"] = hole;
      if (callId === id) entry["id"] = hole;
    }
    const value = body[key];
    const text = early + textOfArguments(value);
    if (text !== "") {
      result.events.push({ type: "tool-call-delta", ...choice, call: position, argumentsText: text });
      if (text === value) body[key] = hole;
      else result.isVerbatim = true;
    }
    if (result.events.length > 0 && entry["index"] === position) entry["index"] = hole;
    return result;
  }

  /** The position of the call that an entry belongs to; a new one where needed. */
  #find(entry: JsonObject, name: Json | undefined): number | undefined {
    const { index, id } = entry;
    const wireIndex = typeof index === "number" ? index : undefined;
    if (wireIndex !== undefined && !(Number.isInteger(wireIndex) && wireIndex >= 0 && wireIndex < maxCalls))
      return undefined;
    const known = wireIndex === undefined ? this.#findWithoutIndex(id, name) : this.#findByIndex(wireIndex, id, name);
    if (known !== -1) return known;
    if (this.#calls.length === maxCalls) return undefined;
    this.#calls.push({ wireIndex, id: isText(id) ? id : undefined, isStarted: false, early: "" });
    return this.#calls.length - 1;
  }

  #findByIndex(wireIndex: number, id: Json | undefined, name: Json | undefined): number {
    const position = this.#calls.findLastIndex((call) => call.wireIndex === wireIndex);
    const call = this.#calls[position];
    // Another id and a name of its own: a vendor that gives all its calls the same index.
    const isAnother = call?.isStarted === true && isText(id) && isText(name) && call.id !== id;
    return isAnother ? -1 : position;
  }

  #findWithoutIndex(id: Json | undefined, name: Json | undefined): number {
    if (isText(id)) return this.#calls.findLastIndex((call) => call.id === id);
    return isText(name) ? -1 : this.#calls.length - 1;
  }
}
