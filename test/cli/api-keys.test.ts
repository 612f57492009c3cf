/** `drawbridge api-keys`, beside a running server. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { run } from '../harness/command.ts';
import { makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const drawbridge = (...args: string[]) => run(database, ['api-keys', ...args]);

const isActive = async (token: string) => {
  const form = server.http.post('/oauth/introspect').set('Authorization', server.operator).type('form');
  return (await form.send({ token }).expect(200)).body.active;
};

it('given the command line, then a key is made, listed, rotated and revoked, and the running server knows', async () => {
  await makeCompany(server, database, { model: 'smart-ai-hub' });
  const made = await drawbridge(
    'create',
    '-n',
    'bot',
    '-k',
    'service',
    '-s',
    'agent.use',
    '-w',
    'main',
    '--expires-in-days',
    '30',
  );
  assert.equal(made.code, 0, made.stderr);
  const [key = '', shown = ''] = made.stdout.split('\n');
  assert.match(key, /^db_live_/);
  assert.equal(await isActive(key), true);
  const display = /db_live_\S+…\S+/.exec(shown)![0];
  const rotated = await drawbridge('rotate', display, '--overlap-hours', '1');
  assert.equal(rotated.code, 0, rotated.stderr);
  const [fresh = ''] = rotated.stdout.split('\n');
  assert.deepEqual([await isActive(key), await isActive(fresh)], [true, true]);
  const revoked = await drawbridge('revoke', display, '-r', 'found in a log');
  assert.equal(revoked.stdout, `${display} is revoked.\n`);
  assert.deepEqual([await isActive(key), await isActive(fresh)], [false, true]);
  const list = (await drawbridge('list')).stdout.trimEnd().split('\n');
  assert.equal(list.length, 2);
  assert.match(list[0]!, /service "bot" {2}production {2}agent\.use {2}.*until/);
  assert.match(list[1]!, /revoked/);
  assert.ok(!list.join().includes(key) && !list.join().includes(fresh));
});

it('given what is wrong, then one line says so', async () => {
  const none = await drawbridge('revoke', 'db_live_none');
  assert.deepEqual([none.code, none.stderr.split('\n').length], [1, 2]);
  assert.match(none.stderr, /No API key is displayed as/);
  const personal = await drawbridge('create', '-n', 'x', '-k', 'personal', '-s', 'agent.use');
  assert.match(personal.stderr, /acts as the person who makes it/);
  const days = await drawbridge('create', '-n', 'x', '-k', 'service', '-s', 'agent.use', '--expires-in-days', 'soon');
  assert.match(days.stderr, /expiresInDays/);
});
