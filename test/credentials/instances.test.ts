/** What one instance revokes, every other refuses: within a second, and within a stated bound where messages are lost. */
import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { after, describe, it } from 'node:test';
import { LONGEST_MS, openChanges, UNPROVEN_MS } from '../../src/store/changes.ts';
import { asOwner } from '../harness/cluster.ts';
import { until } from '../harness/command.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { type Instance, startInstance } from '../harness/instance.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

/** A machine's key, a member, and ways of asking an instance what they are worth. */
async function arrange() {
  const made = await makeCompany(server, database, { model: 'smart-ai-hub' });
  made.write('mia,mia@acme.example,Mia,Sales,Agent,active');
  await made.sync();
  const scope = { workspace: 'main' };
  const given = await made
    .api('post', '/memberships')
    .send({ user: 'mia@acme.example', role: 'developer', scope, reason: 'test' })
    .expect(201);
  const key = await made
    .api('post', '/api-keys')
    .send({ name: 'bot', kind: 'service', scopes: ['agent.use'], workspace: 'main' })
    .expect(201);
  return {
    revokeKey: () => made.api('delete', `/api-keys/${key.body.id}`).expect(204),
    takeRole: () => made.api('delete', `/memberships/${given.body.id}`).expect(204),
    keyCounts: (at: Pick<Instance, 'http'>) => isActive(at, key.body.key),
    mayCreate: (at: Pick<Instance, 'http'>) => mayCreate(at, made),
  };
}

async function isActive({ http }: Pick<Instance, 'http'>, token: string): Promise<boolean> {
  const form = http.post('/oauth/introspect').set('Authorization', server.operator).type('form').send({ token });
  return (await form.expect(200)).body.active;
}

async function mayCreate({ http }: Pick<Instance, 'http'>, made: Company): Promise<boolean> {
  const question = {
    subject: { type: 'user', id: 'mia@acme.example' },
    action: { name: 'agent.create' },
    resource: { type: 'workspace', id: 'main' },
  };
  const asked = http
    .post('/access/v1/evaluation')
    .set('Authorization', server.operator)
    .set('X-Drawbridge-Organization', made.slug);
  return (await asked.send(question).expect(200)).body.decision;
}

/** How long an instance still says yes, in milliseconds. */
async function saysYesFor(ask: () => Promise<boolean>, since: number): Promise<number> {
  await until(async () => !(await ask()), 15, 'the instance says no');
  return performance.now() - since;
}

describe('two instances', () => {
  it('given both have answered, when one revokes a key and takes a role, then the other refuses both within a second', async () => {
    const other = await startInstance(server, database);
    for (let round = 0; round < 3; round++) {
      const { revokeKey, takeRole, keyCounts, mayCreate } = await arrange();
      for (const at of [server, other]) {
        assert.deepEqual([await keyCounts(at), await mayCreate(at)], [true, true]);
      }
      await revokeKey();
      assert.equal(await keyCounts(server), false, 'at once, where it was revoked');
      assert.ok((await saysYesFor(() => keyCounts(other), performance.now())) < 1000);
      await takeRole();
      assert.equal(await mayCreate(server), false, 'at once, where it was taken');
      assert.ok((await saysYesFor(() => mayCreate(other), performance.now())) < 1000);
    }
  });

  it('given nobody changes anything, then what is hot is not read again and again', async () => {
    const { keyCounts } = await arrange();
    const other = await startInstance(server, database);
    let transactions = 0;
    const { transaction } = other.store.db;
    other.store.db.transaction = () => {
      transactions += 1;
      return transaction.call(other.store.db);
    };
    const end = performance.now() + 1500;
    for (let asked = 0; asked < 50 || performance.now() < end; asked++) assert.equal(await keyCounts(other), true);
    assert.ok(transactions <= 4, `${transactions} transactions, though nothing had changed`);
  });
});

describe('lost messages', () => {
  it('given an instance whose listening connection has gone silent, then it refuses within a second all the same', async () => {
    const wire = await startWire();
    const other = await startInstance(server, database, ({ applicationUrl }) => {
      const changes = openChanges(wire.through(applicationUrl));
      database.onEnd(() => changes.close());
      return { changes };
    });
    const { revokeKey, keyCounts } = await arrange();
    // Long enough for the connection to be what keeps the key in memory.
    await until(async () => (await keyCounts(other)) && wire.passed() > 2000, 10, 'the instance listens');
    wire.cut();
    await keyCounts(other);
    await revokeKey();
    const took = await saysYesFor(() => keyCounts(other), performance.now());
    assert.ok(took < UNPROVEN_MS + 200, `${took} ms`);
  });

  it('given a listening connection that is closed, then the instance listens again', async () => {
    const other = await startInstance(server, database);
    const { revokeKey, keyCounts } = await arrange();
    for (const end = performance.now() + 1000; performance.now() < end; ) await keyCounts(other);
    await asOwner(
      database.ownerUrl,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_notify(%' AND datname = current_database()",
    );
    await keyCounts(other);
    await revokeKey();
    assert.ok((await saysYesFor(() => keyCounts(other), performance.now())) < 1000);
    const again = await arrange();
    assert.equal(await again.keyCounts(other), true);
    await again.revokeKey();
    assert.ok((await saysYesFor(() => again.keyCounts(other), performance.now())) < 1000);
  });

  it('given a change of which nothing is told at all, then it is seen within five seconds', async () => {
    const other = await startInstance(server, database);
    const { revokeKey, keyCounts } = await arrange();
    // Until messages are known to come through, nothing is remembered for that long.
    for (const end = performance.now() + 1500; performance.now() < end; ) assert.equal(await keyCounts(other), true);
    await asOwner(database.ownerUrl, 'ALTER TABLE api_keys DISABLE TRIGGER access_changed');
    await revokeKey();
    const took = await saysYesFor(() => keyCounts(other), performance.now());
    await asOwner(database.ownerUrl, 'ALTER TABLE api_keys ENABLE TRIGGER access_changed');
    assert.ok(took > UNPROVEN_MS && took < LONGEST_MS + 500, `${took} ms`);
  });
});

/** A way to the database that can fall silent without being closed. */
async function startWire() {
  let [silent, passed] = [false, 0];
  const sockets = new Set<Socket>();
  let target = { host: '', port: 0 };
  const wire = createServer((near) => {
    const far = connect(target);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    near.on('data', (data) => void (silent || far.write(data)));
    far.on('data', (data) => {
      if (silent) return;
      passed += data.length;
      near.write(data);
    });
  });
  await new Promise<void>((done) => wire.listen(0, '127.0.0.1', done));
  after(() => {
    for (const socket of sockets) socket.destroy();
    wire.close();
  });
  return {
    through: (url: string) => {
      const there = new URL(url);
      target = { host: there.hostname, port: Number(there.port || 5432) };
      there.host = `127.0.0.1:${(wire.address() as { port: number }).port}`;
      return there.toString();
    },
    passed: () => passed,
    cut: () => {
      silent = true;
    },
  };
}
