import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { pemBody, selfSigned } from '../../src/demo/idp/certificate.ts';
import { readIdpMetadata } from '../../src/sign-in/saml/metadata.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, lastEvent, organization, within } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const strict = await startTestServer({ ...database, settings: { ...database.settings, allowPrivateNetwork: false } });
const acme = await organization(server, 'acme');
const { certificate } = await selfSigned('idp');
const manual = {
  kind: 'saml',
  entityId: 'https://idp.test',
  ssoUrl: 'https://idp.test/sso',
  certificates: [certificate],
};
const oidc = { kind: 'oidc', issuer: 'https://op.test', clientId: 'bridge', clientSecret: 'very secret' };

function metadata(inner = '', attributes = '', body = pemBody(certificate)): string {
  return `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="https://idp.test" ${attributes}><!-- exported --><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>${body}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.test/sso"/></md:IDPSSODescriptor>${inner}</md:EntityDescriptor>`;
}

const put = (name: string, input: object, at = server) =>
  at.api('put', `/organizations/acme/connections/${name}`).send(input);

describe('connections', () => {
  it('given the same is put twice, then the second time nothing changes and nothing is audited', async () => {
    assert.equal((await connection(server, acme, 'saml', manual)).action, 'create');
    assert.equal((await connection(server, acme, 'saml', manual)).action, 'keep');
    assert.equal((await connection(server, acme, 'saml', { ...manual, name: 'Okta' })).action, 'update');
    const events = await within<{ action: string }>(
      server.deps,
      acme,
      sql`SELECT action FROM audit_events WHERE action LIKE 'connection.%'`,
    );
    assert.deepEqual(
      events.map(({ action }) => action),
      ['connection.created', 'connection.updated'],
    );
  });

  it('given a client secret, then it is kept sealed, never shown, and kept when it is left out', async () => {
    const made = await connection(server, acme, 'op', oidc);
    assert.doesNotMatch(JSON.stringify(made), /very secret/);
    const { clientSecret: _, ...rest } = oidc;
    assert.equal((await connection(server, acme, 'op', rest)).action, 'keep');
    assert.equal((await connection(server, acme, 'op', oidc)).action, 'keep');
    assert.equal((await connection(server, acme, 'op', { ...oidc, clientSecret: 'another' })).action, 'update');
    const rows = await within<{ dump: string }>(
      server.deps,
      acme,
      sql`SELECT connections::text AS dump FROM connections`,
    );
    const events = await within(server.deps, acme, sql`SELECT * FROM audit_events`);
    assert.doesNotMatch(JSON.stringify([rows, events]), /very secret|another/, 'SEC-2');
  });

  it('given metadata, then entity, address and certificates are read from it', async () => {
    const made = await connection(server, acme, 'meta', { kind: 'saml', metadata: metadata() });
    assert.equal(made.config['entityId'], 'https://idp.test');
    assert.equal(made.config['ssoUrl'], 'https://idp.test/sso');
    assert.deepEqual(made.config['certificates'], [pemBody(certificate)]);
  });

  it('given our own metadata is asked for, then it names entity and ACS of this connection alone', async () => {
    const made = await connection(server, acme, 'meta', { kind: 'saml', metadata: metadata() });
    const { text } = await server.http.get(`/saml/${made.id}/metadata`).expect(200);
    assert.ok(text.includes(`entityID="${made.serviceProvider.entityId}"`));
    assert.ok(text.includes(`Location="${made.serviceProvider.acsUrl}"`));
    assert.match(text, /WantAssertionsSigned="true"/);
  });

  it('given an administrative default role, then it takes an acknowledgement, which is audited', async () => {
    const role = { ...manual, defaultRole: 'admin' };
    assert.equal((await put('risky', role)).status, 400);
    assert.equal((await put('risky', { ...role, acknowledgeAdministrativeDefault: true })).status, 200);
    const event = await lastEvent(server, acme, 'connection.administrative_default_role');
    assert.deepEqual(event?.detail, { role: 'admin', acknowledged: true });
  });

  const refusedInputs: readonly [what: string, input: object, at?: typeof server][] = [
    ['an unknown default role', { ...manual, defaultRole: 'nobody' }],
    ['an owner as default role', { ...manual, defaultRole: 'owner', acknowledgeAdministrativeDefault: true }],
    ['an unknown workspace', { ...manual, defaultWorkspace: 'nowhere' }],
    ['answers that nobody asked for', { ...manual, allowUnsolicited: true }],
    ['neither metadata nor its parts', { kind: 'saml' }],
    ['both', { ...manual, metadata: metadata() }],
    ['something that is no certificate', { ...manual, certificates: ['abc'] }],
    ['a script as address', { ...manual, ssoUrl: 'javascript:alert(1)' }],
    ['a plain http address', { ...manual, ssoUrl: 'http://idp.test/sso' }, strict],
    ['a plain http issuer', { ...oidc, issuer: 'http://op.test' }, strict],
    [
      'plain http in metadata',
      { kind: 'saml', metadata: metadata().replace('https://idp.test/sso', 'http://idp.test/sso') },
      strict,
    ],
  ];
  for (const [what, input, at] of refusedInputs) {
    it(`given ${what}, then the connection is refused`, async () => {
      const answer = await put('bad', input, at);
      assert.equal(answer.status, 400, answer.text);
      assert.equal((await server.api('get', '/organizations/acme/connections/bad')).status, 404);
    });
  }

  it('given a connection, when its kind would change, then that is a conflict', async () => {
    await connection(server, acme, 'fixed', manual);
    assert.equal((await put('fixed', oidc)).status, 409);
  });

  it("TEN-1 given another organization's connection, then it is not there", async () => {
    await organization(server, 'globex');
    const { id } = await connection(server, acme, 'mine', manual);
    assert.equal((await server.api('get', `/organizations/globex/connections/${id}`)).status, 404);
  });
});

describe('SAML-49 metadata that is refused', () => {
  const two = metadata().replace(/(<md:IDPSSODescriptor[\s\S]*<\/md:IDPSSODescriptor>)/, '$1$1');
  const cases: readonly [what: string, xml: string, says: RegExp][] = [
    ['its time is over', metadata('', 'validUntil="2020-01-01T00:00:00Z"'), /valid until/],
    ['its time is no time', metadata('', 'validUntil="soon"'), /valid until/],
    ['two identity providers', two, /2 identity providers/],
    ['a service provider only', metadata().replaceAll('IDPSSODescriptor', 'SPSSODescriptor'), /0 identity providers/],
    ['a document type', `<!DOCTYPE x>${metadata()}`, /document type/],
    ['an entity in a comment and out of it', `<!DOCTYPE x [<!ENTITY a "b">]><!-- -->${metadata()}`, /document type/],
    ['no certificate', metadata('', '', ''), /certificate/],
    ['over 1 MiB', metadata('<a/>'.repeat(300_000)), /larger/],
    ['a web page', '<html><body>hello</body></html>', /not the metadata/],
    ['not XML', 'hello', /well-formed/],
  ];
  for (const [what, xml, says] of cases) {
    it(`given ${what}`, () => {
      assert.throws(() => readIdpMetadata(xml, new Date()), says);
    });
  }
});
