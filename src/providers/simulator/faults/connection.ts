/** How a connection goes down: not even made, closed without the body's last chunk, or reset. */
export type Breakage = "refuse" | "cut" | "reset";

/** What a `fetch` rejects with, or a body fails with; a server does the real thing instead. */
export class BrokenConnection extends TypeError {
  readonly how: Breakage;

  constructor(how: Breakage, message: string, code: string = codes[how]) {
    super(message, { cause: Object.assign(new Error(`simulated: ${code}`), { code }) });
    this.how = how;
  }
}

// As Node's own fetch calls them.
const codes: Readonly<Record<Breakage, string>> = {
  refuse: "ECONNREFUSED",
  cut: "UND_ERR_SOCKET",
  reset: "ECONNRESET",
};

/** Never resolves; rejects with the signal's reason. */
export function forever(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal?.aborted) reject(signal.reason as Error);
    signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
