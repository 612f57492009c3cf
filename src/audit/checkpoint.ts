/**
 * Signed checkpoints: the end of a chain as a JWS that is kept outside the database. Whoever rewrites or cuts the chain afterwards,
 * even with the owner's rights, no longer fits it. The key comes of the sealing key, which the database does not know.
 */
import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto';
import { decodeProtectedHeader, exportJWK, importJWK, type JWK, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { Fault } from '../errors.ts';
import type { SealingKey } from '../sealing-keys.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { chainHead } from './head.ts';
import type { Witness } from './walk.ts';

const TYPE = 'audit-checkpoint+jwt';
/** What PKCS #8 writes before the 32 bytes of an Ed25519 key. */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

const claims = z.object({
  sub: z.string(),
  position: z.number().int().positive(),
  event: z.number().int().positive(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});

export interface Checkpoint extends Witness {
  readonly organizationId: string;
}

/** The public half of the key that signs checkpoints; keep it beside them, for when the sealing key is no longer known. */
export async function checkpointKey(sealing: SealingKey): Promise<JWK> {
  const jwk = await exportJWK(createPublicKey(privateKey(sealing)));
  return { ...jwk, alg: 'EdDSA', use: 'sig', kid: sealing.id };
}

function privateKey({ secret }: SealingKey): KeyObject {
  const seed = Buffer.from(hkdfSync('sha256', secret, '', 'drawbridge audit checkpoint', 32));
  return createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, seed]), format: 'der', type: 'pkcs8' });
}

/** A checkpoint of the end of the transaction's chain; undefined where nothing has been sealed yet. */
export async function makeCheckpoint(
  tx: TenantTransaction,
  sealing: SealingKey,
  issuer: string,
): Promise<string | undefined> {
  const head = await chainHead(tx);
  if (head === undefined) return undefined;
  return new SignJWT({ position: head.position, event: head.eventId, hash: head.hash.toString('hex') })
    .setProtectedHeader({ alg: 'EdDSA', typ: TYPE, kid: sealing.id })
    .setIssuer(issuer)
    .setSubject(tx.organizationId)
    .setIssuedAt()
    .sign(privateKey(sealing));
}

/**
 * Reads checkpoints, one a line.
 * @param trusted gives the public key of an id, where that is one to be trusted
 * @throws Fault `invalid-input` naming the line that no trusted key has signed
 */
export async function readCheckpoints(
  text: string,
  trusted: (kid: string) => Promise<JWK | undefined>,
): Promise<Checkpoint[]> {
  const lines = text.split('\n').map((line) => line.trim());
  const read: Checkpoint[] = [];
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    try {
      const key = await trusted(decodeProtectedHeader(line).kid ?? '');
      if (key === undefined) throw new Error('the key is not known');
      const { payload } = await jwtVerify(line, await importJWK(key, 'EdDSA'), { typ: TYPE, algorithms: ['EdDSA'] });
      const { sub, event, ...place } = claims.parse(payload);
      read.push({ ...place, organizationId: sub, eventId: event });
    } catch (cause) {
      throw new Fault('invalid-input', 'This is not a checkpoint that this installation has signed.', {
        where: `line ${index + 1}`,
        remedy: 'If its sealing key is no longer known here, give the public key that was kept with it.',
        cause,
      });
    }
  }
  if (read.length === 0) throw new Fault('invalid-input', 'There is no checkpoint in it.');
  return read;
}
