/** A database seen through a wire that can be watched and cut, and whose other end may move, as that of a server restarted elsewhere. */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/** What is on its way: a statement to the database, or the answer to it. */
export interface Message {
  readonly text: string;
  /** The port by which the database knows this connection. */
  readonly backendPort: number;
  readonly towards: 'database' | 'client';
}

export interface DatabaseProxy {
  /** The same database by way of the proxy. */
  url(database: string): string;
  /** Sees each message before it goes on; those for which it says `false` do not. Null: nobody watches. */
  watch(watcher: ((message: Message) => boolean | undefined) | null): void;
  /** Leads to another port from now on; to 0, nowhere. */
  to(port: number): void;
  /** Every connection breaks. */
  cut(): void;
  close(): Promise<void>;
}

/** @param given a URL of the server that it leads to */
export async function startDatabaseProxy(given: string): Promise<DatabaseProxy> {
  let port = Number(new URL(given).port);
  let watcher: ((message: Message) => boolean | undefined) | null = null;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const database = connect(port, '127.0.0.1');
    const both = [client, database];
    for (const socket of both) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        for (const each of both) each.destroy();
      });
    }
    const pass = (from: Socket, to: Socket, towards: Message['towards']) =>
      from.on('data', (chunk) => {
        const message = { text: chunk.toString('latin1'), backendPort: database.localPort ?? 0, towards };
        if (watcher === null || watcher(message) !== false) to.write(chunk);
      });
    pass(client, database, 'database');
    pass(database, client, 'client');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: (database) => {
      const url = new URL(given);
      url.port = String((server.address() as AddressInfo).port);
      url.pathname = `/${database}`;
      return url.toString();
    },
    watch: (next) => {
      watcher = next;
    },
    to: (next) => {
      port = next;
    },
    cut,
    close: async () => {
      cut();
      await new Promise((done) => server.close(done));
    },
  };
}
