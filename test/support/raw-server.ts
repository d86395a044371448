import { createServer, type Server, type Socket, type AddressInfo } from "node:net";
import { createServer as createSecureServer, type TlsOptions } from "node:tls";

export interface RawServer {
  url: string;
  /** Connections so far. */
  readonly connections: number;
  close(): Promise<void>;
}

/** A server that answers bytes with bytes: `answer` is called for each complete request head. Encrypted with `tls`. */
export async function startRawServer(
  answer: (socket: Socket, head: string, count: number) => void,
  tls?: TlsOptions,
): Promise<RawServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  let requests = 0;
  const accept = (socket: Socket): void => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    let received = "";
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
      const end = received.indexOf("\r\n\r\n");
      if (end === -1) return;
      const head = received.slice(0, end);
      received = "";
      answer(socket, head, requests++);
    });
  };
  const server: Server = tls === undefined ? createServer(accept) : createSecureServer(tls, accept);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    get connections() {
      return connections;
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
