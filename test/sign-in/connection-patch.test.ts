import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { selfSigned } from '../../src/demo/idp/certificate.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, lastEvent, organization } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const acme = await organization(server, 'acme');
const { certificate } = await selfSigned('idp');
const patch = (name: string, body: object) => server.api('patch', `/organizations/acme/connections/${name}`).send(body);

describe("some of a connection's settings", () => {
  it('given it is turned off, then its identity provider stays as it was described, and the audit names what changed', async () => {
    const made = await connection(server, acme, 'saml', {
      kind: 'saml',
      entityId: 'https://idp.test',
      ssoUrl: 'https://idp.test/sso',
      certificates: [certificate],
      encryption: 'accepted',
    });
    const { body } = await patch('saml', { enabled: false, saml: { idpInitiated: 'bounce' } }).expect(200);
    assert.equal(body.enabled, false);
    assert.deepEqual(body.config, { ...made.config, idpInitiated: 'bounce' });
    const event = await lastEvent(server, acme, 'connection.updated');
    assert.deepEqual(event?.detail, { slug: 'saml', fields: ['config', 'enabled'] });
  });

  it('given a client secret is kept, then it outlives a change of name', async () => {
    await connection(server, acme, 'op', {
      kind: 'oidc',
      issuer: 'https://op.test',
      clientId: 'b',
      clientSecret: 'kept',
    });
    const { body } = await patch('op', { name: 'The other one' }).expect(200);
    assert.equal(body.name, 'The other one');
    assert.equal(body.hasSecret, true);
  });

  it('given what does not go with the connection, then it is refused, and why', async () => {
    const cases: readonly [body: object, where: string][] = [
      [{ saml: { encryption: 'required' } }, 'saml'],
      [{ defaultRole: 'admin' }, 'defaultRole'],
      [{ defaultWorkspace: 'nowhere' }, 'defaultWorkspace'],
      [{ domains: ['unclaimed.test'] }, 'domains'],
      [{ issuer: 'https://elsewhere.test' }, 'issuer'],
    ];
    for (const [body, where] of cases) {
      const answer = await patch('op', body);
      assert.equal(answer.status, 400, JSON.stringify(body));
      assert.ok(JSON.stringify(answer.body).includes(where), JSON.stringify(answer.body));
    }
    assert.equal((await patch('nothing', { name: 'x' })).status, 404);
  });
});
