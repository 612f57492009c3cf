/**
 * A connection to an LDAP server (RFC 4511), one request at a time. It stands on the messages of `ldapts` and not on its client, which
 * connects again unasked and without a bind, takes an empty page for the last one, and sets no limit to what it is sent: each of them would
 * make people look gone.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  ExtendedRequest,
  ExtendedResponse,
  type Message,
  MessageParser,
  type MessageResponse,
  SearchEntry,
  SearchReference,
  UnbindRequest,
} from 'ldapts';
import { Fault } from '../../../errors.ts';
import { isInside, publicLookup } from '../../../http/outbound.ts';
import { brokenOff, refused } from './faults.ts';
import { framer } from './framing.ts';

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
   * Sends a request and waits until it is answered in full; what a search finds on the way is given to `onFound`.
   * @throws Fault `upstream-failed` where the connection breaks off or hangs, or something else comes
   */
  ask<Answer extends MessageResponse>(
    make: (messageId: number) => Message,
    answer: new (...given: never[]) => Answer,
    onFound?: (found: SearchEntry) => void,
  ): Promise<Answer>;
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
    ExtendedResponse,
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
  readonly onFound: (found: SearchEntry) => void;
  readonly resolve: (message: MessageResponse) => void;
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
  const parser = new MessageParser();
  parser.on('error', fail);
  parser.on('message', (message) => {
    if (message.messageId !== pending?.messageId) return fail(new Error(`an unasked message: ${message.errorMessage}`));
    if (message instanceof SearchEntry) return pending.onFound(message);
    // Another server's addresses are never followed: they may lead anywhere, and in circles.
    if (message instanceof SearchReference) return;
    pending.resolve(message);
    pending = undefined;
  });
  const frames = framer(MAX_BYTES, (bytes) => parser.read(bytes, new Map()));
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
    ask: async (make, answer, onFound = () => undefined) => {
      if (ended !== undefined) throw ended;
      lastId += 1;
      received = 0;
      const messageId = lastId;
      const timer = setTimeout(() => fail(new Error('no answer in time')), patience);
      const asked = new Promise<MessageResponse>((resolve, reject) => {
        pending = { messageId, onFound, resolve, reject };
      });
      socket.write(make(messageId).write());
      const message = await asked.finally(() => clearTimeout(timer));
      if (message instanceof answer) return message;
      throw brokenOff(new Error(`${message.constructor.name} in place of ${answer.name}`), where);
    },
    leave: () => {
      socket.off('data', onData).off('error', fail).off('close', onClose);
      // What was sent before the connection was secured may be anybody's.
      if (frames.pending() > 0) throw brokenOff(new Error('bytes ahead of TLS'), where);
    },
    close: () => {
      socket.write(new UnbindRequest({ messageId: lastId + 1 }).write());
      socket.off('close', onClose).destroySoon();
    },
  };
}
