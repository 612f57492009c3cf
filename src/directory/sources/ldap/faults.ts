/** What a server's refusals mean to an administrator. What it says in its own words goes to the log only. */
import { Fault, type FaultDetail } from '../../../errors.ts';
import type { Outcome } from './message.ts';

const TRUST =
  "Check the address; where the server's certificate is not of a public authority, give that authority's as caCertificate, and the name in it as serverName.";

/** The connection can't be made, or ended before its time. */
export function brokenOff(cause: unknown, where: string): Fault {
  const code = (cause as { code?: unknown }).code;
  const untrusted = typeof code === 'string' && /CERT|TLS|SSL|SIGNATURE/.test(code);
  return untrusted
    ? new Fault('upstream-failed', `The server's certificate is not to be trusted (${code}).`, {
        where,
        remedy: TRUST,
        cause,
      })
    : new Fault('upstream-failed', "The directory can't be reached, hangs or broke off; nothing was changed.", {
        where,
        cause,
      });
}

type Meaning = readonly [code: 'invalid-feed' | 'upstream-failed', message: string, remedy?: string];

const SIZE: Meaning = [
  'invalid-feed',
  'The directory gives only a part: its limit of size is reached; nothing was changed.',
  "Raise the limit for the directory's account at the server, or give a smaller pageSize.",
];
const CREDENTIALS: Meaning = [
  'upstream-failed',
  'The directory refuses the sign-in.',
  "Check bindDn and the directory's password.",
];
const UNSAFE: Meaning = [
  'upstream-failed',
  'The directory asks for a secured connection.',
  'Use ldaps:// or startTls.',
];

/** By result code (RFC 4511, appendix A). */
const MEANINGS: Readonly<Record<number, Meaning>> = {
  3: ['upstream-failed', 'The directory takes longer than it allows; nothing was changed.', 'Give a smaller pageSize.'],
  4: SIZE,
  8: UNSAFE,
  10: [
    'upstream-failed',
    'The directory sends us to another server, where we do not follow; nothing was changed.',
    'Give the address of the server that holds the base itself.',
  ],
  11: SIZE,
  13: UNSAFE,
  32: ['invalid-feed', 'There is no such base in the directory; nothing was changed.', 'Check baseDns.'],
  34: ['invalid-feed', 'The directory takes a base or bindDn for no distinguished name.', 'Check baseDns and bindDn.'],
  48: CREDENTIALS,
  49: CREDENTIALS,
  50: ['upstream-failed', 'The account may not read there; nothing was changed.', 'Let it read the base.'],
};

/** What a request was answered with that did not succeed. @param close ends the connection on which nothing more is to be said */
export function refused({ status, diagnostic }: Outcome, where: string, close?: () => void): Fault {
  close?.();
  const [code, message, remedy] = MEANINGS[status] ?? [
    'upstream-failed' as const,
    `The directory answers with result code ${status}; nothing was changed.`,
  ];
  const detail: FaultDetail = { where, cause: new Refusal(status, diagnostic) };
  return new Fault(code, message, remedy === undefined ? detail : { ...detail, remedy });
}

/** Whether the same may be answered otherwise a moment later: nobody listens, or the server says that it is busy. */
export function mayPass(fault: unknown): boolean {
  const cause = fault instanceof Fault ? fault.cause : undefined;
  if (cause instanceof Refusal) return cause.status === 51 || cause.status === 52;
  return /^(ECONNREFUSED|ECONNRESET|EPIPE|EAI_AGAIN|EHOSTUNREACH)$/.test(String((cause as { code?: unknown })?.code));
}

class Refusal extends Error {
  readonly status: number;

  constructor(status: number, diagnostic: string) {
    super(`result code ${status}: ${diagnostic}`);
    this.status = status;
  }
}
