import type { JsonObject } from "./json.ts";

/** A call that goes to a provider as it is, past everything that understands answers. */
export interface ProviderCall {
  /** Below the provider's base URL, with its leading slash. */
  path: string;
  body: JsonObject;
  signal: AbortSignal;
}

/** What a provider answered, with its status a success. */
export interface ProviderReply {
  contentType: string;
  /** The bytes as they came. Errors when the connection breaks, so that a part is not taken for the whole. */
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/**
 * Calls a provider.
 *
 * @throws HeadraceError - it refused, failed, or could not be reached; its own words are not in it.
 * @throws the signal's reason when aborted.
 */
export type CallProvider = (call: ProviderCall) => Promise<ProviderReply>;
