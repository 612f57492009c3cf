/** The library for the platform's own server: the same answers as the endpoint's, over HTTP and by a token's claims. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { type Client, connect, type Question, Refused, tokenReader } from '../../src/client/index.ts';
import { claimsOf } from '../../src/sign-in/oauth/claims.ts';
import { NAMES, shipped } from '../access/models-under-test.ts';
import { peopledCompany, randomOf } from '../access/random-company.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { ALL_SCOPES, discover, register, company as signingIn, tokensOf } from '../sign-in/oauth/arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

async function clientOf(made: Company, more: { rememberForMs?: number } = {}, model = 'atomyx'): Promise<Client> {
  const kind = Object.keys(shipped(model).apiKeys).find((each) => each !== 'personal');
  const { body } = await made
    .api('post', '/api-keys')
    .send({ name: 'backend', kind, scopes: ['access:evaluate'] })
    .expect(201);
  return connect({ url: server.url, apiKey: body.key, ...more });
}

/** An issuer whose keys are the test's own, so that any claims can be signed. */
async function startIssuer() {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'test', alg: 'RS256' }] };
  const http = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(jwks));
  });
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
  database.onEnd(async () => http.close());
  const issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const sign = (claims: object, audience = 'app', from = issuer) =>
    new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'test' })
      .setIssuer(from)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey);
  return { reader: tokenReader({ issuer, audience: 'app' }), sign };
}

describe('every cell', () => {
  for (const name of NAMES) {
    it(`${name}: given random people and places, then endpoint, library and token's claims say the same`, async () => {
      const people = await peopledCompany(server, database, { name, seed: 11, size: 4 });
      const { made, model, places } = people;
      const client = await clientOf(made, {}, name);
      const { reader, sign } = await startIssuer();
      let allowed = 0;
      for (const subject of people.subjects.filter(({ type }) => type === 'user')) {
        const actions = [...model.permissions.keys()];
        const cells: Question[] = places.flatMap((resource) =>
          actions.map((action) => ({ subject, action, resource })),
        );
        const answers = await client.evaluateAll(cells);
        const claims = await claimsOf(
          server.deps,
          { userId: subject.id, organizationId: made.id },
          'openid permissions',
        );
        const access = claims && (await reader.read(await sign(claims)));
        for (const [at, { action, resource }] of cells.entries()) {
          const { decision } = answers[at]!;
          assert.equal(access?.may(action, resource) ?? false, decision, `${action} ${resource.type}`);
          allowed += Number(decision);
        }
        for (const cell of pick(cells, 5)) {
          const endpoint = await server.http
            .post('/access/v1/evaluation')
            .set('Authorization', server.operator)
            .set('X-Drawbridge-Organization', made.slug)
            .send({ ...cell, action: { name: cell.action } });
          assert.deepEqual(await client.evaluate(cell), endpoint.body);
        }
      }
      assert.ok(allowed > 10, `${allowed} cells are allowed`);
    });
  }

  function pick<T>(list: readonly T[], count: number): T[] {
    const random = randomOf(count);
    return Array.from({ length: count }, () => list[Math.floor(random() * list.length)]!);
  }
});

async function all<T>(found: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const each of found) list.push(each);
  return list;
}

describe('over HTTP', () => {
  const MIA = { type: 'user', id: 'mia@acme.example' };
  const MAIN = { type: 'workspace', id: 'main' };

  async function company() {
    const made = await makeCompany(server, database);
    made.write(...['mia', 'ben'].map((name) => `${name},${name}@acme.example,${name},Sales,Agent,active`));
    await made.sync();
    const give = async (name: string) =>
      (
        await made
          .api('post', '/memberships')
          .send({ user: `${name}@acme.example`, role: 'member', scope: { workspace: 'main' }, reason: 'test' })
          .expect(201)
      ).body.id as string;
    return { made, give };
  }

  it('given an answer, then it is remembered for a moment, and dropped when another tells of a change', async () => {
    const { made, give } = await company();
    const client = await clientOf(made, { rememberForMs: 60_000 });
    const view = () => client.may(MIA, 'workspace.view', MAIN);
    const id = await give('mia');
    assert.equal(await view(), true);
    await made.api('delete', `/memberships/${id}`).expect((answer) => assert.ok(answer.ok));
    assert.equal(await view(), true, 'remembered');
    assert.equal(await client.may(MIA, 'workspace.settings', MAIN), false);
    assert.equal(await view(), false, 'the other answer was of another epoch');
    const forgetful = await clientOf(made, { rememberForMs: 0 });
    await give('mia');
    assert.equal(await forgetful.may(MIA, 'workspace.view', MAIN), true);
  });

  it('given searches, then every page is read', async () => {
    const { made, give } = await company();
    for (const name of ['mia', 'ben']) await give(name);
    const client = await clientOf(made);
    assert.deepEqual(await client.actionsOf(MIA, MAIN), ['workspace.view']);
    const found = await all(client.subjectsWho('user', 'workspace.view', MAIN));
    assert.equal(found.length, 2);
    assert.equal((await all(client.resourcesWhere(MIA, 'workspace.view', 'workspace'))).length, 1);
  });

  it('given a key that counts for nothing, a bad question or nobody there, then it throws rather than answers', async () => {
    const { made } = await company();
    const stranger = connect({ url: server.url, apiKey: 'db_live_none' });
    await assert.rejects(
      stranger.may(MIA, 'workspace.view', MAIN),
      (error) => error instanceof Refused && error.status === 401,
    );
    const client = await clientOf(made);
    await assert.rejects(client.may({ type: 'user', id: '' }, 'workspace.view', MAIN), /400.*subject\.id/);
    const nobody = connect({ url: 'http://127.0.0.1:9', apiKey: 'x' });
    await assert.rejects(nobody.may(MIA, 'workspace.view', MAIN));
  });
});

describe('by a token', () => {
  it('given a token of another issuer, another app, without permissions, or altered, then it is refused', async () => {
    const { reader, sign } = await startIssuer();
    const claims = {
      sub: 'u',
      org: { id: 'o', slug: 'acme' },
      permissions: { organization: [], workspaces: [], products: [] },
    };
    const good = await sign(claims);
    assert.equal((await reader.read(good)).userId, 'u');
    const { permissions: _, ...bare } = claims;
    const [head, body, signature] = good.split('.');
    const altered = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(body!, 'base64url').toString()), sub: 'x' }),
    );
    for (const bad of [
      await sign(claims, 'another'),
      await sign(claims, 'app', 'https://other.example'),
      await sign(bare),
      `${head}.${altered.toString('base64url')}.${signature}`,
      'x',
    ]) {
      await assert.rejects(reader.read(bad));
    }
  });

  it('given an ID token of a real sign-in, then the reader believes it and knows what the person may', async () => {
    const acme = await signingIn(server, database, 'signing', ['lea']);
    const secret = await register(server, 'insights');
    const config = await discover(server, 'insights', secret);
    const tokens = await tokensOf(config, await acme.signIn('lea'), { scope: ALL_SCOPES });
    const access = await tokenReader({ issuer: `${server.url}/oauth`, audience: 'insights' }).read(tokens.id_token!);
    assert.equal(access.organization.slug, acme.where.slug);
    const { permissions } = access.claims as unknown as { permissions: { organization: string[] } };
    for (const action of permissions.organization) {
      assert.equal(access.may(action, { type: 'organization', id: acme.where.slug }), true);
    }
    assert.equal(access.may('moon.land', { type: 'organization', id: acme.where.slug }), false);
  });
});

describe('as a package', () => {
  it('given it is installed, then plain JavaScript imports drawbridge/client', () => {
    const folder = mkdtempSync(join(tmpdir(), 'drawbridge-client-'));
    try {
      const installed = join(folder, 'node_modules', 'drawbridge');
      mkdirSync(installed, { recursive: true });
      const built = spawnSync(resolve('node_modules/.bin/tsc'), [
        '-p',
        'tsconfig.client.json',
        '--outDir',
        join(installed, 'dist/client'),
      ]);
      assert.equal(built.status, 0, String(built.stdout));
      cpSync('package.json', join(installed, 'package.json'));
      symlinkSync(resolve('node_modules/jose'), join(folder, 'node_modules', 'jose'));
      const program =
        "import { connect, tokenReader } from 'drawbridge/client'; console.log(typeof connect, typeof tokenReader);";
      const ran = spawnSync(process.execPath, ['--input-type=module', '-e', program], { cwd: folder });
      assert.equal(String(ran.stdout), 'function function\n', String(ran.stderr));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
