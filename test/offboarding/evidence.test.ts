import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { compactVerify, createRemoteJWKSet } from 'jose';
import { sql } from 'kysely';
import { verifyEvidence } from '../../src/offboarding/evidence-signature.ts';
import { installationKeys } from '../../src/sign-in/oauth/signing-keys.ts';
import { sealWhole } from '../audit/arrange.ts';
import { run } from '../harness/command.ts';
import type { Company } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { companyWithPeople, leaActs } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-evidence-'));
database.onEnd(async () => rmSync(folder, { recursive: true, force: true }));

async function leaHasLeft(reason = 'contract ended') {
  const company = await companyWithPeople(server, database);
  const held = await leaActs(server, company);
  const { body } = await company.api('post', '/people/lea@acme.example/offboard').send({ reason }).expect(201);
  await sealWhole(server, company);
  return { company, held, id: body.id as string };
}
const evidence = (company: Company, id: string, format = 'json') =>
  company.api('get', `/offboarding-cases/${id}/evidence?format=${format}`);
const period = (company: Company, format: string) => {
  const [from, to] = [-1, 1].map((days) => new Date(Date.now() + days * 86_400_000).toISOString());
  return company.api('get', `/offboarding-evidence?from=${from}&to=${to}&format=${format}`);
};
const verify = (text: string) => verifyEvidence(installationKeys(server.deps), text);
function verifyByCommand(text: string) {
  const file = join(folder, 'evidence');
  writeFileSync(file, text);
  return run(database, ['evidence', 'verify', file]);
}

describe('evidence of a case', () => {
  it('given a leaver, then it tells the trigger, each access with its end, the total time and the sealed audit event, and no secret', async () => {
    const { company, held, id } = await leaHasLeft();
    const { body, text, headers } = await evidence(company, id).expect(200);
    assert.match(headers['content-disposition'] ?? '', /attachment/);
    assert.deepEqual(
      body.accesses.map(({ what, how }: { what: string; how: string }) => [what.replace(/key \S+/, 'key'), how]),
      [
        ['API key (personal)', 'revoked'],
        ['access token for app', 'revoked'],
        ['role admin in main (mapping)', 'removed'],
        ['session (saml)', 'the person has left'],
      ],
    );
    for (const { endedAt } of body.accesses) assert.equal(endedAt.slice(0, 19), body.accessEndedAt.slice(0, 19));
    assert.deepEqual([body.trigger, body.reason, body.secondsToAccessEnd], ['admin', 'contract ended', 0]);
    assert.ok(body.secondsToLastProof >= 0 && body.audit.position > 0 && /^[0-9a-f]{64}$/.test(body.audit.hash));
    for (const secret of [held.session, held.key, held.token]) assert.ok(!text.includes(secret));
  });

  it('given JSON, page and CSV, then each is verified by the command, and by any JOSE library with the published keys; altered ones are not', async () => {
    const { company, id } = await leaHasLeft();
    const json = (await evidence(company, id).expect(200)).text;
    const page = (await evidence(company, id, 'page').expect(200)).text;
    const csv = (await period(company, 'csv').expect(200)).text;
    for (const [text, format] of [
      [json, 'json'],
      [page, 'page'],
      [csv, 'csv'],
    ] as const) {
      assert.equal((await verify(text)).format, format);
      await assert.rejects(
        verify(text.replace('contract ended', 'contract extended')),
        /not evidence that this installation/,
      );
    }
    const [good, altered] = [await verifyByCommand(page), await verifyByCommand(json.replace('ended', 'extended'))];
    assert.match(good.stdout, /^ok: page offboarding-case of company-\d+, made at/);
    assert.deepEqual([good.code, altered.code, altered.stdout], [0, 1, '']);
    const { signature, ...document } = JSON.parse(json);
    const keys = createRemoteJWKSet(new URL(`${server.url}/oauth/jwks`));
    const { payload } = await compactVerify(signature, keys);
    assert.deepEqual(JSON.parse(Buffer.from(payload).toString()), document);
  });

  it('given the signing key was retired since, then the file is verified still', async () => {
    const { company, id } = await leaHasLeft();
    const json = (await evidence(company, id).expect(200)).text;
    await server.api('post', '/signing-keys/rotate').send({}).expect(200);
    await server.api('post', '/signing-keys/rotate').send({}).expect(200);
    assert.equal((await verify(json)).format, 'json');
  });

  it('WEB-7, WEB-13 given a reason with markup, then the page shows it as text, under a policy that lets no script run', async () => {
    const { company, id } = await leaHasLeft('<script>alert(1)</script>');
    const { text, headers } = await evidence(company, id, 'page').expect(200);
    assert.ok(!text.includes('<script') && text.includes('&lt;script&gt;'));
    assert.match(headers['content-security-policy'] ?? '', /^default-src 'none'; style-src 'sha256-[^']+'/);
    assert.match(text, /@media print/);
  });

  it('TEN-1 given another organization, or nobody’s case, then 404', async () => {
    const { id } = await leaHasLeft();
    const other = await companyWithPeople(server, database);
    await evidence(other, id).expect(404);
    await evidence(other, 'nothing').expect(404);
  });
});

describe('evidence of a period', () => {
  it('given several cases, then the open one comes first, then the slowest; the summary counts them, and the export is audited', async () => {
    const { company } = await leaHasLeft();
    await company.api('post', '/people/max@acme.example/offboard').send({ reason: 'x' }).expect(201);
    await company.within(async ({ db, organizationId }) => {
      await sql`UPDATE offboarding_cases SET closed_at = triggered_at + interval '90 seconds' WHERE reason = 'contract ended'`.execute(
        db,
      );
      await sql`UPDATE offboarding_cases SET closed_at = triggered_at + interval '5 seconds' WHERE reason = 'x'`.execute(
        db,
      );
      await sql`WITH u AS (INSERT INTO users (organization_id, email, status) VALUES (${organizationId}, 'zoe@acme.example', 'deprovisioned') RETURNING id)
        INSERT INTO offboarding_cases (organization_id, user_id, trigger, reason) SELECT ${organizationId}::uuid, id, 'scim', 'open' FROM u`.execute(
        db,
      );
    });
    const { body } = await period(company, 'json').expect(200);
    assert.deepEqual(
      body.cases.map(({ person, secondsToLastProof }: { person: string; secondsToLastProof: number }) => [
        person,
        secondsToLastProof,
      ]),
      [
        ['zoe@acme.example', null],
        ['lea@acme.example', 90],
        ['max@acme.example', 5],
      ],
    );
    assert.deepEqual(body.summary, { cases: 3, open: 1, median: 90, percentile95: 90, slowest: 90 });
    assert.match((await period(company, 'page').expect(200)).text, /1 open/);
    const { events } = (await company.api('get', '/audit-events?action=offboarding.evidence_exported').expect(200))
      .body;
    assert.equal(events.length, 2);
  });

  it('WEB-14 given a reason that a spreadsheet would take for a formula, then it is text', async () => {
    const { company } = await leaHasLeft('=HYPERLINK("https://evil.test")');
    const { text } = await period(company, 'csv').expect(200);
    assert.ok(text.includes(`"'=HYPERLINK(""https://evil.test"")"`), text);
  });
});
