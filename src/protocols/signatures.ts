import type { ProtocolName } from "../core/events.ts";

const seal = /^headrace:([a-z-]+):/;

/** A vendor's proof of its reasoning, and whose it is. */
export interface Signature {
  signature: string;
  from: ProtocolName;
}

/**
 * A signature as a client of `to` gets it. One that another vendor made is marked with its origin, so that the next
 * request shows whose it was: only that vendor can read it.
 */
export function sealSignature({ signature, from }: Signature, to: ProtocolName): string {
  return from === to ? signature : `headrace:${from}:${signature}`;
}

/** The signature in a request of protocol `of`, and whose it is. */
export function openSignature(text: string, of: ProtocolName): Signature {
  const [mark, from] = seal.exec(text) ?? [];
  if (mark === undefined) return { signature: text, from: of };
  return { signature: text.slice(mark.length), from: from as ProtocolName };
}
