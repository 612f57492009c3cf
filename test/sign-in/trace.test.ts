import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { Browser, formOf, type Page } from '../../src/demo/browser.ts';
import type { DemoPerson } from '../../src/demo/idp/people.ts';
import { startSamlIdp } from '../../src/demo/idp/saml-idp.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, organization, within } from './arrange.ts';

const PEOPLE: readonly DemoPerson[] = [
  { id: 'ana', email: 'ana@acme.test', name: 'Ana', groups: ['Engineering'] },
  { id: 'eve', email: 'eve@elsewhere.test', name: 'Eve', groups: [] },
];

const database = await openTestDatabase();
const server = await startTestServer(database);
const idp = await startSamlIdp({ people: PEOPLE });
database.onEnd(() => idp.close());
const acme = await organization(server, 'acme');
const okta = await connection(server, acme, 'okta', { kind: 'saml', metadata: idp.metadata });
idp.trust((await server.http.get(`/saml/${okta.id}/metadata`)).text);

const api = (path: string) => server.api('get', `/organizations/acme${path}`);

async function answerFor(who: string, browser: Browser) {
  const choice = formOf(await browser.get(okta.serviceProvider.loginUrl));
  return formOf(await browser.post(choice.action, { ...choice.fields, person: who }));
}

async function signIn(who: string, browser = new Browser()): Promise<Page> {
  const answer = await answerFor(who, browser);
  return browser.post(answer.action, answer.fields, /\/me$/);
}

const idOn = (page: Page) => /<code>([0-9a-f-]{36})<\/code>/.exec(page.text)?.[1] ?? '';

describe('the trace of a sign-in', () => {
  it('given somebody is let in, then every check is told as passed, with what was said and the roles that came of it', async () => {
    await signIn('ana');
    const { body } = await api('/sign-in-traces?outcome=signed_in').expect(200);
    const [trace] = body.traces;
    assert.partialDeepStrictEqual(trace, {
      connection: 'okta',
      outcome: 'signed_in',
      said: { subject: 'ana', email: 'ana@acme.test', groups: ['Engineering'] },
      roles: [{ role: 'viewer', source: 'jit', reason: 'first sign-in' }],
    });
    const checks = trace.steps.map(({ check }: { check: string }) => check);
    for (const each of ['one-assertion', 'signed', 'signature', 'audience', 'expired', 'replay', 'browser', 'person']) {
      assert.ok(checks.includes(each), each);
    }
    assert.ok(trace.steps.every(({ passed }: { passed: boolean }) => passed));
  });

  it('given a refusal, then the page shows the id of a trace whose last check failed, says what was wanted, and who can mend it', async () => {
    const page = await signIn('eve');
    assert.equal(page.status, 403);
    const { body } = await api(`/sign-in-traces/${idOn(page)}`).expect(200);
    assert.partialDeepStrictEqual(body, {
      outcome: 'refused',
      refusedBy: 'domain',
      said: { email: 'eve@elsewhere.test' },
    });
    assert.partialDeepStrictEqual(body.steps.at(-1), {
      check: 'domain',
      passed: false,
      mender: 'organization',
      got: 'elsewhere.test',
    });
    assert.ok(body.steps.slice(0, -1).every(({ passed }: { passed: boolean }) => passed));
  });

  it('given a forged message, then the trace ends at the check that saw it, and holds neither message nor secret', async () => {
    const browser = new Browser();
    const answer = await answerFor('ana', browser);
    const xml = Buffer.from(answer.fields['SAMLResponse'] ?? '', 'base64')
      .toString()
      .replace('ana@acme.test', 'olga@acme.test');
    const page = await browser.post(answer.action, {
      ...answer.fields,
      SAMLResponse: Buffer.from(xml).toString('base64'),
    });
    const { body } = await api(`/sign-in-traces/${idOn(page)}`).expect(200);
    assert.partialDeepStrictEqual(body.steps.at(-1), {
      check: 'signature',
      passed: false,
      mender: 'identity provider',
    });
    assert.equal(body.said, null, 'nothing that was not verified is kept as said');
    assert.ok(!JSON.stringify(body).includes('SignatureValue'));
  });

  it('given seven days have passed, then a trace is not shown any more, and the next refusal clears it away', async () => {
    const page = await signIn('eve');
    await within(server.deps, acme, sql`UPDATE sign_in_traces SET at = now() - interval '7 days 1 minute'`);
    await api(`/sign-in-traces/${idOn(page)}`).expect(404);
    await signIn('eve');
    const left = await within<{ n: number }>(server.deps, acme, sql`SELECT count(*)::int AS n FROM sign_in_traces`);
    assert.deepEqual(left, [{ n: 1 }]);
  });

  it('TEN: given another organization, then the trace does not exist', async () => {
    const page = await signIn('eve');
    await organization(server, 'other');
    await server.api('get', `/organizations/other/sign-in-traces/${idOn(page)}`).expect(404);
    assert.deepEqual((await server.api('get', '/organizations/other/sign-in-traces').expect(200)).body.traces, []);
  });
});
