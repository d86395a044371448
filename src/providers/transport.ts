/** One HTTP call to a provider. */
export interface TransportRequest {
  method: "GET" | "POST" | "DELETE";
  url: string;
  headers: Record<string, string>;
  body?: string | Uint8Array;
  signal: AbortSignal;
  /** Told once when there is a connection, TLS included; by transports that know. */
  onConnect?: (connection: { reused: boolean }) => void;
}

export interface TransportResponse {
  status: number;
  /** Names in lower case; of repeated headers the last one. */
  headers: Record<string, string>;
  body: IncomingBody;
}

/** Takes a body as it comes. Pushed rather than pulled: a promise per read is most of what an iterator would cost. */
export interface ByteSink {
  /** The bytes are valid during the call only: what is to be kept has to be copied. */
  push(bytes: Uint8Array): void;
  /** Once, at the end; with an error when the body broke off, or with the signal's reason when it was aborted. */
  end(error?: unknown): void;
}

export interface IncomingBody {
  /** Starts the flow. What came before is pushed first. Called once. */
  pipe(sink: ByteSink): void;
  /** No pushes until `resume`, give or take what is on its way. */
  pause(): void;
  resume(): void;
  /** Closes the connection. */
  cancel(): void;
  /**
   * The answer is complete, though the body may not have ended: lets the connection finish so that it can be used again,
   * whatever the request's signal does from now on. Closes it if that takes more than a moment.
   */
  release(): void;
}

/**
 * Sends a request and resolves when the answer's headers are there. Has no timers of its own: our clocks rule.
 * Never follows redirects: a provider's key only goes to its configured origin.
 *
 * @throws HeadraceError `provider-unreachable` - no answer; the connection failed or closed before the headers.
 * @throws the signal's reason when aborted.
 */
export type Transport = (request: TransportRequest) => Promise<TransportResponse>;

/** The text of a body, at most `maxBytes` of it; the rest is not waited for. */
export function readText(body: IncomingBody, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const decoder = new TextDecoder();
    let text = "";
    let size = 0;
    body.pipe({
      push(bytes) {
        if (size > maxBytes) return;
        text += decoder.decode(bytes, { stream: true });
        size += bytes.byteLength;
        if (size <= maxBytes) return;
        body.cancel();
        resolve(text);
      },
      end(error) {
        if (error === undefined) resolve(text);
        else reject(error);
      },
    });
  });
}
