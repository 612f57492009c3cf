/** Hands mail to the mail server of the settings. */
import { createTransport } from 'nodemailer';
import type { MailServer } from '../settings.ts';
import type { Sent } from './next-try.ts';

export interface Letter {
  /** The same at every try, so that a repetition is recognised. */
  readonly id: string;
  readonly recipients: readonly string[];
  readonly subject: string;
  readonly text: string;
}

const TIMEOUT = 10_000;
const PORT = { starttls: 587, implicit: 465, none: 25 };

/** Sends one letter. Never throws. */
export async function sendBySmtp(server: MailServer, letter: Letter): Promise<Sent> {
  const transport = createTransport({
    host: server.host,
    port: server.port ?? PORT[server.tls],
    secure: server.tls === 'implicit',
    requireTLS: server.tls === 'starttls',
    ignoreTLS: server.tls === 'none',
    ...(server.user === undefined ? {} : { auth: { user: server.user, pass: server.password ?? '' } }),
    ...(server.caCertificate === undefined ? {} : { tls: { ca: server.caCertificate } }),
    connectionTimeout: TIMEOUT,
    greetingTimeout: TIMEOUT,
    socketTimeout: TIMEOUT,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    await transport.sendMail({
      from: server.from,
      // Objects: a text would be parsed, and might name several recipients.
      to: letter.recipients.map((address) => ({ name: '', address })),
      subject: letter.subject,
      text: letter.text,
      messageId: `<${letter.id}@${domainOf(server.from)}>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
    return { state: 'sent' };
  } catch (error) {
    return outcomeOf(error);
  } finally {
    transport.close();
  }
}

/** The server's final no to the recipient or the letter is final; all else may pass: greylisting, a password that was changed. */
function outcomeOf(error: unknown): Sent {
  const { code, responseCode, message } = error as { code?: string; responseCode?: number; message?: string };
  const said = (message ?? 'unknown reason').slice(0, 300);
  const final = (code === 'EENVELOPE' || code === 'EMESSAGE') && (responseCode === undefined || responseCode >= 500);
  return { state: final ? 'failed' : 'retry', error: said };
}

function domainOf(from: string): string {
  return /@([^\s>]+)/.exec(from)?.[1] ?? 'drawbridge.invalid';
}
