import type { Signature } from "./signatures.ts";
import { openSignature } from "./signatures.ts";

/** Redacted reasoning is bytes, which JSON has as base64. What another vendor has sealed becomes bytes first. */
export function writeRedacted(sealed: string, signature: string): string {
  return sealed === signature ? signature : toBase64(sealed);
}

/** The signature in redacted content, and whose it is. */
export function readRedacted(base64: string): Signature {
  const text = fromBase64(base64);
  const sealed = text === undefined ? undefined : openSignature(text, "bedrock-converse");
  return sealed === undefined || sealed.from === "bedrock-converse"
    ? { signature: base64, from: "bedrock-converse" }
    : sealed;
}

function toBase64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));
}

/** Undefined when it is no base64, or no text. */
function fromBase64(base64: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
