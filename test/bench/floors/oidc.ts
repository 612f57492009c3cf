/**
 * The least that an OpenID Connect login takes: one request to the token endpoint, one signature, four statements. It checks nothing
 * else and must never be used: `oidc.ts <database URL> <issuer>`.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import pg from 'pg';
import { serveMeasured } from '../measured.ts';

const [, , databaseUrl = '', issuer = ''] = process.argv;
const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));

await pool.query(`CREATE TABLE states (id text PRIMARY KEY, nonce text, verifier text, expires_at timestamptz NOT NULL);
  CREATE TABLE identities (subject text PRIMARY KEY, user_id uuid NOT NULL DEFAULT gen_random_uuid());
  CREATE TABLE sessions (token_hash bytea PRIMARY KEY, user_id uuid NOT NULL);`);

await serveMeasured(
  async (url): Promise<RequestListener> =>
    async (request, response) => {
      const asked = new URL(request.url ?? '/', url);
      if (asked.pathname === '/login') {
        const [state, nonce, verifier] = [0, 1, 2].map(() => randomBytes(32).toString('base64url'));
        await pool.query("INSERT INTO states VALUES ($1, $2, $3, now() + interval '15 minutes')", [
          state,
          nonce,
          verifier,
        ]);
        const challenge = createHash('sha256')
          .update(verifier ?? '')
          .digest('base64url');
        const query = `state=${state}&nonce=${nonce}&code_challenge=${challenge}&redirect_uri=${encodeURIComponent(`${url}/callback`)}`;
        return void response.writeHead(302, { location: `${issuer}/authorize?${query}` }).end();
      }
      const { rows } = await pool.query('DELETE FROM states WHERE id = $1 AND expires_at > now() RETURNING verifier', [
        asked.searchParams.get('state'),
      ]);
      const form = new URLSearchParams({
        grant_type: 'authorization_code',
        code: asked.searchParams.get('code') ?? '',
        code_verifier: rows[0].verifier,
      });
      const answer = (await (await fetch(`${issuer}/token`, { method: 'POST', body: form })).json()) as {
        id_token: string;
      };
      const { payload } = await jwtVerify(answer.id_token, keys, { issuer });
      const token = randomBytes(32);
      await pool.query('INSERT INTO identities (subject) VALUES ($1) ON CONFLICT (subject) DO NOTHING', [payload.sub]);
      await pool.query('INSERT INTO sessions SELECT $2, user_id FROM identities WHERE subject = $1', [
        payload.sub,
        createHash('sha256').update(token).digest(),
      ]);
      response.writeHead(303, { location: '/me', 'set-cookie': `session=${token.toString('base64url')}` }).end();
    },
);
