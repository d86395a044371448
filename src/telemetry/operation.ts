/** `gen_ai.operation.name` of what was asked in a protocol. */
export function operationOf(protocol: string): "chat" | "generate_content" {
  return protocol === "gemini" ? "generate_content" : "chat";
}
