/** A mail server (smtp-server) that asks for TLS and a password, keeps what it is given, and refuses when told to. */
import type { AddressInfo } from 'node:net';
import selfsigned from 'selfsigned';
import { SMTPServer } from 'smtp-server';
import type { SettingsInput } from '../../src/settings.ts';

export interface ReceivedMail {
  readonly from: string;
  readonly to: string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface MailDouble {
  readonly settings: NonNullable<SettingsInput['mail']>;
  readonly received: ReceivedMail[];
  /** What it answers to every recipient from now on; undefined: it takes them. */
  refuseWith(code: number | undefined): void;
  close(): Promise<void>;
}

const [USER, PASSWORD] = ['drawbridge', 'letters for the mail server'];

/** Starts one on a port of its own. */
export async function startMailServer(): Promise<MailDouble> {
  const received: ReceivedMail[] = [];
  let refusal: number | undefined;
  const pems = await selfsigned.generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048 });
  const server = new SMTPServer({
    key: pems.private,
    cert: pems.cert,
    onAuth: ({ username, password }, _session, done) => {
      if (username === USER && password === PASSWORD) done(null, { user: USER });
      else done(new Error('wrong user or password'));
    },
    onRcptTo: (_address, _session, done) => {
      if (refusal === undefined) done();
      else done(Object.assign(new Error('not now, or never'), { responseCode: refusal }));
    },
    onData: (stream, session, done) => {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        const to = rcptTo.map(({ address }) => address);
        received.push({ from: mailFrom === false ? '' : mailFrom.address, to, ...read(Buffer.concat(parts)) });
        done();
      });
    },
  });
  // A client that goes away is no fault of the server's.
  server.on('error', () => undefined);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.server.address() as AddressInfo;
  return {
    settings: {
      host: 'localhost',
      port,
      user: USER,
      password: PASSWORD,
      from: 'Drawbridge <bridge@platform.example>',
      caCertificate: pems.cert,
    },
    received,
    refuseWith: (code) => {
      refusal = code;
    },
    close: () => new Promise((closed) => server.close(closed)),
  };
}

function read(message: Buffer): Pick<ReceivedMail, 'headers' | 'text'> {
  const [head = '', ...body] = message.toString('utf8').split('\r\n\r\n');
  const lines = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.split(':')[0]?.toLowerCase(), line.replace(/^[^:]*:\s*/, '')]),
  );
  return { headers, text: plain(body.join('\r\n\r\n'), headers['content-transfer-encoding']) };
}

function plain(body: string, encoding: string | undefined): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  if (encoding !== 'quoted-printable') return body;
  const bytes = body
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
