import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startSession } from '../../src/credentials/session.ts';
import { makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { signedIn } from '../harness/signed-in.ts';

const database = await openTestDatabase();
/** What the DNS of this test says. */
const dns = new Map<string, string[][] | Error>();
const server = await startTestServer(database, {
  resolveTxt: async (name) => {
    const found = dns.get(name) ?? Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    if (found instanceof Error) throw found;
    return found;
  },
});

describe('organizations', () => {
  it('given a new one, then it has its settings; its slug is taken from then on', async () => {
    const { body } = await server
      .api('post', '/organizations')
      .send({ slug: 'acme', model: 'fastn', defaultRole: 'viewer', timeZone: 'Europe/Berlin' })
      .expect(201);
    assert.partialDeepStrictEqual(body, {
      slug: 'acme',
      name: 'acme',
      model: 'fastn',
      defaultRole: 'viewer',
      justInTime: false,
    });
    await server.api('post', '/organizations').send({ slug: 'acme', model: 'fastn' }).expect(409);
    const changed = await server
      .api('patch', '/organizations/acme')
      .send({ name: 'Acme', sessionIdleMinutes: 30 })
      .expect(200);
    assert.partialDeepStrictEqual(changed.body, { name: 'Acme', sessionIdleMinutes: 30, defaultRole: 'viewer' });
  });

  it('given a default role with administrative rights, then it takes an acknowledgement, which is audited', async () => {
    const wanted = { slug: 'risky', model: 'ai-security-gateway', defaultRole: 'admin' };
    const refused = await server.api('post', '/organizations').send(wanted).expect(400);
    assert.match(refused.body.detail, /administrative/);
    await server
      .api('post', '/organizations')
      .send({ ...wanted, acknowledgeAdministrativeDefault: true })
      .expect(201);
    const { body } = await server
      .api('get', '/organizations/risky/audit-events?action=organization.administrative_default_role')
      .expect(200);
    assert.equal(body.events.length, 1);
  });

  it('TEN-5: given an administrator, then no role above what they may give becomes the default one; that is told', async () => {
    const company = await makeCompany(server, database, { model: 'ai-security-gateway' });
    company.write('a,adam@acme.example,Adam,Sales,Agent,active', 'o,olga@acme.example,Olga,Board,Owner,active');
    await company.sync();
    const callAs = async (name: string, role: string) => {
      const user = `${name}@acme.example`;
      await company.api('post', '/memberships').send({ user, role, scope: 'organization' }).expect(201);
      const userId = await company.person(user);
      const { token } = await company.within((tx) =>
        startSession(tx, { userId, connectionId: null, authenticatedBy: 'saml' }),
      );
      const call = signedIn(server, token);
      return (change: object) => call('patch', `/organizations/${company.slug}`).send(change);
    };
    const [olga, adam] = [await callAs('olga', 'owner'), await callAs('adam', 'admin')];
    const admins = { defaultRole: 'admin', acknowledgeAdministrativeDefault: true };
    assert.match((await adam(admins).expect(403)).body.detail, /not below the giver's own/);
    assert.equal((await company.api('get', '')).body.defaultRole, null);
    const { events } = (await company.api('get', '/audit-events?outcome=denied').expect(200)).body;
    assert.partialDeepStrictEqual(events, [
      { action: 'organization.refused', actorLabel: 'adam@acme.example', detail: { defaultRole: 'admin' } },
    ]);
    await adam({ defaultRole: 'member' }).expect(200);
    await olga(admins).expect(200);
    await adam({ name: 'Acme', defaultRole: 'admin' }).expect(200);
  });

  it('given bad settings, then each is refused with where and what', async () => {
    const post = (change: object) =>
      server.api('post', '/organizations').send({ slug: 'bad', model: 'fastn', ...change });
    for (const [change, where] of [
      [{ model: 'moon' }, 'model'],
      [{ defaultRole: 'emperor' }, 'defaultRole'],
      [{ slug: 'Not A Slug' }, 'slug'],
      [{ slug: '00000000-0000-4000-8000-000000000000' }, 'slug'],
      [{ timeZone: 'Mars/Olympus' }, 'timeZone'],
      [{ sessionIdleMinutes: 900 }, 'sessionIdleMinutes'],
      [{ colour: 'red' }, 'colour'],
    ] as const) {
      const { body } = await post(change).expect(400);
      assert.match(JSON.stringify(body), new RegExp(where));
    }
    const malformed = await server
      .api('post', '/organizations')
      .set('Content-Type', 'application/json')
      .send('{"slug": ')
      .expect(400);
    assert.match(malformed.headers['content-type'] ?? '', /problem\+json/);
    await server.api('get', '/organizations/bad').expect(404);
  });
});

describe('domains', () => {
  it('given the DNS record, then the domain is proven; given another, none, or no answer, then not, and it says so', async () => {
    const company = await makeCompany(server, database);
    const claimed = await company.api('put', '/domains/Firma.Example').send({}).expect(200);
    const { proof } = claimed.body;
    assert.deepEqual([proof.type, proof.name], ['TXT', '_drawbridge.firma.example']);
    const verify = () => company.api('post', '/domains/firma.example/verify').send({});

    const nothing = await verify();
    assert.equal(nothing.status, 409, nothing.text);
    dns.set(proof.name, [['drawbridge-verification=', 'something-else']]);
    await verify().expect(409);
    dns.set(proof.name, Object.assign(new Error('timeout'), { code: 'ETIMEOUT' }));
    await verify().expect(502);
    assert.equal((await company.api('get', '/domains/firma.example').expect(200)).body.verifiedAt, null);

    // Long values come in chunks.
    dns.set(proof.name, [['v=spf1 -all'], [proof.value.slice(0, 20), proof.value.slice(20)]]);
    const proven = await verify();
    assert.ok(proven.ok, proven.text);
    assert.equal((await company.api('get', '/domains/firma.example')).body.verifiedHow, 'dns');
    const { body } = await company.api('get', '/audit-events?action=domain.*').expect(200);
    assert.deepEqual(body.events.map(({ action }: { action: string }) => action).reverse(), [
      'domain.claimed',
      'domain.verification_refused',
      'domain.verification_refused',
      'domain.verification_refused',
      'domain.verified',
    ]);
  });

  it('given a domain that another organization has proven, or that is everybody’s, then it can not be claimed', async () => {
    const [one, two] = [await makeCompany(server, database), await makeCompany(server, database)];
    await one.api('put', '/domains/owned.example').send({ verified: true }).expect(200);
    const taken = await two.api('put', '/domains/owned.example').send({}).expect(409);
    assert.match(taken.body.detail, /Another organization/);
    for (const everybodys of ['gmail.com', 'outlook.com', 'mail.gmail.com'])
      await two.api('put', `/domains/${everybodys}`).send({}).expect(400);
    await two.api('put', '/domains/not_a_domain').send({}).expect(400);
  });

  it('given two organizations with the same claim, then whoever proves it first has it', async () => {
    const [one, two] = [await makeCompany(server, database), await makeCompany(server, database)];
    for (const company of [one, two]) await company.api('put', '/domains/race.example').send({}).expect(200);
    const answers = await Promise.all(
      [one, two].map((company) =>
        company
          .api('put', '/domains/race.example')
          .send({ verified: true })
          .then(({ status }) => status),
      ),
    );
    assert.deepEqual(answers.sort(), [200, 409]);
  });

  it('given a key of the organization, then it can’t vouch for a domain by itself', async () => {
    const company = await makeCompany(server, database, { model: 'fastn' });
    company.write('E1,ana@acme.example,Ana,Sales,Manager,active');
    await company.sync();
    await company
      .api('post', '/memberships')
      .send({ user: 'ana@acme.example', role: 'owner', scope: 'organization' })
      .expect(201);
    const userId = await company.person('ana@acme.example');
    const { token } = await company.within((tx) =>
      startSession(tx, { userId, connectionId: null, authenticatedBy: 'saml' }),
    );
    const ana = signedIn(server, token);
    await ana('put', `/organizations/${company.slug}/domains/mine.example`).send({}).expect(200);
    await ana('put', `/organizations/${company.slug}/domains/mine.example`).send({ verified: true }).expect(403);
  });
});

describe('workspaces and products', () => {
  it('given they are put twice, then the second time changes nothing; in use, they can’t be deleted', async () => {
    const company = await makeCompany(server, database);
    await company.api('put', '/workspaces/lab').send({ environment: 'development' }).expect(200);
    await company.api('put', '/workspaces/lab').send({ environment: 'development' }).expect(200);
    await company
      .api('put', '/workspaces/lab/products/probe')
      .send({ seats: 5, subscriptionEndsAt: '2030-01-01T00:00:00Z' })
      .expect(200);
    const { body } = await company.api('get', '/audit-events?resourceType=workspace').expect(200);
    assert.equal(body.events.filter(({ detail }: { detail: { slug: string } }) => detail.slug === 'lab').length, 1);
    await company
      .api('put', '/mapping-rules/all')
      .send({ condition: 'exists($.id)', scope: { workspace: 'lab' }, role: 'member' })
      .expect(200);
    const used = await company.api('delete', '/workspaces/lab').expect(409);
    assert.match(used.body.detail, /1 mapping rule/);
    await company.api('delete', '/mapping-rules/all').expect(200);
    await company.api('delete', '/workspaces/lab').expect(204);
    await company.api('get', '/workspaces/lab/products/probe').expect(404);
  });

  it('given a key that still counts in a workspace or product, then neither goes, and the key with it', async () => {
    const company = await makeCompany(server, database);
    for (const [scope, path] of [
      [{ workspace: 'lab' }, '/workspaces/lab'],
      [{ workspace: 'main', product: 'probe' }, '/workspaces/main/products/probe'],
    ] as const) {
      await company.api('put', path).send({}).expect(200);
      const wanted = { name: 'k', kind: 'service', scopes: ['workspace.view'], ...scope };
      const { id } = (await company.api('post', '/api-keys').send(wanted).expect(201)).body;
      assert.match((await company.api('delete', path).expect(409)).body.detail, /still has 1 API key/);
      await company.api('delete', `/api-keys/${id}`);
      await company.api('delete', path).expect(204);
    }
  });

  it('given a name that is another’s id, then it is refused: whoever asks by id would get the wrong one', async () => {
    const company = await makeCompany(server, database);
    const { id } = (await company.api('get', '/workspaces/main').expect(200)).body;
    await company.api('put', `/workspaces/${id}`).send({}).expect(400);
    await company.api('put', `/workspaces/main/products/${id}`).send({}).expect(400);
  });

  it('TEN: given another organization’s id or slug of a workspace, then it does not exist', async () => {
    const [one, two] = [await makeCompany(server, database), await makeCompany(server, database)];
    const { body } = await one.api('get', '/workspaces/main').expect(200);
    await two.api('get', `/workspaces/${body.id}`).expect(404);
    await two.api('delete', `/workspaces/${body.id}`).expect(404);
    await one.api('get', '/workspaces/main').expect(200);
  });
});

describe('callers', () => {
  it('given no credential, a wrong token or a path that there is not, then problem+json says so', async () => {
    for (const [request, status] of [
      [server.http.get('/api/v1/organizations'), 401],
      [server.http.get('/api/v1/organizations').set('Authorization', 'Bearer wrong'), 401],
      [server.api('get', '/organizations/none'), 404],
      [server.api('get', '/nowhere'), 404],
    ] as const) {
      const answer = await request;
      assert.equal(answer.status, status);
      assert.match(answer.headers['content-type'] ?? '', /application\/problem\+json/);
      assert.partialDeepStrictEqual(answer.body, { status, requestId: answer.headers['x-request-id'] });
    }
  });

  it('given the API’s description, then it is OpenAPI 3.1 and names what there is', async () => {
    const { body } = await server.http.get('/api/v1/openapi.json').expect(200);
    assert.match(body.openapi, /^3\.1/);
    for (const path of ['/organizations', '/organizations/{organization}/mapping-rules/{rule}', '/manifests']) {
      assert.ok(
        Object.keys(body.paths).some((each) => each.endsWith(path)),
        path,
      );
    }
  });
});
