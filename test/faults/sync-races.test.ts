/** Two servers on one database, and two hands on one thing: each is done once, or refused. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { enqueueDueRuns, resumeInterrupted, startSyncWorker } from '../../src/directory/schedule.ts';
import { arrangeDirectory, USER } from '../directory/scim/arrange.ts';
import { startGatedSource } from '../doubles/gated-source.ts';
import { asOwner } from '../harness/cluster.ts';
import { start, until } from '../harness/command.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { runsOf, stagedRows } from './sync-state.ts';

const database = await openTestDatabase();
const [one, two] = [await startTestServer(database), await startTestServer(database)];
const RULE = { condition: 'exists($.email)', scope: { workspace: 'main' }, role: 'member' };
const person = (name: string) => ({ id: name, email: `${name}@acme.example`, name });

async function slowCompany(...names: string[]) {
  const company = await makeCompany(one, database);
  const source = await startGatedSource();
  database.onEnd(() => source.close());
  source.people = names.map(person);
  const directoryId = await source.putInto(company);
  await company.api('put', '/mapping-rules/everybody').send(RULE).expect(200);
  const run = (server = one, mode = 'run') =>
    server.api('post', `/organizations/${company.slug}/directories/slow/runs`).send({ mode });
  return { company, source, directoryId, run };
}

const people = (company: Company) =>
  company.within(async ({ db }) => {
    const rows = await db.selectFrom('users').select(['email', 'status']).orderBy('email').execute();
    return rows.map(({ email, status }) => `${email.split('@')[0]} ${status}`);
  });
/** Sent at once, not when it is awaited. */
const begun = <T>(request: PromiseLike<T>): Promise<T> => Promise.resolve(request);

describe('two servers told to run one directory', () => {
  it('given one reads it, then the other is refused at once, and the one goes on undisturbed', async () => {
    const { company, source, run } = await slowCompany('ana', 'ben');
    source.shut();
    const answer = begun(run(one));
    await until(async () => source.asked() > 0, 10, 'the source to be asked');
    const refused = await Promise.all([run(two), run(one), run(two)]);
    assert.deepEqual(
      refused.map(({ status, body }) => [status, body.type]),
      Array(3).fill([409, 'urn:drawbridge:problem:run-in-progress']),
    );
    source.open();
    assert.equal((await answer).body.status, 'applied');
    assert.deepEqual(await people(company), ['ana active', 'ben active']);
    assert.equal((await runsOf(company)).length, 1);
  });

  it('given a schedule is due on both at once, then it is run once', async () => {
    const { company, source, directoryId } = await slowCompany('ana');
    const config = (await company.api('get', '/directories/slow').expect(200)).body.config;
    await company.api('put', '/directories/slow').send({ kind: 'rest', config, schedule: '0 * * * *' }).expect(200);
    await company.within(({ db }) =>
      sql`UPDATE directories SET scheduled_from = now() - interval '3 hours' WHERE id = ${directoryId}`.execute(db),
    );
    for (const server of [one, two]) await startSyncWorker(server.deps);
    await Promise.all([one, two, one, two].map((server) => enqueueDueRuns(server.deps)));
    await until(async () => (await people(company)).length === 1, 20, 'the run');
    await Promise.all([one, two].map((server) => enqueueDueRuns(server.deps)));
    await new Promise((wake) => setTimeout(wake, 1500));
    assert.deepEqual([source.asked(), (await runsOf(company)).map(({ status }) => status)], [1, ['applied']]);
  });
});

describe('a runner that has lost its lock', () => {
  it('given its connection was ended and another run has come after it, then nothing of it is applied, and nothing is left of it', async () => {
    const { company, source, directoryId, run } = await slowCompany('ana', 'ben');
    source.shut();
    const answer = begun(run(one));
    await until(async () => source.asked() === 1, 10, 'the source to be asked');
    await asOwner(
      database.ownerUrl,
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
        AND (classid::bigint << 32 | objid::bigint) = hashtextextended('runner ${directoryId}', 0)`,
    );
    const later = begun(run(two));
    await until(async () => source.asked() === 2, 10, 'the source to be asked again');
    source.people = [];
    source.open();
    const answers = [await answer, await later].map(({ status, body }) => [status, body.status]);
    assert.deepEqual(answers, [
      [409, 409],
      [200, 'applied'],
    ]);
    assert.deepEqual(await people(company), ['ana active', 'ben active']);
    assert.deepEqual(
      (await runsOf(company)).map(({ status, events }) => [status, events]),
      [
        ['failed', 'sync.discarded'],
        ['applied', 'sync.applied'],
      ],
    );
    assert.equal(await stagedRows(company), 0);
  });

  it('given a plan that was only to be looked at is killed, then it ends, and nothing of it is ever applied', async () => {
    const { company, source } = await slowCompany('ana');
    source.shut();
    const child = start(database, ['sync', 'plan', 'slow', '-o', company.slug]);
    await until(async () => source.asked() === 1, 20, 'the source to be asked');
    child.kill('SIGKILL');
    await once(child, 'exit');
    source.open();
    await until(
      async () => {
        await resumeInterrupted(one.deps);
        return (await runsOf(company)).every(({ status }) => status !== 'staging');
      },
      10,
      'the plan to end',
    );
    await new Promise((wake) => setTimeout(wake, 1500));
    assert.deepEqual(
      (await runsOf(company)).map(({ status, events }) => [status, events]),
      [['failed', 'sync.discarded']],
    );
    assert.deepEqual(await people(company), []);
  });
});

describe('two hands on one thing', () => {
  it('given a held plan is approved by several at once, on both servers, then it is applied once', async () => {
    const { company, source, run } = await slowCompany('ana', 'ben');
    await run();
    source.people = [];
    const { body } = await run();
    assert.equal(body.status, 'held');
    const approve = (server: typeof one) =>
      server.api('post', `/organizations/${company.slug}/runs/${body.id}/approve`).send({});
    const answers = await Promise.all([approve(one), approve(two), approve(one), approve(two)]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409, 409, 409]);
    assert.deepEqual(await people(company), ['ana deprovisioned', 'ben deprovisioned']);
    const cases = (await company.api('get', '/offboarding-cases').expect(200)).body.cases;
    assert.equal(cases.length, 2);
  });

  it('given a source pushes by SCIM while another is pulled, then both are there, whole', async () => {
    const { company, source } = await slowCompany(...Array.from({ length: 40 }, (_, at) => `pulled${at}`));
    const provider = await arrangeDirectory(
      two,
      { organization: company.slug, organizationId: company.id, workspaceId: '' },
      'idp',
    );
    source.open();
    const pull = one.api('post', `/organizations/${company.slug}/directories/slow/runs`).send({});
    const push = Array.from({ length: 40 }, (_, at) =>
      provider.scim('post', '/Users', {
        schemas: [USER],
        userName: `pushed${at}@acme.example`,
        emails: [{ value: `pushed${at}@acme.example` }],
      }),
    );
    const [pulled, ...pushed] = await Promise.all([pull, ...push]);
    assert.equal(pulled?.body.status, 'applied');
    assert.ok(pushed.every(({ status }) => status === 201));
    assert.equal((await people(company)).filter((each) => each.endsWith(' active')).length, 80);
  });

  it('given a rule is edited while the source is read, then the run gives what the rule says now', async () => {
    const { company, source, run } = await slowCompany('ana', 'ben');
    source.shut();
    const answer = begun(run());
    await until(async () => source.asked() === 1, 10, 'the source to be asked');
    await two
      .api('put', `/organizations/${company.slug}/mapping-rules/everybody`)
      .send({ ...RULE, role: 'admin' })
      .expect(200);
    source.open();
    assert.equal((await answer).body.status, 'applied');
    assert.deepEqual(await company.memberships('ana@acme.example'), ['main:admin (mapping)']);
  });

  it('given a rule is edited by one and another while runs go on, then in the end everybody has what the last rule says', async () => {
    const { company, run } = await slowCompany(...Array.from({ length: 30 }, (_, at) => `p${at}`));
    const edit = (server: typeof one, role: string) =>
      server.api('put', `/organizations/${company.slug}/mapping-rules/everybody`).send({ ...RULE, role });
    const answers = await Promise.all([run(), edit(one, 'admin'), edit(two, 'member'), run(two), edit(two, 'admin')]);
    for (const { status } of answers) assert.ok([200, 409].includes(status), String(status));
    const rule = (await company.api('get', '/mapping-rules/everybody').expect(200)).body;
    await run();
    for (const at of [0, 29]) {
      assert.deepEqual(await company.memberships(`p${at}@acme.example`), [`main:${rule.role} (mapping)`]);
    }
  });
});

describe('more runs at once than there are connections', () => {
  it('FAULT-5 given every connection of the pool could be taken by a run, then each of them ends', async () => {
    const companies = await Promise.all(Array.from({ length: 14 }, () => slowCompany('ana')));
    const answers = await Promise.all(companies.map(({ run }) => run()));
    assert.deepEqual(
      answers.map(({ body }) => body.status ?? body),
      Array(14).fill('applied'),
    );
    for (const { company } of companies) assert.deepEqual(await people(company), ['ana active']);
  });
});
