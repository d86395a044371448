import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { dataFrame } from "./sse.ts";

/** The members that hold a piece of text, by the type of chunk. */
export const textMembers: ReadonlyMap<unknown, string> = new Map([
  ["text-delta", "delta"],
  ["reasoning-delta", "delta"],
  ["tool-input-delta", "inputTextDelta"],
]);

/** Our own entry of a part's `providerMetadata`. */
export interface OwnMetadata {
  /** Of reasoning; sealed when it is another protocol's. */
  signature?: string;
  /** The signature is all there is. */
  redacted?: true;
  /** The text is a refusal. */
  refusal?: true;
}

export function readOwnMetadata(providerMetadata: Json | undefined): OwnMetadata {
  const own = isJsonObject(providerMetadata) ? providerMetadata["headrace"] : undefined;
  if (!isJsonObject(own)) return {};
  const { signature, redacted, refusal } = own;
  return {
    ...(typeof signature === "string" && { signature }),
    ...(redacted === true && { redacted }),
    ...(refusal === true && { refusal }),
  };
}

export function chunkFrame(chunk: JsonObject): string {
  return dataFrame(JSON.stringify(chunk));
}

export const doneFrame = dataFrame("[DONE]");

/** The arguments of a tool call as text. */
export function inputText(input: Json | undefined): string {
  return typeof input === "string" ? input : JSON.stringify(input ?? {});
}
