/** The wire of an LDAP server whose answers are made up, with the faults that real connections have. For a real server see `slapd.ts`. */

import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Ber, BerReader, BerWriter, Control, PresenceFilter, ProtocolOperation, SearchRequest } from 'ldapts';
import { framer } from '../../src/directory/sources/ldap/framing.ts';
import type { HttpFault } from './http-double.ts';

export interface LdapEntry {
  readonly dn: string;
  readonly attributes: Readonly<Record<string, readonly (string | Buffer)[]>>;
}

export interface LdapAnswer {
  /** 0, where it is left out. */
  readonly status?: number;
  readonly entries?: readonly LdapEntry[];
  /** Addresses of other servers. */
  readonly references?: readonly string[];
  /** Where the next page begins. */
  readonly cookie?: string;
}

export interface LdapDouble {
  readonly url: string;
  pages(): number;
  meet(fault: HttpFault, afterPages: number, times: number): void;
  close(): Promise<void>;
}

export interface LdapSearch {
  readonly request: SearchRequest;
  /** Where the last page said that this one begins; empty for the first. */
  readonly cookie: string;
  readonly size: number;
  /** Whether a control was sent. */
  has(oid: string): boolean;
}

export const PAGED_RESULTS = '1.2.840.113556.1.4.319';

/** @param isPage which searches ask for records; the others are never counted and meet no fault */
export async function startLdapDouble(
  bindAs: { readonly dn: string; readonly password: string },
  answer: (search: LdapSearch) => LdapAnswer,
  isPage: (request: SearchRequest) => boolean,
): Promise<LdapDouble> {
  let [asked, served] = [0, 0];
  let before: LdapAnswer = {};
  let waiting: { fault: HttpFault; afterPages: number; times: number } | null = null;
  const sockets = new Set<Socket>();
  const search = (socket: Socket, found: LdapSearch) => {
    const { request } = found;
    const answered = answer(found);
    if (!isPage(request)) return void socket.write(encoded(request.messageId, answered));
    asked += 1;
    if (waiting !== null && served >= waiting.afterPages && waiting.times > 0) {
      waiting.times -= 1;
      return spoil(socket, request.messageId, waiting.fault === 'repeat' ? before : answered, waiting.fault);
    }
    served += 1;
    before = answered;
    socket.write(encoded(request.messageId, answered));
  };
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)));
    const frames = framer(1024 * 1024, (bytes) => {
      const request = read(bytes);
      if (request.operation === 'search') search(socket, request);
      if (request.operation === 'unbind') socket.end();
      if (request.operation !== 'bind') return;
      const welcome = request.dn === bindAs.dn && request.password === bindAs.password;
      socket.write(result(request.messageId, ProtocolOperation.LDAP_RES_BIND, welcome ? 0 : 49));
    });
    socket.on('data', (chunk) => frames.push(chunk as Buffer));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `ldap://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pages: () => asked,
    meet: (fault, afterPages, times) => {
      waiting = { fault, afterPages, times };
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

type Asked =
  | ({ readonly operation: 'search' } & LdapSearch)
  | { readonly operation: 'bind'; readonly messageId: number; readonly dn: string; readonly password: string }
  | { readonly operation: 'unbind' | 'other' };

function read(bytes: Buffer): Asked {
  const reader = new BerReader(bytes);
  reader.readSequence();
  const messageId = reader.readInt() ?? 0;
  const operation = reader.readSequence();
  if (operation === ProtocolOperation.LDAP_REQ_UNBIND) return { operation: 'unbind' };
  if (operation === ProtocolOperation.LDAP_REQ_BIND) {
    reader.readInt();
    const dn = reader.readString() ?? '';
    return { operation: 'bind', messageId, dn, password: reader.readString(Ber.Context) ?? '' };
  }
  if (operation !== ProtocolOperation.LDAP_REQ_SEARCH) return { operation: 'other' };
  const request = new SearchRequest({ messageId, filter: new PresenceFilter({ attribute: 'objectClass' }) });
  const known = ['1.2.840.113556.1.4.417', '1.2.840.113556.1.4.529'].map((oid) => new Control(oid));
  request.parse(reader, known);
  const paging = request.controls?.find(({ type }) => type === PAGED_RESULTS) as
    | { value?: { size: number; cookie?: Buffer } }
    | undefined;
  return {
    operation: 'search',
    request,
    cookie: paging?.value?.cookie?.toString('utf8') ?? '',
    size: paging?.value?.size ?? Number.POSITIVE_INFINITY,
    has: (oid) => request.controls?.some(({ type }) => type === oid) ?? false,
  };
}

/** What is sent for an answer. */
export function encoded(
  messageId: number,
  { status = 0, entries = [], references = [], cookie = '' }: LdapAnswer,
): Buffer {
  const found = status === 0 ? entries.map((entry) => encodedEntry(messageId, entry)) : [];
  const elsewhere = references.map((uri) =>
    message(messageId, ProtocolOperation.LDAP_RES_SEARCH_REF, (writer) => writer.writeString(uri)),
  );
  const value = new BerWriter();
  value.startSequence();
  value.writeInt(0);
  value.writeString(cookie);
  value.endSequence();
  const done = result(messageId, ProtocolOperation.LDAP_RES_SEARCH, status, (writer) => {
    writer.startSequence(ProtocolOperation.LDAP_CONTROLS);
    writer.startSequence();
    writer.writeString(PAGED_RESULTS);
    writer.writeBuffer(value.buffer, Ber.OctetString);
    writer.endSequence();
    writer.endSequence();
  });
  return Buffer.concat([...found, ...elsewhere, done]);
}

function encodedEntry(messageId: number, { dn, attributes }: LdapEntry): Buffer {
  return message(messageId, ProtocolOperation.LDAP_RES_SEARCH_ENTRY, (writer) => {
    writer.writeString(dn);
    writer.startSequence();
    for (const [name, values] of Object.entries(attributes)) {
      writer.startSequence();
      writer.writeString(name);
      writer.startSequence(ProtocolOperation.LBER_SET);
      for (const each of values) writer.writeBuffer(Buffer.from(each as string), Ber.OctetString);
      writer.endSequence();
      writer.endSequence();
    }
    writer.endSequence();
  });
}

/** An answer that only says how it went. */
export function result(
  messageId: number,
  operation: number,
  status: number,
  more: (writer: BerWriter) => void = () => undefined,
): Buffer {
  const body = (writer: BerWriter) => {
    writer.writeEnumeration(status);
    writer.writeString('');
    writer.writeString(status === 0 ? '' : 'as the double says');
  };
  return message(messageId, operation, body, more);
}

function message(
  messageId: number,
  operation: number,
  body: (writer: BerWriter) => void,
  more: (writer: BerWriter) => void = () => undefined,
): Buffer {
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeInt(messageId);
  writer.startSequence(operation);
  body(writer);
  writer.endSequence();
  more(writer);
  writer.endSequence();
  return writer.buffer;
}

function spoil(socket: Socket, messageId: number, answer: LdapAnswer, fault: HttpFault): void {
  const bytes = encoded(messageId, answer);
  if (fault === 'repeat') socket.write(bytes);
  else if (fault === 'denied') socket.write(encoded(messageId, { status: 50 }));
  else if (fault === 'login-page') socket.write('HTTP/1.1 200 OK\r\n\r\n<title>Please sign in</title>\n');
  else if (fault === 'cut-off') socket.write(bytes.subarray(0, bytes.length / 2), () => socket.destroy());
  else if (fault === 'truncated') socket.end(bytes.subarray(0, bytes.length / 2));
  else if (fault === 'trickle') void trickle(socket, bytes);
}

async function trickle(socket: Socket, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length && !socket.destroyed; at += 1) {
    socket.write(bytes.subarray(at, at + 1));
    await pause(100);
  }
}
