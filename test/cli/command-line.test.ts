import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { sql } from 'kysely';
import pg from 'pg';
import { selfSigned } from '../../src/demo/idp/certificate.ts';
import { locateOrganization } from '../../src/store/locate.ts';
import { inTenant } from '../../src/store/tenant.ts';
import { sealWhole } from '../audit/arrange.ts';
import { run } from '../harness/command.ts';
import { openTestDatabase, TEST_ORIGIN } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const feed = join(folder, 'hr.csv');

const drawbridge = (...args: string[]) => run(database, args);

const { certificate } = await selfSigned('idp');

const MANIFEST = `
organization:
  slug: acme
  name: Acme
  model: atomyx
  defaultRole: member
  justInTime: true
domains:
  - { name: acme.example, verified: true }
workspaces:
  - slug: main
    environment: staging
    products:
      - { slug: insights, seats: 25 }
connections:
  - slug: idp
    kind: saml
    entityId: https://idp.example/metadata
    ssoUrl: https://idp.example/sso
    certificates:
      - |
${certificate.trim().replace(/^/gm, '        ')}
  - { slug: op, kind: oidc, issuer: 'https://op.example', clientId: drawbridge, clientSecret: '\${OP_SECRET}' }
directories:
  - slug: hr
    kind: csv
    config: { file: ${feed}, columns: { status: status } }
mappingRules:
  - { slug: everybody, directory: hr, condition: exists($.department), scope: { workspace: main }, role: member }
  - { slug: engineers, group: Engineering, scope: { product: main/insights }, role: editor }
oauthProviders:
  - { slug: calendar, revocationEndpoint: 'https://op.example/revoke', clientId: platform, clientSecret: '\${OP_SECRET}' }
webhookEndpoints:
  - { slug: platform, url: 'https://platform.example/webhooks' }
`;

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function rows(statement: ReturnType<typeof sql>): Promise<unknown[]> {
  const id = await locateOrganization(database.store.db, 'acme');
  assert.ok(id, 'the organization acme');
  return inTenant(database.store.db, id, TEST_ORIGIN, async ({ db }) => (await statement.execute(db)).rows);
}

describe('drawbridge apply', () => {
  it('given only the plan is asked for, then it is printed and nothing is made', async () => {
    const { code, stdout } = await drawbridge(
      'apply',
      '--plan',
      file('acme.yaml', MANIFEST),
      '--set',
      'OP_SECRET=hidden-secret',
    );
    assert.equal(code, 0);
    assert.match(stdout, /^\+ organization acme$/m);
    assert.match(stdout, /^\+ product main\/insights$/m);
    assert.equal(await locateOrganization(database.store.db, 'acme'), undefined);
  });

  it('given a new organization, then all of it is made in one go, and a made secret is shown this once', async () => {
    const { code, stdout, stderr } = await drawbridge(
      'apply',
      join(folder, 'acme.yaml'),
      '--set',
      'OP_SECRET=hidden-secret',
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /\+ mapping rule engineers[\s\S]*Applied\./);
    assert.match(stdout, /Secret of webhook endpoint platform, shown this once: whsec_/);
    assert.ok(!stdout.includes('hidden-secret'), 'no given secret is printed');
    assert.deepEqual(await rows(sql`SELECT slug, environment FROM workspaces`), [
      { slug: 'main', environment: 'staging' },
    ]);
    assert.deepEqual(
      await rows(
        sql`SELECT count(*)::int AS n FROM audit_events WHERE action LIKE '%.created' OR action LIKE 'domain.%'`,
      ),
      [{ n: 14 }],
    );
  });

  it('given the same file again, then there is nothing to change, and nothing is written', async () => {
    const before = await rows(sql`SELECT count(*) AS n FROM audit_events`);
    const { code, stdout } = await drawbridge('apply', join(folder, 'acme.yaml'), '--set', 'OP_SECRET=hidden-secret');
    assert.deepEqual([code, stdout.trim()], [0, 'Nothing to change.']);
    assert.deepEqual(await rows(sql`SELECT count(*) AS n FROM audit_events`), before);
  });

  it('given a changed file, then it says which fields change', async () => {
    const changed = MANIFEST.replace('seats: 25', 'seats: 50').replace('name: Acme', 'name: Acme Limited');
    const { stdout } = await drawbridge('apply', file('changed.yaml', changed), '--set', 'OP_SECRET=hidden-secret');
    assert.match(stdout, /~ organization acme: name\n~ product main\/insights: seats\n2 to change, /);
    assert.deepEqual(await rows(sql`SELECT seats FROM products`), [{ seats: 50 }]);
  });

  const bad: readonly [name: string, spoil: (text: string) => string, message: RegExp][] = [
    [
      'YAML that is not',
      (text) => text.replace('domains:', 'domains: ['),
      /^drawbridge: The manifest is not valid: .*:\d+:\d+/,
    ],
    ['a field that there is not', (text) => text.replace('seats: 25', 'chairs: 25'), /chairs.*bad\.yaml:1\d:/],
    ['a variable without value', (text) => text.replaceAll('OP_SECRET', 'OTHER'), /OTHER: has no value.*bad\.yaml/],
    [
      'a role that there is not',
      (text) => text.replace('role: editor', 'role: emperor'),
      /mapping rule "engineers", role/,
    ],
    [
      'a condition that is not one',
      (text) => text.replace('exists($.department)', '$.department =='),
      /not an SQL\/JSON path predicate/,
    ],
    [
      'a workspace that there is not',
      (text) => text.replace('workspace: main }', 'workspace: moon }'),
      /no workspace "moon".*mapping rule "everybody"/,
    ],
    ['a consumer domain', (text) => text.replace('name: acme.example', 'name: gmail.com'), /gmail\.com/],
  ];
  for (const [name, spoil, message] of bad) {
    it(`given ${name}, then it says what and where, with exit code 1, and changes nothing`, async () => {
      const before = await rows(sql`SELECT count(*) AS n FROM audit_events`);
      const spoiled = spoil(MANIFEST.replace('name: Acme', 'name: Spoiled'));
      const { code, stderr } = await drawbridge('apply', file('bad.yaml', spoiled), '--set', 'OP_SECRET=hidden-secret');
      assert.equal(code, 1);
      assert.match(stderr, message);
      assert.deepEqual(await rows(sql`SELECT count(*) AS n FROM audit_events`), before);
      assert.deepEqual(await rows(sql`SELECT name FROM organizations`), [{ name: 'Acme Limited' }]);
    });
  }

  it('given the same manifest over HTTP, then it finds nothing to change', async () => {
    const manifest = {
      organization: { slug: 'acme', name: 'Acme Limited', model: 'atomyx', defaultRole: 'member', justInTime: true },
    };
    const { body } = await server.api('post', '/manifests').send(manifest).expect(200);
    assert.deepEqual(body.changes, [{ kind: 'organization', name: 'acme', action: 'keep', changed: [] }]);
    const refused = await server
      .api('post', '/manifests')
      .send({ organization: { slug: 'acme' } })
      .expect(400);
    assert.match(refused.body.type, /invalid-manifest/);
  });
});

describe('drawbridge sync, offboard, audit', () => {
  const header = 'id,email,name,department,status';
  const write = (...people: string[]) => writeFileSync(feed, [header, ...people, ''].join('\n'));
  const people = Array.from(
    { length: 12 },
    (_, at) => `E${at},person${at}@acme.example,Person ${at},Engineering,active`,
  );

  it('given a feed, then sync plan shows it and sync run applies it', async () => {
    write(...people);
    const planned = await drawbridge('sync', 'plan', 'hr');
    assert.match(planned.stdout, /\+ New \(12\)\n {2}person0@acme\.example +new in the directory/);
    assert.match(planned.stdout, /Planned only: nothing was applied\./);
    const applied = await drawbridge('sync', 'run', 'hr', '--organization', 'acme');
    assert.equal(applied.code, 0, applied.stderr);
    assert.match(applied.stdout, /12 membership\.add[\s\S]*Applied\./);
  });

  it('given a feed that a guard holds, then sync run ends with exit code 2, and sync held lists, discards and approves', async () => {
    write(...people.slice(0, 6));
    const held = await drawbridge('sync', 'run', 'hr');
    assert.equal(held.code, 2);
    assert.match(held.stdout, /held by /);
    const listed = await drawbridge('sync', 'held');
    const [id = ''] = listed.stdout.split(' ');
    assert.match(listed.stdout, new RegExp(`${id} hr held`));
    const approved = await drawbridge('sync', 'held', 'approve', id);
    assert.equal(approved.stdout.trim(), `run ${id}: applied`);
    assert.deepEqual(await rows(sql`SELECT status, count(*)::int AS n FROM users GROUP BY 1 ORDER BY 1`), [
      { status: 'active', n: 6 },
      { status: 'deprovisioned', n: 6 },
    ]);
    assert.equal((await drawbridge('sync', 'held')).stdout.trim(), 'Nothing waits.');
    assert.equal((await drawbridge('sync', 'held', 'approve', id)).code, 1);
  });

  it('given --json, then the run and its plan are one document', async () => {
    const { code, stdout } = await drawbridge('sync', 'plan', 'hr', '--json');
    assert.equal(code, 0);
    const { run, changes } = JSON.parse(stdout);
    assert.equal(run.status, 'planned');
    assert.ok(Array.isArray(changes));
  });

  it('given a broken feed, then each finding is told with its line', async () => {
    write(...people.slice(0, 6), 'E1,again@acme.example,Again,Sales,active');
    const { code, stderr } = await drawbridge('sync', 'run', 'hr');
    assert.equal(code, 1);
    assert.match(stderr, /line 8: the id E1 is at line 3 too/);
  });

  it('given a person, then offboard lets them go and offboard show tells how', async () => {
    const without = await drawbridge('offboard', 'person0@acme.example');
    assert.match(without.stderr, /needs a reason/);
    const gone = await drawbridge('offboard', 'person0@acme.example', '--reason', 'resigned');
    assert.equal(gone.code, 0, gone.stderr);
    const shown = await drawbridge('offboard', 'show', 'person0@acme.example');
    assert.match(shown.stdout, /person0@acme\.example left: resigned \(admin/);
    assert.match(shown.stdout, /webhook at platform: waiting/);
    assert.match((await drawbridge('offboard', 'show', 'person1@acme.example')).stdout, /has not left/);
    assert.match(
      (await drawbridge('offboard', 'nobody@acme.example', '--reason', 'x')).stderr,
      /nobody with the id or e-mail/,
    );
  });

  it('given the chain, then audit verify proves it; tampered with, it names the event and exits with 1', async () => {
    const id = (await locateOrganization(database.store.db, 'acme')) ?? '';
    await sealWhole(server, { id, slug: 'acme' });
    const good = await drawbridge('audit', 'verify');
    assert.deepEqual([good.code, /acme: ok, \d+ sealed events verified/.test(good.stdout)], [0, true], good.stdout);
    const owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    await owner.query('ALTER TABLE audit_events NO FORCE ROW LEVEL SECURITY');
    const { rows: tampered } = await owner.query(
      "UPDATE audit_events SET reason = 'nothing to see' WHERE action = 'user.deprovisioned' AND reason = 'resigned' RETURNING id",
    );
    await owner.end();
    const bad = await drawbridge('audit', 'verify');
    assert.equal(bad.code, 1, bad.stdout);
    assert.match(bad.stdout, new RegExp(`acme: BROKEN at event ${tampered[0].id}`));
  });

  it('given audit export, then it gives every event that the filter names', async () => {
    const { stdout } = await drawbridge('audit', 'export', '--filter', 'action=user.deprovisioned');
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(events.length, 7);
    const csv = await drawbridge('audit', 'export', '--format', 'csv', '--filter', 'action=sync.held');
    assert.equal(csv.stdout.trim().split('\n').length, 2);
    assert.match((await drawbridge('audit', 'export', '--filter', 'colour=red')).stderr, /colour/);
  });
});

describe('drawbridge model check', () => {
  it('given the five models, then they are valid', async () => {
    const { code, stdout } = await drawbridge('model', 'check');
    assert.equal(code, 0);
    assert.equal(stdout.match(/is valid$/gm)?.length, 5);
  });

  it('given a bad file, then each mistake is told with line and reason, and the exit code is 1', async () => {
    const text = 'name: bad\ntitle: Bad\nscopes:\n  organization: { label: Organization }\nlayers: [account, roof]\n';
    const { code, stdout } = await drawbridge('model', 'check', file('bad-model.yaml', text));
    assert.equal(code, 1);
    assert.match(stdout, /bad-model\.yaml:5:\d+ .*roof|bad-model\.yaml:5:\d+ layers/);
    assert.ok(stdout.trim().split('\n').length > 1, stdout);
  });
});
