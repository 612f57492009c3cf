import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { startSession } from '../../src/credentials/session.ts';
import { asOwner } from '../harness/cluster.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { signedIn } from '../harness/signed-in.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

/** How many people the long list has; 100000 to measure. */
const MANY = Number(process.env['PEOPLE_VOLUME'] ?? 2000);

const PEOPLE = ['olga', 'adam', 'mia', 'ben', 'zoe'];

async function company(): Promise<Company> {
  const made = await makeCompany(server, database);
  made.write(...PEOPLE.map((name) => `${name},${name}@acme.example,${name.toUpperCase()} Oak,Sales,Agent,active`));
  await made.sync();
  return made;
}

const give = (made: Company, name: string, role: string, more: object = {}) =>
  made
    .api('post', '/memberships')
    .send({ user: `${name}@acme.example`, role, scope: { workspace: 'main' }, ...more })
    .expect(201);

/** Lists people by a query. */
async function list(made: Company, query = '') {
  const { body } = await made.api('get', `/people?${query}`).expect(200);
  return body as {
    people: { id: string; email: string; roles: object[]; teams: object[] }[];
    next: string | null;
    total: number | null;
  };
}

async function names(made: Company, query: string): Promise<string[]> {
  return (await list(made, query)).people.map(({ email }) => email.split('@')[0] ?? '');
}

const active = (made: Company, name: string, days: number) =>
  made.within(({ db }) =>
    sql`UPDATE users SET last_active_at = now() - ${days} * interval '1 day' WHERE email = ${`${name}@acme.example`}`.execute(
      db,
    ),
  );
const daysAgo = (days: number) => encodeURIComponent(new Date(Date.now() - days * 86_400_000).toISOString());

describe('the list of people', () => {
  it('given roles, teams and times, then each person has theirs, and filters by role, scope, status and activity hold together', async () => {
    const made = await company();
    await give(made, 'olga', 'owner');
    await give(made, 'adam', 'admin');
    await give(made, 'mia', 'admin', { expiresAt: new Date(Date.now() + 60_000).toISOString() });
    await made.within(({ db }) =>
      sql`UPDATE memberships SET expires_at = now() WHERE expires_at IS NOT NULL`.execute(db),
    );
    await active(made, 'olga', 1);
    await active(made, 'adam', 100);
    const { people } = await list(made, 'query=olga');
    assert.partialDeepStrictEqual(people, [
      { email: 'olga@acme.example', roles: [{ scope: 'workspace', place: 'main', role: 'owner' }] },
    ]);
    assert.deepEqual(await names(made, 'role=admin'), ['adam'], 'what has expired is not held');
    const scope = (await made.api('get', '/memberships')).body.memberships[0].scopeId;
    assert.deepEqual(await names(made, `scope=${scope}&sort=-email`), ['olga', 'adam']);
    assert.deepEqual(await names(made, `scope=${made.id}`), []);
    assert.deepEqual(await names(made, `activeSince=${daysAgo(90)}`), ['olga']);
    assert.deepEqual(await names(made, `inactiveSince=${daysAgo(90)}&role=admin`), ['adam']);
    assert.equal((await names(made, `inactiveSince=${daysAgo(90)}`)).length, 4, 'never active is inactive');
    await made.api('post', '/people/ben@acme.example/offboard').send({ reason: 'left' }).expect(201);
    assert.deepEqual(await names(made, 'status=deprovisioned'), ['ben']);
    assert.equal((await list(made, 'status=active&count=true')).total, 4);
    assert.equal((await list(made, 'limit=1')).total, null);
  });

  it('given groups of a directory and a connection, then people are found by team and by how they sign in', async () => {
    const made = await company();
    await made.within(async ({ db, organizationId }) => {
      await sql`
        WITH g AS (INSERT INTO directory_groups (organization_id, directory_id, source_key, display_name)
          SELECT organization_id, id, 'sales', 'Sales North' FROM directories WHERE slug = 'hr' RETURNING organization_id, directory_id, id)
        INSERT INTO directory_group_members (organization_id, directory_id, group_id, member_id)
        SELECT g.organization_id, g.directory_id, g.id, d.id FROM g JOIN directory_users d ON d.directory_id = g.directory_id
        WHERE d.email IN ('mia@acme.example', 'zoe@acme.example')`.execute(db);
      await sql`
        WITH c AS (INSERT INTO connections (organization_id, slug, name, kind, config, directory_id)
          SELECT ${organizationId}::uuid, 'okta', 'Okta', 'saml', '{}', id FROM directories WHERE slug = 'hr' RETURNING organization_id, id)
        INSERT INTO identities (organization_id, connection_id, subject, user_id)
        SELECT c.organization_id, c.id, u.email, u.id FROM c, users u WHERE u.email = 'mia@acme.example'`.execute(db);
    });
    assert.deepEqual(await names(made, 'team=sales%20north'), ['mia', 'zoe']);
    const [mia] = (await list(made, 'query=mia')).people;
    const team = mia!.teams[0] as { id: string; name: string };
    assert.equal(team.name, 'Sales North');
    assert.deepEqual(await names(made, `team=${team.id}&connection=okta`), ['mia']);
    assert.deepEqual(await names(made, 'connection=nothing'), []);
  });

  it('given any order, then pages give everybody once, in that order, and a cursor of another list is refused', async () => {
    const made = await company();
    await active(made, 'zoe', 3);
    await active(made, 'adam', 5);
    for (const sort of ['email', '-email', 'name', '-name', 'lastActive', '-lastActive', 'created', '-created']) {
      const seen: string[] = [];
      for (let cursor = ''; ; ) {
        const page = await list(made, `limit=2&sort=${sort}${cursor}`);
        seen.push(...page.people.map(({ id }) => id));
        if (page.next === null) break;
        cursor = `&cursor=${page.next}`;
      }
      const whole = (await list(made, `sort=${sort}`)).people.map(({ id }) => id);
      assert.deepEqual(seen, whole, sort);
      assert.equal(new Set(seen).size, PEOPLE.length, sort);
    }
    assert.deepEqual((await names(made, 'sort=-lastActive')).slice(0, 2), ['zoe', 'adam']);
    const { next } = await list(made, 'limit=1&sort=email');
    await made.api('get', `/people?sort=created&cursor=${next}`).expect(400);
    for (const cursor of ['x', 'W10', 'bnVsbA', '%00']) await made.api('get', `/people?cursor=${cursor}`).expect(400);
    await made.api('get', '/people?sort=password').expect(400);
    await made.api('get', '/people?role=%00').expect(400);
  });

  it(`given ${MANY} people, then a page, a search, a filter and a count each take a moment`, async (test) => {
    const made = await makeCompany(server, database);
    await made.within(async ({ db, organizationId }) => {
      await sql`
        INSERT INTO users (organization_id, email, display_name, last_active_at)
        SELECT ${organizationId}::uuid, 'person' || n || '@acme.example', 'Person ' || md5(n::text), now() - n * interval '1 minute'
        FROM generate_series(1, ${MANY}::int) n`.execute(db);
      await sql`
        INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, role, source, granted_by)
        SELECT u.organization_id, u.id, 'workspace', w.id, CASE WHEN u.email LIKE '%00@%' THEN 'admin' ELSE 'member' END, 'manual', 'test'
        FROM users u, workspaces w`.execute(db);
    });
    // As autovacuum would have by the time that anybody looks at so many.
    await asOwner(database.ownerUrl, 'ANALYZE');
    const took: string[] = [];
    const measured = async (query: string) => {
      await list(made, query);
      const begun = performance.now();
      const answer = await list(made, query);
      const milliseconds = performance.now() - begun;
      took.push(`${query} ${milliseconds.toFixed(0)} ms`);
      assert.ok(milliseconds < 1500, took.at(-1));
      return answer;
    };
    const first = await measured('limit=100');
    assert.equal(first.people.length, 100);
    await measured(`limit=100&cursor=${first.next}`);
    await measured('limit=100&sort=name');
    await measured('limit=100&sort=-lastActive');
    assert.equal((await measured('limit=100&query=person19')).people.length > 0, true);
    assert.equal((await measured(`limit=100&query=erson${MANY}@`)).people.length, 1);
    assert.equal((await measured('limit=100&role=admin')).people.length, Math.min(100, Math.floor(MANY / 100)));
    await measured('limit=100&role=member&status=active&sort=-lastActive');
    assert.equal((await measured('limit=1&count=true')).total, MANY);
    assert.equal((await measured('limit=1&role=admin&count=true')).total, Math.floor(MANY / 100));
    test.diagnostic(took.join('; '));
  });
});

describe('one person', () => {
  it('given they hold all there is, then their page shows it and their timeline tells how it came about', async () => {
    const made = await company();
    await give(made, 'mia', 'admin', { reason: 'stands in' });
    const userId = await made.person('mia@acme.example');
    const { token } = await made.within((tx) =>
      startSession(tx, { userId, connectionId: null, authenticatedBy: 'saml' }),
    );
    const mia = signedIn(server, token);
    const key = await mia('post', `/organizations/${made.slug}/api-keys`)
      .send({ name: 'laptop', kind: 'personal', scopes: ['workspace.view'], workspace: 'main' })
      .expect(201);
    const { body } = await made.api('get', '/people/mia@acme.example').expect(200);
    assert.partialDeepStrictEqual(body, {
      email: 'mia@acme.example',
      memberships: [{ role: 'admin', source: 'manual', grantedBy: 'operator', reason: 'stands in' }],
      facts: [{ directory: 'hr', sourceKey: 'mia', active: true, attributes: { department: 'Sales' } }],
      apiKeys: [{ id: key.body.id, name: 'laptop', kind: 'personal', revokedAt: null }],
      sessions: [{ authenticatedBy: 'saml' }],
      identities: [],
      oauthTokens: [],
      apps: [],
    });
    assert.doesNotMatch(JSON.stringify(body), new RegExp(key.body.key));
    const told = await made.api('get', '/people/mia@acme.example/timeline?limit=2').expect(200);
    const rest = await made.api('get', `/people/mia@acme.example/timeline?cursor=${told.body.next}`).expect(200);
    const actions = [...told.body.events, ...rest.body.events].map(({ action }) => action);
    assert.deepEqual(actions, ['api_key.created', 'session.started', 'membership.granted', 'user.created']);
    await made.api('post', '/people/mia@acme.example/offboard').send({ reason: 'left' }).expect(201);
    const after = (await made.api('get', '/people/mia@acme.example').expect(200)).body;
    assert.deepEqual([after.sessions, after.memberships, after.apiKeys[0].revokedAt === null], [[], [], false]);
  });

  it('given another organization, then neither page nor timeline is there', async () => {
    const [made, other] = [await company(), await company()];
    const userId = await made.person('mia@acme.example');
    await other.api('get', `/people/${userId}`).expect(404);
    await other.api('get', `/people/${userId}/timeline`).expect(404);
  });
});

describe('when somebody was last active', () => {
  it('given they use their session, then it is written seldom, and never waits for whoever is letting them go', async () => {
    const made = await company();
    await give(made, 'mia', 'admin');
    const userId = await made.person('mia@acme.example');
    const { token } = await made.within((tx) =>
      startSession(tx, { userId, connectionId: null, authenticatedBy: 'saml' }),
    );
    const call = () => signedIn(server, token)('get', `/organizations/${made.slug}/people`).expect(200);
    const lastActive = () =>
      made.within(
        async ({ db }) =>
          (
            await db
              .selectFrom('users')
              .select('last_active_at as at')
              .where('id', '=', userId)
              .executeTakeFirstOrThrow()
          ).at,
      );
    const minutesPass = (session: number, user: number) =>
      made.within(async ({ db }) => {
        await sql`UPDATE sessions SET last_seen_at = now() - ${session} * interval '1 minute'`.execute(db);
        await sql`UPDATE users SET last_active_at = now() - ${user} * interval '1 minute' WHERE id = ${userId}`.execute(
          db,
        );
      });
    await minutesPass(2, 5);
    const before = await lastActive();
    await call();
    assert.deepEqual(await lastActive(), before, 'five minutes are nothing');
    await minutesPass(2, 20);
    await call();
    assert.ok(Number(await lastActive()) > Date.now() - 60_000);
    await minutesPass(2, 20);
    await made.within(async ({ db }) => {
      await sql`SELECT FROM users WHERE id = ${userId} FOR UPDATE`.execute(db);
      await call();
    });
    assert.ok(Number(await lastActive()) < Date.now() - 60_000, 'left for the next time');
  });
});
