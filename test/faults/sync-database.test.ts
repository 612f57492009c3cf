/** FAULT-4 and FAULT-6: the database of a run goes away and comes back, in the middle and under load, or has no room for it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { resumeInterrupted, startSyncWorker } from '../../src/directory/schedule.ts';
import { openStore } from '../../src/store/database.ts';
import { openEmbeddedCluster } from '../../src/store/embedded.ts';
import { startGatedSource } from '../doubles/gated-source.ts';
import { asOwner, databaseUrl } from '../harness/cluster.ts';
import { until } from '../harness/command.ts';
import { makeCompany } from '../harness/company.ts';
import type { TestDatabase } from '../harness/database.ts';
import { startDatabaseProxy } from '../harness/database-proxy.ts';
import { LOOSE_GUARDS } from '../harness/loose-guards.ts';
import { startTestServer } from '../harness/server.ts';
import { testSettings } from '../harness/settings.ts';
import { checkEnds, companyOfGroups, FEEDS, runsOf, stagedRows, stateOf } from './sync-state.ts';

const folder = mkdtempSync(join(tmpdir(), 'drawbridge-own-'));
let cluster = await openEmbeddedCluster(folder, 'test');
const proxy = await startDatabaseProxy(cluster.url('postgres'));
const endings: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const end of endings.reverse()) await end();
  await proxy.close();
  await cluster.leave();
  rmSync(folder, { recursive: true, force: true });
});

/** A database of the cluster, in a place of its own where that is said. */
async function openDatabase(name: string, place = ''): Promise<TestDatabase> {
  await asOwner(cluster.url('postgres'), `CREATE DATABASE ${name} ${place}`);
  const ownerUrl = databaseUrl(proxy.url('postgres'), name);
  const settings = testSettings(ownerUrl);
  const store = await openStore(settings);
  endings.push(() => store.close());
  return { store, settings, ownerUrl, onEnd: (work) => void endings.push(work) };
}

/** As a crash does, or as an administrator. It comes back by another port, which the proxy knows. */
async function restart(signal: 'SIGQUIT' | 'SIGINT'): Promise<void> {
  const pid = Number(readFileSync(join(folder, 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0]);
  proxy.to(0);
  process.kill(pid, signal);
  await until(async () => !answers(pid), 20, 'the database to stop');
  proxy.cut();
  cluster = await openEmbeddedCluster(folder, 'test');
  proxy.to(cluster.port);
}

function answers(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const database = await openDatabase('restarted');
const server = await startTestServer(database);
await startSyncWorker(server.deps);

describe('FAULT-4: the database is restarted', () => {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    it(`given it is while a run reads its source (${signal}), then the server lives on, and the run ends like any, or is begun anew`, async () => {
      const company = await makeCompany(server, database);
      const source = await startGatedSource();
      endings.push(() => source.close());
      source.people = ['ana', 'ben'].map((name) => ({ id: name, email: `${name}@acme.example`, name }));
      await source.putInto(company);
      source.shut();
      const answer = Promise.resolve(company.api('post', '/directories/slow/runs').send({}));
      await until(async () => source.asked() === 1, 10, 'the source to be asked');
      await restart(signal);
      source.open();
      assert.ok([200, 409, 503].includes((await answer).status), JSON.stringify((await answer).body));
      assert.equal((await server.http.get('/readyz')).status, 200);
      await until(
        async () => {
          await resumeInterrupted(server.deps);
          return (await runsOf(company)).at(-1)?.status === 'applied';
        },
        30,
        'the run to be begun anew',
      );
      await checkEnds(company);
      const { body } = await company.api('get', '/directories/slow').expect(200);
      assert.equal(body.failures, 0, 'that was none of the source');
    });
  }

  it('given it is under load, then what was answered well is there, and what was not is whole or not at all', async () => {
    const [company, calm] = [await companyOfGroups(server, database), await companyOfGroups(server, database)];
    for (const each of [company, calm]) {
      each.write(...FEEDS[0]);
      await each.sync();
      each.write(...FEEDS[1]);
    }
    await calm.sync();
    let isOver = false;
    const made: string[] = [];
    const load = Array.from({ length: 4 }, async (_, at) => {
      for (let count = 0; !isOver; count++) {
        const slug = `w${at}-${count}`;
        const { status } = await company.api('put', `/workspaces/${slug}`).send({});
        if (status < 300) made.push(slug);
        else assert.equal(status, 503, String(status));
      }
    });
    const run = Promise.resolve(company.api('post', '/directories/hr/runs').send({}));
    await new Promise((wake) => setTimeout(wake, 100));
    await restart('SIGQUIT');
    await run;
    isOver = true;
    await Promise.all(load);
    const workspaces = (await company.api('get', '/workspaces').expect(200)).body.workspaces;
    const slugs = new Set(workspaces.map(({ slug }: { slug: string }) => slug));
    assert.deepEqual(
      made.filter((slug) => !slugs.has(slug)),
      [],
    );
    await company.sync();
    assert.deepEqual(await stateOf(company), await stateOf(calm));
  });
});

const place = mkdtempSync(join(tmpdir(), 'drawbridge-small-'));
const mounted = mountSmall();
after(() => {
  if (mounted) execFileSync('umount', ['-l', place]);
  rmSync(place, { recursive: true, force: true });
});

/** A disk with room for the schema and little more, where we may make one. */
function mountSmall(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=0777', 'tmpfs', place], { stdio: 'ignore' });
    execFileSync('chown', ['postgres', place]);
    return true;
  } catch {
    return false;
  }
}

describe('FAULT-6: the disk is full', { skip: !mounted && 'no small disk can be made here' }, () => {
  it('given there is no room for a run, then nothing of it is applied, it is told, and with room the next one ends like any', async () => {
    await asOwner(cluster.url('postgres'), `CREATE TABLESPACE small LOCATION '${place}'`);
    const small = await openDatabase('small', 'TABLESPACE small');
    const crowded = await startTestServer(small);
    const company = await makeCompany(crowded, small);
    await company
      .api('put', '/directories/hr')
      .send({ kind: 'csv', config: { file: company.feed, columns: { status: 'status' } }, guards: LOOSE_GUARDS })
      .expect(200);
    // Several times what there is room for, however little a person takes.
    const text = 'x'.repeat(900);
    company.write(
      ...Array.from({ length: 40_000 }, (_, at) => `P${at},p${at}@acme.example,Person ${at},${text}${at},Agent,active`),
    );
    const { status, body } = await company.api('post', '/directories/hr/runs').send({});
    assert.equal(status, 503, JSON.stringify(body));
    assert.match(body.detail, /takes nothing more/);
    assert.equal((await company.api('get', '/people?limit=1').expect(200)).body.people.length, 0);

    company.write('P1,p1@acme.example,Person 1,Sales,Agent,active');
    execFileSync('mount', ['-o', 'remount,size=256m', place]);
    assert.equal((await company.sync()).status, 'applied');
    assert.equal(await stagedRows(company), 0);
    const { body: shown } = await company.api('get', '/directories/hr').expect(200);
    assert.equal(shown.failures, 0, 'that was none of the source');
  });
});
