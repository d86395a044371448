import type { AskedProtocol, Operation } from "../core/operation.ts";
import { operationOf } from "../core/operation.ts";

/** `gen_ai.operation.name` of what was asked in a protocol. */
export function operationName(protocol: AskedProtocol): Operation | "generate_content" {
  return protocol === "gemini" ? "generate_content" : operationOf(protocol);
}
