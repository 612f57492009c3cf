/** A response that was captured in a browser is judged without anybody being let in by it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { startSession } from '../../src/credentials/session.ts';
import { selfSigned } from '../../src/demo/idp/certificate.ts';
import { inTenant } from '../../src/store/tenant.ts';
import * as hostile from '../doubles/hostile-saml.ts';
import { openTestDatabase, TEST_ORIGIN } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { signedIn } from '../harness/signed-in.ts';
import { holdings, organization, person, within } from './arrange.ts';
import { type HostileIdp, hostileIdp } from './hostile-idp.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const acme = await organization(server, 'acme');
const idp = await hostileIdp(server, acme, 'idp');

/** A response as somebody captured it: it answers a request that is long gone. */
const captured = (email: string, parts: Partial<hostile.Parts> = {}, from = idp) =>
  from.signed({ ...from.good({ requestId: '_long-gone' }, email), ...parts });

interface Step {
  readonly check: string;
  readonly passed: boolean;
  readonly wanted?: string;
  readonly got?: string;
  readonly sentence?: string;
  readonly mender?: string;
}

interface Checked {
  readonly accepted: boolean;
  readonly judgedAt: string;
  readonly steps: readonly Step[];
  readonly said: { subject: string; email: string; name: string; groups: string[] | null } | null;
  readonly person: { how: string; roles: { role: string; source: string }[] } | null;
}

async function everything(): Promise<unknown> {
  const kept = await within(
    server.deps,
    acme,
    sql`SELECT (SELECT count(*) FROM audit_events) AS events, (SELECT count(*) FROM sign_in_traces) AS traces,
      (SELECT count(*) FROM seen_assertions) AS seen, (SELECT count(*) FROM sign_in_attempts) AS attempts,
      (SELECT json_agg(c ORDER BY id) FROM connections c) AS connections`,
  );
  return [await holdings(server, acme), kept];
}

/** Checks a response by the API, and that it has left nothing behind. */
async function check(samlResponse: string, at?: string, of: HostileIdp = idp): Promise<Checked> {
  const before = await everything();
  const path = `/organizations/acme/connections/${of.slug}/check-response`;
  const answer = await server.api('post', path).send({ samlResponse, ...(at === undefined ? {} : { at }) });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['set-cookie'], undefined);
  assert.deepEqual(await everything(), before);
  return answer.body;
}

const last = ({ steps }: Checked) => steps.at(-1);

describe('a response that is checked', () => {
  it('given all is well with it, then every check is told, what it says, and that the person would come in for the first time', async () => {
    const groups =
      '<saml:Attribute Name="groups"><saml:AttributeValue>Engineering</saml:AttributeValue></saml:Attribute>';
    const checked = await check(hostile.posted(captured('new@acme.test', { attributes: groups })));
    assert.partialDeepStrictEqual(checked, {
      accepted: true,
      said: { subject: 'new@acme.test', email: 'new@acme.test', groups: ['Engineering'] },
      person: { how: 'create', roles: [{ role: 'viewer', source: 'jit' }] },
    });
    assert.ok(checked.steps.every(({ passed }) => passed));
    for (const name of ['signature', 'audience', 'expired', 'person']) {
      assert.ok(
        checked.steps.some((step) => step.check === name),
        name,
      );
    }
  });

  it('given it was pasted as XML, or as the form that the browser sent, then likewise', async () => {
    const xml = captured('new@acme.test');
    const form = `RelayState=x&${new URLSearchParams({ SAMLResponse: hostile.posted(xml) })}`;
    for (const pasted of [xml, `\n  ${xml}\n`, form, encodeURIComponent(hostile.posted(xml))]) {
      assert.equal((await check(pasted)).accepted, true, pasted.slice(0, 20));
    }
  });

  it('given somebody who has signed in, or whose address is known here, then that is told, with the roles they have', async () => {
    await idp.signIn('mia@acme.test');
    assert.equal((await check(captured('mia@acme.test'))).person?.how, 'known');
    await person(server, acme, 'adam@acme.test', 'admin');
    const { how, roles } = (await check(captured('adam@acme.test'))).person!;
    assert.deepEqual([how, roles.map(({ role }) => role)], ['link', ['admin']]);
  });

  it('given it is meant for another audience, then the last step says what was wanted, what came, and who mends it', async () => {
    const checked = await check(captured('mia@acme.test', { audience: 'https://other.test' }));
    assert.equal(checked.accepted, false);
    assert.deepEqual([checked.said, checked.person], [null, null]);
    assert.partialDeepStrictEqual(last(checked), {
      check: 'audience',
      passed: false,
      wanted: idp.own.entityId,
      got: 'https://other.test',
      mender: 'identity provider',
    });
  });

  it('given its time is over, then that is told; judged at its own time, all is well', async () => {
    const then = Date.parse('2026-01-05T09:00:00Z');
    const old = captured('mia@acme.test', {
      notBefore: then,
      notOnOrAfter: then + 300_000,
      confirmedUntil: then + 300_000,
    });
    assert.equal(last(await check(old))?.check, 'expired');
    const issued = await check(old, 'issued');
    assert.deepEqual([issued.accepted || last(issued), issued.judgedAt], [true, '2026-01-05T09:00:00.000Z']);
    assert.equal((await check(old, '2026-01-05T10:04:30+01:00')).accepted, true);
    assert.equal(last(await check(old, '2026-01-05T08:00:00Z'))?.check, 'not-before');
  });

  it('given it was altered, then the signature is what refuses it, whoever it now names', async () => {
    const checked = await check(captured('mia@acme.test').replaceAll('mia@', 'olga@'));
    assert.deepEqual([last(checked)?.check, checked.said], ['signature', null]);
  });

  it('given it is believed but the person may not come in, then it says what it says, and why not', async () => {
    const checked = await check(captured('eve@elsewhere.test'));
    assert.partialDeepStrictEqual(checked, { accepted: false, said: { email: 'eve@elsewhere.test' }, person: null });
    assert.partialDeepStrictEqual(last(checked), { check: 'domain', passed: false, got: 'elsewhere.test' });
    await person(server, acme, 'gone@acme.test', 'viewer', 'deprovisioned');
    assert.equal(last(await check(captured('gone@acme.test')))?.check, 'person');
  });

  it('given it can not be read, then that is told as any other check', async () => {
    assert.equal(last(await check('not base64!'))?.check, 'encoding');
    assert.equal(last(await check('<!DOCTYPE x><x/>'))?.check, 'doctype');
    assert.equal(last(await check('<x/>'))?.check, 'in-response-to');
    const path = '/organizations/acme/connections/idp/check-response';
    await server.api('post', path).send({}).expect(400);
    await server.api('post', path).send({ samlResponse: 'x', at: 'yesterday' }).expect(400);
  });

  it('given it was used to sign in, then it can be checked again and again, and never signs anybody in', async () => {
    const begun = await idp.begin();
    const xml = idp.signed(idp.good(begun, 'mia@acme.test'));
    assert.equal((await check(xml)).accepted, true);
    assert.equal((await idp.post(begun, xml)).status, 303, 'the check has not used it up');
    assert.equal((await check(xml)).accepted, true);
    assert.equal((await idp.post(begun, xml)).status, 403, 'nor made it fresh');
  });

  it('given a connection that has never been used, then the check does not count as its test', async () => {
    const draft = await hostileIdp(server, acme, 'draft', { enabled: false });
    assert.equal((await check(captured('new@acme.test', {}, draft), undefined, draft)).accepted, true);
    const { body } = await server.api('get', '/organizations/acme/connections/draft').expect(200);
    assert.deepEqual([body.tested, body.enabled], [false, false]);
  });
});

describe('a response that nobody asked for', async () => {
  const tile = await hostileIdp(server, acme, 'tile');
  const unasked = () => tile.signed({ ...tile.good({ requestId: '' }, 'tile@acme.test'), inResponseTo: null });

  it('given the connection takes none, then that is what refuses it', async () => {
    assert.equal(last(await check(unasked(), undefined, tile))?.check, 'in-response-to');
  });

  it('given the connection takes them, then it is judged as one', async () => {
    await tile.put({ idpInitiated: 'consent' });
    assert.equal((await check(unasked(), undefined, tile)).accepted, true);
  });
});

describe('an encrypted response', async () => {
  const sealed = await hostileIdp(server, acme, 'sealed', { encryption: 'required' });
  const { certificate } = sealed.connection.ownCertificates[0]!;

  it('given it is encrypted to us, then it is opened', async () => {
    const xml = await hostile.encrypt(captured('new@acme.test', {}, sealed), { certificate });
    assert.partialDeepStrictEqual(await check(xml, undefined, sealed), {
      accepted: true,
      said: { email: 'new@acme.test' },
    });
  });

  it('given what is in it is wrong, then the administrator sees at which check', async () => {
    const xml = captured('new@acme.test', { audience: 'https://other.test' }, sealed);
    const checked = await check(await hostile.encrypt(xml, { certificate }), undefined, sealed);
    assert.partialDeepStrictEqual(last(checked), { check: 'audience', got: 'https://other.test' });
  });

  it('given it is encrypted to somebody else, then it can not be opened', async () => {
    const { certificate: other } = await selfSigned('somebody else');
    const xml = await hostile.encrypt(captured('new@acme.test', {}, sealed), { certificate: other });
    assert.equal(last(await check(xml, undefined, sealed))?.check, 'encryption');
  });
});

describe('who may check', () => {
  const path = '/organizations/acme/connections/idp/check-response';

  it('given somebody without the right to administer connections, then they may not; with it, they may', async () => {
    const as = async (email: string, role: string) => {
      const userId = await person(server, acme, email, role);
      const { token } = await inTenant(server.deps.store.db, acme.id, TEST_ORIGIN, (tx) =>
        startSession(tx, { userId, connectionId: null, authenticatedBy: 'saml' }),
      );
      return (await signedIn(server, token)('post', path).send({ samlResponse: captured('mia@acme.test') })).status;
    };
    assert.deepEqual([await as('vera@acme.test', 'viewer'), await as('olga@acme.test', 'owner')], [403, 200]);
    await server.http.post(`/api/v1${path}`).send({ samlResponse: 'x' }).expect(401);
  });

  it('TEN: given another organization, or a connection of another kind, then there is none to check against', async () => {
    await organization(server, 'other');
    const samlResponse = captured('mia@acme.test');
    for (const name of ['idp', idp.connection.id]) {
      const elsewhere = `/organizations/other/connections/${name}/check-response`;
      await server.api('post', elsewhere).send({ samlResponse }).expect(404);
    }
    const oidc = { kind: 'oidc', issuer: 'https://op.test', clientId: 'bridge', clientSecret: 'a secret' };
    await server.api('put', '/organizations/acme/connections/op').send(oidc).expect(200);
    await server.api('post', '/organizations/acme/connections/op/check-response').send({ samlResponse }).expect(409);
  });
});
