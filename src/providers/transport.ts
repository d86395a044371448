/** One HTTP call to a provider. */
export interface TransportRequest {
  method: "GET" | "POST";
  url: string;
  headers: Record<string, string>;
  body?: string | Uint8Array;
  signal: AbortSignal;
}

export interface TransportResponse {
  status: number;
  /** Names in lower case; of repeated headers the last one. */
  headers: Record<string, string>;
  /** Leaving the loop early closes the connection. */
  body: AsyncIterable<Uint8Array>;
}

/**
 * Sends a request and resolves when the answer's headers are there. Has no timers of its own: our clocks rule.
 * Never follows redirects: a provider's key only goes to its configured origin.
 *
 * @throws HeadraceError `provider-unreachable` - no answer; the connection failed or closed before the headers.
 * @throws the signal's reason when aborted.
 */
export type Transport = (request: TransportRequest) => Promise<TransportResponse>;
