/**
 * Sends frames over TLS or TCP. Syslog has no answers: what was written may still be lost on the way. So each batch has a connection of
 * its own, and counts as taken only when the receiver, having read to the end, closes its side without an error.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { isInside, publicLookup } from '../../http/outbound.ts';

export interface SyslogTarget {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly caCertificate?: string | undefined;
  readonly serverName?: string | undefined;
  readonly clientCertificate?: string | undefined;
  readonly clientKey?: string | undefined;
}

export interface SendLimits {
  readonly allowPrivateNetwork: boolean;
  /** In milliseconds, for the whole of it. */
  readonly timeout: number;
}

/** Sends everything. @throws an error that says why the receiver may not have all of it */
export async function sendSyslog(frames: readonly Buffer[], target: SyslogTarget, limits: SendLimits): Promise<void> {
  if (!limits.allowPrivateNetwork && (!target.tls || (isIP(target.host) !== 0 && isInside(target.host)))) {
    throw new Error(`${target.host} is not a public address reached by TLS`);
  }
  const socket = open(target, limits);
  const timer = setTimeout(() => socket.destroy(new Error('the receiver took too long')), limits.timeout);
  try {
    await new Promise<void>((done, fail) => {
      let ended = false;
      socket.once('error', fail);
      socket.once('end', () => {
        ended = true;
      });
      socket.once('close', () => {
        if (ended && socket.writableFinished) done();
        else fail(new Error('the receiver broke the connection off'));
      });
      socket.resume();
      socket.once(target.tls ? 'secureConnect' : 'connect', () => socket.end(Buffer.concat(frames)));
    });
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

function open(target: SyslogTarget, { allowPrivateNetwork }: SendLimits): Socket {
  const { host, port } = target;
  const address = { host, port, ...(allowPrivateNetwork ? {} : { lookup: publicLookup }) };
  if (!target.tls) return connectTcp(address);
  return connectTls({
    ...address,
    minVersion: 'TLSv1.2',
    servername: target.serverName ?? (isIP(host) === 0 ? host : ''),
    ...(target.caCertificate === undefined ? {} : { ca: target.caCertificate }),
    ...(target.clientCertificate === undefined ? {} : { cert: target.clientCertificate, key: target.clientKey }),
  });
}
