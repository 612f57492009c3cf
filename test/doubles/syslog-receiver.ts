/** A SIEM's syslog input: strict about framing (RFC 6587, octet counting) and form (RFC 5424); over TLS (RFC 5425) or TCP. */
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

export interface SyslogMessage {
  readonly priority: number;
  readonly timestamp: string;
  readonly hostname: string;
  readonly messageId: string;
  readonly data: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface SyslogReceiver {
  readonly port: number;
  /** What was read to the end of a connection, in order. */
  readonly received: SyslogMessage[];
  /** What was against the standards. */
  readonly faults: string[];
  /** Breaks the next so many connections off after a few bytes. */
  breakOff(connections: number): void;
  close(): Promise<void>;
}

const MESSAGE =
  /^<(\d{1,3})>1 (\S+) (\S{1,255}) (\S{1,48}) (\S{1,128}) ([\x21-\x7e]{1,32}) \[(\S{1,32})((?: [^ ="\]]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*)\] \ufeff(.*)$/su;

/** @param tls the server's key and certificate; plain TCP without */
export async function startSyslogReceiver(tls?: {
  readonly key: string;
  readonly cert: string;
}): Promise<SyslogReceiver> {
  const received: SyslogMessage[] = [];
  const faults: string[] = [];
  const sockets = new Set<Socket>();
  let breaking = 0;
  const take = (socket: Socket) => {
    socket.on('error', () => undefined);
    if (breaking > 0) {
      breaking -= 1;
      socket.once('data', () => socket.destroy());
      return;
    }
    const parts: Buffer[] = [];
    socket.on('data', (part) => parts.push(part as Buffer));
    socket.on('end', () => {
      for (const frame of framesOf(Buffer.concat(parts), faults)) {
        const read = readMessage(frame);
        if (read === undefined) faults.push(frame);
        else received.push(read);
      }
      socket.end();
    });
  };
  const server =
    tls === undefined
      ? createTcpServer({ allowHalfOpen: true }, take)
      : createTlsServer({ ...tls, allowHalfOpen: true }, take);
  // Also those that never get past the handshake.
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    port: (server.address() as AddressInfo).port,
    received,
    faults,
    breakOff: (connections) => {
      breaking = connections;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

function framesOf(bytes: Buffer, faults: string[]): string[] {
  const frames: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(' ', at);
    const count = bytes.toString('ascii', at, space);
    const end = space + 1 + Number(count);
    if (space < 0 || !/^[1-9]\d*$/.test(count) || end > bytes.length) {
      faults.push(`bad frame at ${at}`);
      break;
    }
    frames.push(bytes.toString('utf8', space + 1, end));
    at = end;
  }
  return frames;
}

function readMessage(frame: string): SyslogMessage | undefined {
  const parts = MESSAGE.exec(frame);
  if (parts === null || Number.isNaN(Date.parse(parts[2] ?? ''))) return undefined;
  const data = [...(parts[8] ?? '').matchAll(/ ([^ =]+)="((?:[^"\\\]]|\\.)*)"/gsu)].map(([, name, value]) => [
    name,
    value?.replaceAll(/\\(["\\\]])/g, '$1'),
  ]);
  return {
    priority: Number(parts[1]),
    timestamp: parts[2] ?? '',
    hostname: parts[3] ?? '',
    messageId: parts[6] ?? '',
    data: Object.fromEntries(data),
    body: JSON.parse(parts[9] ?? ''),
  };
}
