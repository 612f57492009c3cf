/** SEC-1, SEC-2: secrets are planted by every door, used, and misused; then they are looked for in everything that is left behind. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import supertest from 'supertest';
import { selfSigned } from '../../src/demo/idp/certificate.ts';
import { startHttpDouble } from '../doubles/http-double.ts';
import { start, until } from '../harness/command.ts';
import { openTestDatabase } from '../harness/database.ts';

const database = await openTestDatabase();
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-secrets-'));
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const child = start(database, ['serve'], {
  ...{ PORT: String(port), DRAWBRIDGE_BASE_URL: url, LOG_LEVEL: 'debug' },
  NODE_OPTIONS: `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${folder}`,
});
let [log, said] = ['', ''];
child.stderr?.on('data', (text) => {
  log += text;
});
child.stdout?.on('data', (text) => {
  said += text;
});
after(() => rmSync(folder, { recursive: true }));
database.onEnd(async () => child.kill('SIGKILL'));

/** Every secret by its name; each is long, and nowhere else. */
const planted = {
  providerSecret: 'planted-provider-secret-4f1c0b6d',
  apiToken: 'planted-api-token-of-okta-90ab77e1',
  keptToken: 'planted-kept-token-gho-51d2c3aa7e',
  refreshToken: 'planted-refresh-token-6be1f0dd12',
  wrongBody: 'planted-token-in-a-wrong-body-77f0',
  webhookSecret: `whsec_${Buffer.from('planted-webhook-secret-0123456789').toString('base64')}`,
  directorySecret: 'planted-directory-secret-aa01b2c3',
  connectionSecret: 'planted-connection-secret-8d9e0f',
  bearer: 'planted-bearer-token-of-nobody-3c2b',
  introspected: 'planted-introspected-token-9a8b7c',
  oidcCode: 'planted-oidc-code-1029384756-abcd',
  samlResponse: Buffer.from('<planted-saml-response-5647382910/>').toString('base64'),
  cookie: 'planted-cookie-of-a-session-7d6e5f4c',
  password: 'planted-password-of-lea-Zx81-00aa',
};
const answers: string[] = [];

/** In every form in which a text may lie in a dump. */
function forms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const inner = bytes.toString('base64').slice(0, -4);
  return [secret, encodeURIComponent(secret), bytes.toString('hex'), inner];
}

function assertNowhere(where: string, text: string, secrets: Readonly<Record<string, string>>): void {
  const found = Object.entries(secrets).flatMap(([name, secret]) =>
    forms(secret).some((form) => text.includes(form)) ? [name] : [],
  );
  assert.deepEqual(found, [], `in ${where}`);
}

/** Everything in every table, as the database's owner reads it. */
async function dump(): Promise<string> {
  const client = new pg.Client({ connectionString: database.ownerUrl });
  await client.connect();
  const { rows: tables } = await client.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('public', 'pgboss')`,
  );
  assert.ok(tables.length > 60, 'every table is read');
  let text = '';
  for (const { name } of tables) {
    const { rows } = await client.query<{ row: string }>(`SELECT to_jsonb(t)::text AS row FROM ${name} t`);
    text += rows.map(({ row }) => `${name} ${row}\n`).join('');
  }
  await client.end();
  return text;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

const http = supertest(url);
const operator = `Bearer ${database.settings.secrets.operatorToken}`;

/** Asks as the operator; what is answered is kept to be searched. */
async function ask(method: 'get' | 'post' | 'put', path: string, body?: object) {
  const request = http[method](path).set('Authorization', operator);
  const answer = await (body === undefined ? request : request.send(body));
  answers.push(answer.text);
  return answer;
}
const of = (path: string) => `/api/v1/organizations/acme${path}`;

/** Secrets by every door. */
async function plant(upstream: string): Promise<void> {
  const ok = (answer: { ok: boolean; text: string }) => assert.ok(answer.ok, answer.text);
  ok(await ask('post', '/api/v1/organizations', { slug: 'acme', name: 'Acme', model: 'atomyx' }));
  const columns = { id: 'id', email: 'email', name: 'email', status: 'status' };
  ok(
    await ask('put', of('/directories/hr'), {
      ...{ kind: 'csv', config: { url: `${upstream}/feed.csv`, columns } },
      secrets: { authorization: planted.directorySecret },
    }),
  );
  ok(await ask('post', of('/directories/hr/runs'), { mode: 'run' }));
  const { revocationEndpoint, clientId } = { revocationEndpoint: `${upstream}/revoke`, clientId: 'us' };
  ok(
    await ask('put', of('/oauth-providers/op'), { revocationEndpoint, clientId, clientSecret: planted.providerSecret }),
  );
  ok(await ask('put', of('/oauth-providers/okta'), { revoker: 'okta', url: upstream, apiToken: planted.apiToken }));
  const { body } = await ask('get', of('/people'));
  const user = (body.people ?? body.items)[0].id;
  for (const [kind, token] of [
    ['access_token', planted.keptToken],
    ['refresh_token', planted.refreshToken],
  ])
    ok(await ask('post', of('/oauth-tokens'), { provider: 'op', user, kind, token }));
  ok(await ask('put', of('/webhook-endpoints/platform'), { url: `${upstream}/hooks`, secret: planted.webhookSecret }));
  const oidc = { kind: 'oidc', issuer: upstream, clientId: 'c', clientSecret: planted.connectionSecret };
  ok(await ask('put', of('/connections/op'), oidc));
  const { certificate } = await selfSigned('idp.test');
  const saml = { kind: 'saml', entityId: 'https://idp.test', ssoUrl: `${upstream}/sso`, certificates: [certificate] };
  ok(await ask('put', of('/connections/saml'), saml));
}

/** The same, used wrongly: in bodies that are refused, by who may not, where nothing is expected. */
async function misuse(): Promise<void> {
  await ask('post', of('/oauth-tokens'), { provider: 'op', user: 'nobody', kind: 'x', token: planted.wrongBody });
  await ask('put', of('/oauth-providers/bad'), {
    revoker: 'github',
    clientSecret: planted.providerSecret,
    clientSecrets: planted.providerSecret,
  });
  await ask('put', of('/directories/bad'), { kind: 'csv', config: {}, secrets: { wrong: planted.directorySecret } });
  const keep = (answer: { text: string }) => void answers.push(answer.text);
  keep(await http.get(of('/people')).set('Authorization', `Bearer ${planted.bearer}`));
  keep(await http.get('/me').set('Cookie', `drawbridge=${planted.cookie}`));
  const form = { token: planted.introspected };
  keep(await http.post('/oauth/introspect').set('Authorization', operator).type('form').send(form));
  keep(await http.post('/oauth/revoke').set('Authorization', operator).type('form').send(form));
  const { body } = await ask('get', of('/connections'));
  for (const { id } of body.connections) {
    keep(await http.get(`/oidc/${id}/callback?code=${planted.oidcCode}&state=none`));
    keep(await http.post(`/saml/${id}/acs`).type('form').send({ SAMLResponse: planted.samlResponse }));
  }
  keep(
    await http
      .post('/sign-in/password')
      .set('Origin', url)
      .type('form')
      .send({ email: 'lea@acme.example', password: planted.password }),
  );
  keep(
    await http
      .post('/api/v1/organizations')
      .set('Authorization', operator)
      .type('json')
      .send(`{"token": "${planted.wrongBody}`),
  );
}

/** A provider that says everything back, in errors. */
async function startEcho() {
  return startHttpDouble(
    ({ url: { pathname }, body, headers }) => {
      if (pathname === '/feed.csv') return { body: 'id,email,status\nE1,lea@acme.example,active\n' };
      if (pathname === '/hooks') return { status: 500, body: JSON.stringify(headers) };
      return { status: 400, body: { error: new URLSearchParams(body).get('token'), said: headers.authorization } };
    },
    () => true,
  );
}

describe('secrets, planted by every door', () => {
  it('SEC-1, SEC-2 given they were used and misused, then none is in answers, log, audit, exports, cases, traces or the database', {
    timeout: 180_000,
  }, async () => {
    await until(async () => said.includes('serves'), 90, 'the server serves');
    const echo = await startEcho();
    database.onEnd(() => echo.close());
    await plant(echo.url);
    await misuse();
    await ask('post', of('/people/lea@acme.example/offboard'), { reason: 'contract ended' });
    const tried = async () => {
      const { body } = await ask('get', of('/offboarding-cases'));
      return body.cases[0].steps.every(({ attempts }: { attempts: number }) => attempts > 0) && body.cases[0];
    };
    const found = await until(tried, 60, 'each step is tried');
    assert.ok(found.steps.length >= 4, 'tokens, a person, a webhook');
    for (const format of ['ndjson', 'csv', 'ocsf']) await ask('get', of(`/audit-events/export?format=${format}`));
    for (const path of [
      '/audit-events',
      '/sign-in-traces',
      '/oauth-providers',
      '/connections',
      '/directories',
      '/webhook-endpoints',
    ])
      await ask('get', of(path));
    answers.push((await http.get('/metrics')).text);

    assert.ok(answers.length > 30 && log.length > 0);
    assertNowhere('answers', answers.join('\n'), planted);
    assertNowhere('the log', log + said.slice(said.indexOf('\n')), planted);
    const stored = await dump();
    assert.ok(stored.includes('lea@acme.example'), 'the dump is one');
    assertNowhere('the database', stored, { ...planted, operator });
  });

  it('SEC-1 given the requests are over, then a snapshot of the heap holds none of the planted secrets', {
    timeout: 180_000,
  }, async () => {
    // Requests that carry none of them push what connections still hold out of their places.
    for (let count = 0; count < 50; count += 1) await ask('get', of('/oauth-providers'));
    await pause(1000);
    child.kill('SIGUSR2');
    const file = await until(
      async () => readdirSync(folder).find((name) => name.endsWith('.heapsnapshot')),
      60,
      'a snapshot',
    );
    const whole = () => readFileSync(join(folder, file), 'utf8');
    await until(async () => whole().trimEnd().endsWith('}'), 60, 'all of it');
    const heap = whole();
    assert.ok(heap.includes('oauth_providers'), 'it is a snapshot of our heap');
    const held = Object.entries(planted)
      .filter(([, secret]) => heap.includes(secret))
      .map(([name]) => name);
    assert.deepEqual(held, []);
  });
});
