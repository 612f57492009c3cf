/** A random company, made real: an HR file that is read whole, an Entra tenant that tells changes, and the API for all the rest. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { settleDates } from '../../../src/directory/schedule.ts';
import { inTenant, type TenantTransaction } from '../../../src/store/tenant.ts';
import { type EntraDirectory, startEntraDirectory } from '../../doubles/entra-directory.ts';
import { TEST_ORIGIN } from '../../harness/database.ts';
import { LOOSE_GUARDS } from '../../harness/loose-guards.ts';
import type { TestServer } from '../../harness/server.ts';
import type { World } from '../sources/world.ts';
import type { Fact } from './plain-model.ts';
import type { DirectoryName, Employee, Event, GroupName, Id, Member, Rule } from './world.ts';

export interface ArrangedCompany {
  /** The directory's own state changes; gives what it says now. */
  tellHr(event: Extract<Event, { kind: 'hr' }>): Map<Id, Fact>;
  tellIt(event: Extract<Event, { kind: 'it' }>): Map<Id, Fact>;
  told(directory: DirectoryName): Map<Id, Fact>;
  /** Runs it, approves what a protected account holds up, and gives what has changed. */
  run(directory: DirectoryName, mode: 'plan' | 'run'): Promise<Record<string, number>>;
  putRule(slug: string, rule: Rule | null): Promise<void>;
  grant(id: Id): Promise<void>;
  settle(id: Id): Promise<void>;
  protect(id: Id, isProtected: boolean): Promise<void>;
  wait(days: number): Promise<void>;
  /** As `PlainModel` says it. */
  state(): Promise<{ accounts: string[]; memberships: string[] }>;
  close(): Promise<void>;
}

const DAY = 86_400_000;
/** Somebody is always there: an empty feed would be held, as it should. */
const ALWAYS_THERE = '9';

/** What is told in every plan, though nothing changes. */
const TOLD_AGAIN = new Set(['membership.withheld', 'user.protected', 'user.ambiguous', 'user.waiting']);

let count = 0;

export async function arrangeCompany(
  server: TestServer,
  seats: number | null,
  verified: boolean,
  graceDays: number,
): Promise<ArrangedCompany> {
  count += 1;
  const slug = `random-${count}`;
  const domain = `${slug}.example`;
  const api = (method: 'get' | 'post' | 'put' | 'delete', path: string) =>
    server.api(method, `/organizations/${slug}${path}`);
  const made = await server.api('post', '/organizations').send({ slug, model: 'atomyx' }).expect(201);
  const within = <T>(work: (tx: TenantTransaction) => Promise<T>) =>
    inTenant(server.deps.store.db, made.body.id, TEST_ORIGIN, work);
  if (verified) {
    await within(({ db, organizationId }) =>
      sql`INSERT INTO domains (organization_id, name, verification_token, verified_at)
        VALUES (${organizationId}, ${domain}, 'token', now())`.execute(db),
    );
  }
  const hr = hrFile(domain);
  const it = await itTenant(domain);
  await api('put', '/workspaces/main').send({});
  await api('put', '/workspaces/main/products/insights').send({ seats });
  await api('put', '/directories/hr').send({ ...hr.directory, guards: LOOSE_GUARDS, graceDays });
  await api('put', '/directories/it').send({ ...it.directory, guards: LOOSE_GUARDS });

  const run: ArrangedCompany['run'] = async (directory, mode) => {
    const { body } = await api('post', `/directories/${directory}/runs`).send({ mode });
    if (body.status === 'held') {
      assert.deepEqual(
        body.guards.map(({ guard }: { guard: string }) => guard),
        ['last-owner'],
      );
      await api('post', `/runs/${body.id}/approve`).send({}).expect(200);
    } else assert.equal(body.status, mode === 'run' ? 'applied' : 'planned', JSON.stringify(body));
    return Object.fromEntries(Object.entries<number>(body.counts).filter(([kind]) => !TOLD_AGAIN.has(kind)));
  };
  return {
    tellHr: hr.tell,
    tellIt: it.tell,
    told: (directory) => (directory === 'hr' ? hr : it).told(),
    run,
    putRule: async (rule, said) => {
      if (said === null) await api('delete', `/mapping-rules/${rule}`).expect(200);
      else await api('put', `/mapping-rules/${rule}`).send(inputOf(said)).expect(200);
    },
    grant: async (id) => {
      const given = { user: `${id}@${domain}`, scope: { workspace: 'main' }, role: 'member', reason: 'test' };
      await api('post', '/memberships').send(given).expect(201);
    },
    settle: async (id) => void (await api('post', `/people/${id}@${domain}/reconcile`).send({}).expect(200)),
    protect: (id, isProtected) =>
      within(async ({ db }) => {
        const which = sql`email = ${`${id}@${domain}`} AND status = 'active'`;
        await sql`UPDATE users SET protected = ${isProtected} WHERE ${which}`.execute(db);
      }),
    wait: async (days) => {
      await within(({ db }) =>
        sql`UPDATE directory_users SET leaves_at = leaves_at - ${days} * interval '1 day' WHERE leaves_at IS NOT NULL`.execute(
          db,
        ),
      );
      await settleDates(server.deps);
    },
    state: () => within(stateOf),
    close: async () => {
      hr.close();
      await it.close();
    },
  };
}

function hrFile(domain: string) {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-feed-'));
  const file = join(folder, 'hr.csv');
  const people = new Map<Id, Employee>();
  const day = (days: number | null) =>
    days === null ? '' : new Date(Date.now() + days * DAY).toISOString().slice(0, 10);
  const write = () => {
    const rows = [...people].map(
      ([id, { department, level, groups, status, starts, ends }]) =>
        `${id},${id}@${domain},${id} x,${department},${level},${status},${day(starts)},${day(ends)},${groups.join(';')}`,
    );
    const always = `${ALWAYS_THERE},${ALWAYS_THERE}@${domain},${ALWAYS_THERE} x,None,0,active,,,`;
    writeFileSync(file, ['id,email,name,department,title,status,starts,ends,groups', always, ...rows, ''].join('\n'));
  };
  const told = () =>
    new Map(
      [...people].map(([id, { department, level, groups, status, starts, ends }]) => {
        const gone = status !== 'active' || (ends ?? 0) < 0;
        return [id, { department, level, groups, gone, present: !gone && (starts ?? 0) <= 0 }];
      }),
    );
  write();
  const columns = { status: 'status', startsOn: 'starts', endsOn: 'ends', groups: 'groups' };
  return {
    directory: { kind: 'csv', config: { file, columns } },
    tell: (event: Extract<Event, { kind: 'hr' }>) => {
      change(people, event.people);
      write();
      return told();
    },
    told,
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function itTenant(domain: string) {
  const people = new Map<Id, Member>();
  const groups = new Map<GroupName, readonly (Id | GroupName)[]>();
  const world: World = { people: [], groups: [] };
  const double: EntraDirectory = await startEntraDirectory(world);
  const write = () => {
    const always = { department: 'None', level: '0', active: true };
    const all: [string, Member][] = [[ALWAYS_THERE, always], ...people];
    world.people = all.map(([id, { active }]) => ({ id, email: `${id}@${domain}`, given: id, family: 'x', active }));
    for (const [id, { department, level }] of all) double.properties.set(id, { department, title: level });
    const isThere = (member: Id | GroupName) => people.has(member as Id) || groups.has(member as GroupName);
    world.groups = [...groups].map(([name, members]) => ({ id: name, name, members: members.filter(isThere) }));
  };
  const told = () =>
    new Map(
      [...people].map(([id, { department, level, active }]): [Id, Fact] => {
        const within = [...groups.keys()].filter((group) => everybodyIn(groups, group).has(id));
        return [id, { department, level, groups: within, present: active, gone: !active }];
      }),
    );
  write();
  const { tenant, clientId, secret, url } = double;
  const config = { tenant, clientId, properties: ['title'], graphUrl: url, loginUrl: url };
  return {
    directory: { kind: 'entra', config, secrets: { clientSecret: secret } },
    tell: (event: Extract<Event, { kind: 'it' }>) => {
      change(people, event.people);
      change(groups, event.groups);
      write();
      if (event.forgets) double.forget({ status: 410, body: {} });
      return told();
    },
    told,
    close: () => double.close(),
  };
}

function change<K extends string, V>(all: Map<K, V>, changes: Partial<Record<K, V | null>>): void {
  for (const [key, value] of Object.entries(changes) as [K, V | null][]) {
    if (value === null) all.delete(key);
    else all.set(key, value);
  }
}

/** Through groups within groups. */
function everybodyIn(groups: ReadonlyMap<GroupName, readonly (Id | GroupName)[]>, outermost: GroupName): Set<string> {
  const found = new Set<string>([outermost]);
  for (const each of found) for (const member of groups.get(each as GroupName) ?? []) found.add(member);
  return found;
}

function inputOf({ group, department, level, scope, role, directory, ...rest }: Rule): Record<string, unknown> {
  const conditions = [
    ...(department === null ? [] : [`$.department == "${department}"`]),
    ...(level === null ? [] : [`$.title == "${level}"`]),
  ];
  return {
    ...rest,
    ...(directory === null ? {} : { directory }),
    group,
    condition: conditions.length === 0 ? null : conditions.join(' && '),
    scope: scope === 'main' ? { workspace: 'main' } : { product: scope },
    role: role === 'p-admin' ? 'admin' : role,
  };
}

async function stateOf({ db }: TenantTransaction) {
  const { rows } = await sql<{ accounts: string[]; memberships: string[] }>`
    WITH who AS (SELECT u.*, split_part(email, '@', 1) AS name FROM users u WHERE email NOT LIKE ${`${ALWAYS_THERE}@%`})
    SELECT
      array(SELECT name || ' ' || status FROM who) AS accounts,
      array(SELECT u.name || ' ' || concat_ws('/', w.slug, p.slug) || ':'
          || CASE WHEN m.role = 'admin' AND p.slug IS NOT NULL THEN 'p-admin' ELSE m.role END || ' (' || m.source || ')'
        FROM memberships m JOIN who u ON u.id = m.user_id LEFT JOIN workspaces w ON w.id = m.workspace_id
        LEFT JOIN products p ON p.id = m.product_id) AS memberships`.execute(db);
  const { accounts = [], memberships = [] } = rows[0] ?? {};
  return { accounts: accounts.sort(), memberships: memberships.sort() };
}
