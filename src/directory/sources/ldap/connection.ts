/**
 * A connection to an LDAP server (RFC 4511), one request at a time. Requests are written by `ldapts`; its client is not used, for it connects
 * again unasked and without a bind, takes an empty page for the last one, and never ends to read a malformed message.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ExtendedRequest, type Message as Request, UnbindRequest } from 'ldapts';
import { Fault } from '../../../errors.ts';
import { isInside, publicLookup } from '../../../http/outbound.ts';
import { brokenOff, refused } from './faults.ts';
import { framer } from './framing.ts';
import { type Entry, EXTENDED_RESPONSE, type Outcome, readMessage } from './message.ts';

export interface LdapAddress {
  /** `ldap://` or `ldaps://`. */
  readonly url: string;
  /** Whether an `ldap://` connection is secured before anything is said on it. */
  readonly startTls: boolean;
  /** PEM; in place of the public authorities. */
  readonly caCertificate?: string | undefined;
  /** The name in the server's certificate, where it is not the one in the address. */
  readonly serverName?: string | undefined;
  readonly allowPrivateNetwork: boolean;
  /** For an answer, in milliseconds. */
  readonly patience: number;
}

export interface LdapConnection {
  readonly where: string;
  /**
   * Sends a request and waits for the last word on it; what a search finds on the way is given to `onEntry`.
   * @param of the tag of the last word
   * @throws Fault `upstream-failed` where the connection breaks off or hangs, or something else comes
   */
  ask(make: (messageId: number) => Request, of: number, onEntry?: (entry: Entry) => void): Promise<Outcome>;
  close(): void;
}

/** Of one answer, which is a page of entries. */
const MAX_BYTES = 64 * 1024 * 1024;
const START_TLS = '1.3.6.1.4.1.1466.20037';

/** @throws Fault `upstream-failed` where it can't be reached, or its certificate is not to be trusted */
export async function connect(address: LdapAddress): Promise<LdapConnection> {
  const { protocol, host } = new URL(address.url);
  const where = `${protocol}//${host}`;
  const plain = await dial(address, where);
  if (protocol === 'ldaps:') return converse(await secured(plain, address, where), address.patience, where);
  const conversation = converse(plain, address.patience, where);
  if (!address.startTls) return conversation;
  const answer = await conversation.ask(
    (messageId) => new ExtendedRequest({ messageId, oid: START_TLS }),
    EXTENDED_RESPONSE,
  );
  if (answer.status !== 0) throw refused(answer, where, conversation.close);
  conversation.leave();
  return converse(await secured(plain, address, where), address.patience, where);
}

async function dial({ url, allowPrivateNetwork, patience }: LdapAddress, where: string): Promise<Socket> {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  // A literal address is never looked up.
  if (!allowPrivateNetwork && isIP(host) !== 0 && isInside(host)) {
    throw new Fault('upstream-failed', `${host} is not a public address.`, {
      where,
      remedy: 'Give a public address, or set allowPrivateNetwork where the directory is your own.',
    });
  }
  const socket = connectTcp({
    host,
    port: Number(port) || (protocol === 'ldaps:' ? 636 : 389),
    ...(allowPrivateNetwork ? {} : { lookup: publicLookup }),
  });
  return established(socket, 'connect', patience, where);
}

function secured(socket: Socket, address: LdapAddress, where: string): Promise<Socket> {
  const host = new URL(address.url).hostname.replace(/^\[|\]$/g, '');
  const { caCertificate, serverName, patience } = address;
  const name = serverName ?? (isIP(host) === 0 ? host : undefined);
  const options = {
    ...(name === undefined ? {} : { servername: name }),
    ...(caCertificate === undefined ? {} : { ca: caCertificate }),
  };
  return established(connectTls({ socket, host, minVersion: 'TLSv1.2', ...options }), 'secureConnect', patience, where);
}

/** @param once the event by which the socket tells that it is there */
function established(socket: Socket, once: string, patience: number, where: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(new Error('no answer in time')), patience);
    const settle = (cause?: Error) => {
      clearTimeout(timer);
      socket.removeAllListeners('close').removeAllListeners('error').removeAllListeners(once);
      if (cause === undefined) return resolve(socket);
      socket.on('error', () => undefined).destroy();
      reject(cause instanceof Fault ? cause : brokenOff(cause, where));
    };
    socket.once(once, () => settle());
    socket.once('error', settle);
    socket.once('close', () => settle(new Error('closed at once')));
  });
}

interface Conversation extends LdapConnection {
  /** Leaves the socket to somebody else, with nothing read ahead. */
  leave(): void;
}

interface Pending {
  readonly messageId: number;
  readonly of: number;
  readonly onEntry: (entry: Entry) => void;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (fault: Fault) => void;
}

function converse(socket: Socket, patience: number, where: string): Conversation {
  let pending: Pending | undefined;
  let ended: Fault | undefined;
  let lastId = 0;
  let received = 0;
  const fail = (cause: unknown) => {
    ended ??= brokenOff(cause, where);
    socket.destroy();
    pending?.reject(ended);
  };
  const hear = (bytes: Buffer) => {
    const message = readMessage(bytes);
    if (message.messageId !== pending?.messageId) throw new Error('a message that was not asked for');
    if (message.kind === 'entry') return pending.onEntry(message);
    // Another server's addresses are never followed: they may lead anywhere, and in circles.
    if (message.kind === 'reference') return;
    if (message.of !== pending.of) throw new Error(`tag ${message.of} in place of tag ${pending.of}`);
    pending.resolve(message);
    pending = undefined;
  };
  const frames = framer(MAX_BYTES, hear);
  const onData = (chunk: Buffer) => {
    received += chunk.length;
    if (received > MAX_BYTES) return fail(new Error(`more than ${MAX_BYTES} bytes in one answer`));
    try {
      frames.push(chunk);
    } catch (error) {
      fail(error);
    }
  };
  const onClose = () => fail(new Error('closed'));
  socket.on('data', onData).on('error', fail).on('close', onClose);
  return {
    where,
    ask: async (make, of, onEntry = () => undefined) => {
      if (ended !== undefined) throw ended;
      lastId += 1;
      received = 0;
      const messageId = lastId;
      const timer = setTimeout(() => fail(new Error('no answer in time')), patience);
      const asked = new Promise<Outcome>((resolve, reject) => {
        pending = { messageId, of, onEntry, resolve, reject };
      });
      socket.write(make(messageId).write());
      return asked.finally(() => clearTimeout(timer));
    },
    leave: () => {
      socket.off('data', onData).off('error', fail).off('close', onClose);
      // What was sent before the connection was secured may be anybody's.
      if (frames.pending() > 0) fail(new Error('bytes ahead of TLS'));
      if (ended !== undefined) throw ended;
    },
    close: () => {
      socket.write(new UnbindRequest({ messageId: lastId + 1 }).write());
      socket.off('close', onClose).destroySoon();
    },
  };
}
