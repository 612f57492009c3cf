/**
 * Evidence is signed by the installation's key, so that a file proves itself wherever it is kept: JSON carries the signature of the
 * document, a page of the document that it shows, CSV in its last line that of the lines before.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { CompactSign, compactVerify, importJWK, type JWK } from 'jose';
import { Fault } from '../errors.ts';
import { type Evidence, evidencePage, signatureOnPage } from './evidence-page.ts';

/** The installation's signing keys, which are kept above this room. */
export interface SigningKeys {
  /** The private key that signs now. */
  current(): Promise<JWK>;
  /** The public key of an id that this installation has ever signed with. */
  find(kid: string): Promise<JWK | undefined>;
}

const TYPE = 'offboarding-evidence+jws';

export async function signedJson(keys: SigningKeys, evidence: Evidence): Promise<string> {
  return JSON.stringify({ ...evidence, signature: await sign(keys, evidence) }, null, 2);
}

export async function signedPage(keys: SigningKeys, evidence: Evidence): Promise<string> {
  return evidencePage(evidence, await sign(keys, evidence));
}

export async function signedCsv(keys: SigningKeys, csv: string): Promise<string> {
  return `${csv}signature,${await sign(keys, { sha256: sha256(csv) })}\r\n`;
}

export interface Verified {
  readonly format: 'json' | 'page' | 'csv';
  readonly kid: string;
  /** What the file is evidence of; null for CSV. */
  readonly evidence: Evidence | null;
}

/** Verifies a file. @throws Fault `invalid-input` saying what does not hold */
export async function verifyEvidence(keys: SigningKeys, file: string): Promise<Verified> {
  if (file.startsWith('<!doctype html>')) {
    const signature = signatureOnPage(file);
    const { said, kid } = await signedBy(keys, signature);
    if (evidencePage(said as Evidence, signature ?? '') !== file) throw altered('the page is not what was signed');
    return { format: 'page', kid, evidence: said as Evidence };
  }
  const json = parsed(file);
  if (json !== undefined) {
    const { signature, ...document } = json;
    const { said, kid } = await signedBy(keys, signature);
    if (!isDeepStrictEqual(document, said)) throw altered('the document is not what was signed');
    return { format: 'json', kid, evidence: said as Evidence };
  }
  const [, csv = '', signature] = /^([\s\S]*?)signature,([\w.-]+)\r?\n?$/.exec(file) ?? [];
  const { said, kid } = await signedBy(keys, signature);
  if ((said as { sha256?: string }).sha256 !== sha256(csv)) throw altered('the lines are not what was signed');
  return { format: 'csv', kid, evidence: null };
}

async function sign(keys: SigningKeys, said: unknown): Promise<string> {
  const jwk = await keys.current();
  const { alg = 'RS256', kid = '' } = jwk;
  const header = { alg, kid, typ: TYPE };
  return new CompactSign(Buffer.from(JSON.stringify(said))).setProtectedHeader(header).sign(await importJWK(jwk, alg));
}

async function signedBy(keys: SigningKeys, signature: unknown): Promise<{ said: unknown; kid: string }> {
  if (typeof signature !== 'string') throw altered('there is no signature');
  let kid = '';
  try {
    const verified = await compactVerify(
      signature,
      async (header) => {
        kid = header.kid ?? '';
        const key = await keys.find(kid);
        if (key === undefined || header.typ !== TYPE) throw new Error('another key or type');
        return importJWK(key, 'RS256');
      },
      { algorithms: ['RS256'] },
    );
    return { said: JSON.parse(Buffer.from(verified.payload).toString('utf8')), kid };
  } catch (cause) {
    throw altered('no key of this installation has signed it', cause);
  }
}

function altered(why: string, cause?: unknown): Fault {
  return new Fault('invalid-input', `This is not evidence that this installation gave out: ${why}.`, { cause });
}

function parsed(file: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(file);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function sha256(said: string): string {
  return createHash('sha256').update(said).digest('hex');
}
