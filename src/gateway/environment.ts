import type { Context } from "hono";

import type { Role } from "../access/keys.ts";
import type { HeadraceError } from "../core/errors.ts";
import type { Protocol } from "../protocols/protocol.ts";

/**
 * A connection that takes bytes as they are, without a web stream in between. Runtimes that have such a thing hand it
 * to the app; elsewhere answers are web-standard streams.
 */
export interface RawConnection {
  /** Name of what `encode` does; readers with the same name can share bytes. */
  readonly encoding: string;
  /** Turns a frame into what is written for it. */
  encode(frame: string | Uint8Array): Uint8Array;
  open(status: number, headers: Record<string, string>): void;
  /** False: enough for now; `onDrain` tells when there is room. */
  write(bytes: Uint8Array): boolean;
  /** Ends the body; when it is not whole, so that the client can see it. */
  end(whole: boolean): void;
  onDrain(listener: () => void): void;
  /** The client is gone. */
  onClose(listener: () => void): void;
  /**
   * The client has closed its half of the connection: it either waits for the rest of the answer, or is gone and only a
   * write will show it. Called again a moment later, since the first write to a closed connection still succeeds.
   */
  onHalfClose(listener: () => void): void;
}

/** What a runtime passes to `fetch` beside the request. */
export interface RuntimeBindings {
  connection?: () => RawConnection;
  /** What to return once a connection was opened. */
  alreadySent?: Response;
  /** The headers as they came, names and values in turn, where the runtime knows them. */
  rawHeaders?: readonly string[];
}

export interface GatewayEnvironment {
  Bindings: RuntimeBindings;
  Variables: {
    requestId: string;
    /** Headers of every answer to this request, also of one that is written past the framework. */
    headers: Record<string, string>;
    /** Who asks; see `access/keys`. */
    owner: string;
    role: Role;
    /** The protocol that errors are written in. */
    protocol: Protocol;
    /** Told of errors that are worth a line in the log. */
    report: (error: HeadraceError) => void;
  };
}

export type GatewayContext = Context<GatewayEnvironment>;
