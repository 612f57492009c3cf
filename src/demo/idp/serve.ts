/** Serves a demo identity provider on a loopback port. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Served {
  readonly url: string;
  readonly server: Server;
  close(): Promise<void>;
}

/** Listens on a port (0: any free one) and only then asks for the handler, so that the handler can know its own address. */
export async function serve(port: number): Promise<Served> {
  const server = createServer();
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(port, '127.0.0.1', done);
  });
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.closeAllConnections();
    await new Promise<void>((done) => server.close(() => done()));
  };
  return { url, server, close };
}
