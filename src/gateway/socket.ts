/** A WebSocket connection, as far as we need one. Every runtime can make one of what it has. */
export interface Socket {
  /** Sends a text message. False: enough for now; `onDrain` tells when there is room. */
  send(text: string | Uint8Array): boolean;
  /** Whether the last `send` answered false, and there has been no room since. */
  isFull(): boolean;
  /** What was sent and has not left this process. */
  bufferedBytes(): number;
  ping(): void;
  close(code: number, reason: string): void;
  /** Undefined for a binary message. */
  onMessage(listener: (text: string | undefined) => void): void;
  onPong(listener: () => void): void;
  onDrain(listener: () => void): void;
  onClose(listener: () => void): void;
}

/** @see https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1 and the registry of codes that followed. */
export const closeCodes = {
  /** The peer went silent, reads too slowly, or breaks a limit. */
  policy: 1008,
  /** A binary message. */
  unsupported: 1003,
  /** We are on our way down; come back in a moment, and go on from the last cursor. */
  restart: 1012,
} as const;
