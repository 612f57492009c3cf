/** `drawbridge people`, beside a running server. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { run } from '../harness/command.ts';
import { makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const drawbridge = (...args: string[]) => run(database, ['people', ...args]);
const LEA = 'lea@acme.example';

it('given the command line, then a person is suspended and let in again, planned to leave and kept, let go, taken back, let go for good', async () => {
  const company = await makeCompany(server, database);
  const row = (state: string) => `E1,${LEA},Lea,Engineering,Developer,${state}`;
  company.write(row('active'), 'E2,max@acme.example,Max,Engineering,Developer,active');
  await company.sync();
  await company
    .api('post', '/memberships')
    .send({ user: LEA, role: 'member', scope: { workspace: 'main' } })
    .expect(201);
  const status = async () => (await company.api('get', `/people/${await company.person(LEA)}`).expect(200)).body.status;
  const done = async (...args: string[]) => {
    const { code, stdout, stderr } = await drawbridge(...args);
    assert.equal(code, 0, stderr);
    return stdout;
  };

  assert.equal(await done('suspend', LEA, '-r', 'laptop lost'), `${LEA} is suspended.\n`);
  assert.equal(await status(), 'suspended');
  await done('reactivate', LEA, '-r', 'found');
  assert.equal(await status(), 'active');

  const planned = await done('plan', LEA, '--at', '2099-12-31T18:00:00+01:00', '-r', 'contract ends');
  assert.match(planned, /lea@acme\.example {2}2099-12-31T17:00:00\.000Z {2}planned {2}contract ends/);
  const [id = ''] = (await done('planned')).split(' ');
  assert.match(await done('cancel', id, '-r', 'prolonged'), /cancelled \(prolonged\)/);

  assert.match(await done('offboard', LEA, '-r', 'left'), /lea@acme\.example left: left \(admin, case /);
  assert.deepEqual([await status(), await company.memberships(LEA)], ['deprovisioned', []]);
  assert.match(await done('rehire', LEA), /would be given back: member in main/);
  assert.equal(await status(), 'deprovisioned', 'only shown');
  assert.match(await done('rehire', LEA, '-r', 'came back'), /is back\.\n {2}given back: member in main/);
  assert.deepEqual(await company.memberships(LEA), ['main:member (manual)']);

  await company.api('post', `/people/${LEA}/offboard`).send({ reason: 'left again' }).expect(201);
  company.write(row('inactive'), 'E2,max@acme.example,Max,Engineering,Developer,active');
  await company.sync();
  assert.match(await done('erase', LEA, '-r', 'asked for it'), /audit events say it no more/);
  assert.equal((await company.api('get', `/people/${LEA}`)).status, 404);
});

it('given what is wrong, then one line says so', async () => {
  const past = await drawbridge('plan', 'max@acme.example', '--at', '2001-01-01T00:00:00Z', '-r', 'x');
  assert.deepEqual([past.code, past.stderr.split('\n').length], [1, 2]);
  assert.match(past.stderr, /in the past/);
  assert.match(
    (await drawbridge('suspend', 'nobody@acme.example', '-r', 'x')).stderr,
    /no such person|not found|nobody/i,
  );
});
