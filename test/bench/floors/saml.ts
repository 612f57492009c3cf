/**
 * The least that a SAML login takes: one parse, one canonicalization, one RSA verification, four statements. It checks nothing else
 * and must never be used: `saml.ts <database URL> <certificate>`.
 */
import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import type { IncomingMessage, RequestListener } from 'node:http';
import { deflateRawSync } from 'node:zlib';
import { DOMParser } from '@xmldom/xmldom';
import pg from 'pg';
import { ExclusiveCanonicalization } from 'xml-crypto';
import { serveMeasured } from '../measured.ts';

const [, , databaseUrl = '', certificate = ''] = process.argv;
const key = createPublicKey(certificate);
const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const SAML = 'urn:oasis:names:tc:SAML:2.0:assertion';

await pool.query(`CREATE TABLE requests (id text PRIMARY KEY, expires_at timestamptz NOT NULL);
  CREATE TABLE identities (subject text PRIMARY KEY, user_id uuid NOT NULL DEFAULT gen_random_uuid());
  CREATE TABLE seen (id text PRIMARY KEY);
  CREATE TABLE sessions (token_hash bytea PRIMARY KEY, user_id uuid NOT NULL);`);

await serveMeasured(
  async (url): Promise<RequestListener> =>
    async (request, response) => {
      if (request.method === 'GET') {
        const id = `_${randomBytes(20).toString('hex')}`;
        await pool.query("INSERT INTO requests VALUES ($1, now() + interval '15 minutes')", [id]);
        const xml = `<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="${id}" Version="2.0" AssertionConsumerServiceURL="${url}/acs"/>`;
        const location = `https://idp.acme.test/sso?SAMLRequest=${encodeURIComponent(deflateRawSync(xml).toString('base64'))}`;
        return void response.writeHead(302, { location }).end();
      }
      const posted = new URLSearchParams(await bodyOf(request)).get('SAMLResponse') ?? '';
      const { subject, requestId, id } = verified(Buffer.from(posted, 'base64').toString('utf8'));
      await pool.query('DELETE FROM requests WHERE id = $1 AND expires_at > now() RETURNING id', [requestId]);
      await pool.query('INSERT INTO seen VALUES ($1)', [id]);
      const token = randomBytes(32);
      await pool.query(
        `WITH who AS (INSERT INTO identities (subject) VALUES ($1) ON CONFLICT (subject) DO UPDATE SET subject = excluded.subject RETURNING user_id)
     INSERT INTO sessions SELECT $2, user_id FROM who`,
        [subject, createHash('sha256').update(token).digest()],
      );
      response.writeHead(303, { location: '/me', 'set-cookie': `session=${token.toString('base64url')}` }).end();
    },
);

function verified(xml: string) {
  const document = new DOMParser().parseFromString(xml, 'text/xml');
  const assertion = document.getElementsByTagNameNS(SAML, 'Assertion')[0];
  const signature = assertion?.getElementsByTagNameNS(DSIG, 'Signature')[0];
  const info = signature?.getElementsByTagNameNS(DSIG, 'SignedInfo')[0];
  if (!assertion || !signature || !info) throw new Error('unsigned');
  const stated = info.getElementsByTagNameNS(DSIG, 'DigestValue')[0]?.textContent ?? '';
  const value = signature.getElementsByTagNameNS(DSIG, 'SignatureValue')[0]?.textContent ?? '';
  const signed = new ExclusiveCanonicalization().process(info as never, {});
  if (!verify('RSA-SHA256', Buffer.from(String(signed)), key, Buffer.from(value, 'base64')))
    throw new Error('signature');
  signature.parentNode?.removeChild(signature);
  const whole = new ExclusiveCanonicalization().process(assertion as never, {});
  if (createHash('sha256').update(String(whole)).digest('base64') !== stated) throw new Error('digest');
  const confirmation = assertion.getElementsByTagNameNS(SAML, 'SubjectConfirmationData')[0];
  return {
    subject: assertion.getElementsByTagNameNS(SAML, 'NameID')[0]?.textContent ?? '',
    requestId: confirmation?.getAttribute('InResponseTo') ?? '',
    id: assertion.getAttribute('ID') ?? '',
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
