import { HeadraceError, toHeadraceError } from "../core/errors.ts";
import { percentDecoded } from "../core/percent-encoding.ts";
import type { WholeResponse } from "../protocols/protocol.ts";
import { writeRetryHeaders } from "../protocols/retry-after.ts";
import type { AppOptions } from "./app.ts";
import { guard } from "./guard.ts";
import type { Socket } from "./socket.ts";
import { closeCodes } from "./socket.ts";
import { WebSocketSession } from "./websocket-session.ts";

export interface Admitted {
  /** What to answer as `Sec-WebSocket-Protocol`. */
  subprotocol?: string;
  open(socket: Socket): void;
}

export interface WebSockets {
  /** Decides about a request to open a WebSocket: it is let in, or answered over HTTP. */
  admit(request: Request, rawHeaders?: readonly string[]): Admitted | { refusal: WholeResponse };
  /** Closes what is idle at once, and everything else when its answers are told. */
  drain(): void;
  /** Closes what is left. */
  close(): void;
}

const subprotocol = "headrace";
const keyPrefix = `${subprotocol}.key.`;

/** The WebSocket side of the gateway, at `/ws`: many answers on one connection, and each can be stopped and resumed. */
export function createWebSockets(app: AppOptions): WebSockets {
  const sessions = new Set<WebSocketSession>();
  let stopBeating: (() => void) | undefined;

  const open = (socket: Socket, owner: string, requestId: string): void => {
    const session = new WebSocketSession(app, socket, { owner, requestId });
    sessions.add(session);
    socket.onClose(() => sessions.delete(session));
    // One coarse clock for all sockets, and none before the first.
    stopBeating ??= app.clock.every(app.heartbeatMs, () => {
      for (const one of sessions) one.beat();
    });
    if (!app.isReady()) session.drain();
  };

  return {
    admit(request, rawHeaders) {
      const requestId = app.createRequestId();
      try {
        guard(request, rawHeaders, app);
        const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
        const { owner } = app.keyring.authenticate(withOfferedKey(request.headers, offered));
        if (sessions.size >= app.readers || !app.isReady()) throw overloaded();
        const chosen = offered.includes(subprotocol) ? subprotocol : offered.find((name) => name.startsWith(keyPrefix));
        return {
          ...(chosen !== undefined && { subprotocol: chosen }),
          open: (socket) => open(socket, owner, requestId),
        };
      } catch (error) {
        const thrown = toHeadraceError(error);
        const { status, headers, body } = app.protocols["openai-chat"].writeError(thrown, requestId);
        return { refusal: { status, body, headers: { ...writeRetryHeaders(thrown), ...headers } } };
      }
    },
    drain() {
      for (const session of sessions) session.drain();
    },
    close() {
      stopBeating?.();
      stopBeating = undefined;
      for (const session of sessions) session.close(closeCodes.restart, "the gateway is restarting");
    },
  };
}

/** Web pages cannot set headers on a WebSocket, but they can offer subprotocols: one of them may carry the key. */
function withOfferedKey(headers: Headers, offered: readonly string[]): Headers {
  const key = offered.find((name) => name.startsWith(keyPrefix))?.slice(keyPrefix.length);
  if (key === undefined || headers.has("x-api-key")) return headers;
  const all = new Headers(headers);
  // Not every character of a key may stand in a subprotocol's name; pages encode the others.
  all.set("x-api-key", percentDecoded(key));
  return all;
}

function overloaded(): HeadraceError {
  return new HeadraceError("overloaded", "too many connections, or on the way down; try again in a moment", {
    retryAfterMs: 2_000,
  });
}
