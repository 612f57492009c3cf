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
import { type Entry, EXTENDED_RESPONSE, type Message, type Outcome, readMessage } from './message.ts';

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
  if (protocol === 'ldaps:') return new Conversation(await secured(plain, address, where), address.patience, where);
  const conversation = new Conversation(plain, address.patience, where);
  if (!address.startTls) return conversation;
  const answer = await conversation.ask(
    (messageId) => new ExtendedRequest({ messageId, oid: START_TLS }),
    EXTENDED_RESPONSE,
  );
  if (answer.status !== 0) throw refused(answer, where, () => conversation.close());
  conversation.leave();
  return new Conversation(await secured(plain, address, where), address.patience, where);
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

interface Pending {
  readonly messageId: number;
  readonly of: number;
  readonly onEntry: (entry: Entry) => void;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (fault: Fault) => void;
}

/** What is said on a socket, until it ends; then each request is answered by why it did. */
class Conversation implements LdapConnection {
  readonly where: string;
  readonly #socket: Socket;
  readonly #patience: number;
  readonly #frames = framer(MAX_BYTES, (bytes) => this.#hear(readMessage(bytes)));
  #pending: Pending | undefined;
  #ended: Fault | undefined;
  #lastId = 0;
  #received = 0;

  constructor(socket: Socket, patience: number, where: string) {
    this.where = where;
    this.#patience = patience;
    this.#socket = socket.on('data', this.#read).on('error', this.#fail).on('close', this.#close);
  }

  ask(make: (messageId: number) => Request, of: number, onEntry: (entry: Entry) => void = () => undefined) {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#lastId += 1;
    this.#received = 0;
    const messageId = this.#lastId;
    const timer = setTimeout(() => this.#fail(new Error('no answer in time')), this.#patience);
    const asked = new Promise<Outcome>((resolve, reject) => {
      this.#pending = { messageId, of, onEntry, resolve, reject };
    });
    this.#socket.write(make(messageId).write());
    return asked.finally(() => clearTimeout(timer));
  }

  close(): void {
    this.#socket.write(new UnbindRequest({ messageId: this.#lastId + 1 }).write());
    this.#socket.off('close', this.#close).destroySoon();
  }

  /** Leaves the socket to somebody else. What was sent before it was secured may be anybody's: there must be nothing of it. */
  leave(): void {
    this.#socket.off('data', this.#read).off('error', this.#fail).off('close', this.#close);
    if (this.#frames.pending() > 0) this.#fail(new Error('bytes ahead of TLS'));
    if (this.#ended !== undefined) throw this.#ended;
  }

  #hear(message: Message) {
    const pending = this.#pending;
    if (message.messageId !== pending?.messageId) throw new Error('a message that was not asked for');
    if (message.kind === 'entry') return pending.onEntry(message);
    // Another server's addresses are never followed: they may lead anywhere, and in circles.
    if (message.kind === 'reference') return;
    if (message.of !== pending.of) throw new Error(`tag ${message.of} in place of tag ${pending.of}`);
    this.#pending = undefined;
    pending.resolve(message);
  }

  #read = (chunk: Buffer) => {
    this.#received += chunk.length;
    if (this.#received > MAX_BYTES) return this.#fail(new Error(`more than ${MAX_BYTES} bytes in one answer`));
    try {
      this.#frames.push(chunk);
    } catch (error) {
      this.#fail(error);
    }
  };

  #close = () => this.#fail(new Error('closed'));

  #fail = (cause: unknown) => {
    this.#ended ??= brokenOff(cause, this.where);
    this.#socket.destroy();
    this.#pending?.reject(this.#ended);
  };
}
