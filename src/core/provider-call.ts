import type { StreamEvent } from "./events.ts";
import type { JsonObject } from "./json.ts";
import type { PassedProtocol } from "./operation.ts";
import type { StreamSource } from "./source.ts";

/** A call that goes to a provider as it is. Its answer goes back as it is, past everything that understands answers. */
export interface PassedCall {
  protocol: PassedProtocol;
  /** Below the provider's base URL, with its leading slash. */
  path: string;
  /** The model in it is replaced by the target's. */
  body: JsonObject;
  /** Waited for before each time that a provider is called: what that may cost must not be lost with the process. */
  noted(): Promise<void>;
  /**
   * Told what could be understood of the answer while its bytes went by: the attempt that it comes from, text, usage, why
   * it ended; its `stream-end` last.
   */
  see(event: StreamEvent): void;
  /** Takes the answer. Of several attempts, the last one's counts. */
  answered(reply: ProviderReply): void;
}

/** What a provider answered, with its status a success. */
export interface ProviderReply {
  contentType: string;
  /** The bytes as they came. Errors when the connection breaks, so that a part is not taken for the whole. */
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/**
 * Makes a source of a call, so that everything that makes sources sturdy works for it. The source has begun with the
 * first bytes of the answer; the rest comes through the reply and not as events.
 */
export type CallProvider = (call: PassedCall) => StreamSource;
