import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, it } from 'node:test';
import pg from 'pg';
import { openEmbeddedCluster } from '../../src/store/embedded.ts';

const folder = mkdtempSync(join(tmpdir(), 'drawbridge-embedded-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A process of its own that opens the cluster, says its port, and stays. */
async function opener(): Promise<{ process: ChildProcess; port: number }> {
  const script = join(folder, 'opener.ts');
  const source = resolve('src/store/embedded.ts');
  writeFileSync(
    script,
    `import { openEmbeddedCluster } from ${JSON.stringify(source)};
     const cluster = await openEmbeddedCluster(process.argv[2], 'secret');
     console.log(cluster.port);
     setInterval(() => undefined, 1000);`,
  );
  const child = spawn(process.execPath, [script, join(folder, 'data')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise<number>((done, fail) => {
    child.stdout?.once('data', (text) => done(Number(String(text).trim())));
    child.once('exit', (code) => fail(new Error(`the opener ended with ${code}`)));
  });
  return { process: child, port };
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe('the embedded PostgreSQL', () => {
  it('given a server killed by kill -9, when another starts, then it adopts the running cluster with all that was committed', async () => {
    const first = await opener();
    const url = `postgres://postgres:secret@127.0.0.1:${first.port}/postgres`;
    await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    first.process.kill('SIGKILL');
    await once(first.process, 'exit');

    const adopted = await openEmbeddedCluster(join(folder, 'data'), 'secret');
    assert.equal(adopted.port, first.port, 'the same server, not a second one');
    assert.deepEqual(await query(adopted.url('postgres'), 'SELECT answer FROM kept'), [{ answer: 42 }]);
    await adopted.leave();
    await assert.rejects(query(url, 'SELECT 1'), /ECONNREFUSED/, 'the last one out stops it');
  });

  it('given a running server, when a command opens the cluster beside it and leaves, then the server keeps its database', async () => {
    const data = join(folder, 'data');
    const server = await openEmbeddedCluster(data, 'secret');
    const connection = new pg.Client({ connectionString: server.url('postgres') });
    await connection.connect();
    const command = await openEmbeddedCluster(data, 'secret');
    assert.equal(command.port, server.port);
    await command.leave();
    assert.deepEqual((await connection.query('SELECT answer FROM kept')).rows, [{ answer: 42 }]);
    await connection.end();
    await server.leave();
  });

  it('given a stale postmaster.pid and a stale lock, when a server starts, then it starts', async () => {
    const data = join(folder, 'data');
    const before = await openEmbeddedCluster(data, 'secret');
    const pid = Number(readFileSync(join(data, 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0]);
    process.kill(pid, 'SIGKILL');
    writeFileSync(join(data, 'cluster.lock'), '999999 gone');
    await new Promise((wake) => setTimeout(wake, 300));
    const again = await openEmbeddedCluster(data, 'secret');
    assert.deepEqual(await query(again.url('postgres'), 'SELECT answer FROM kept'), [{ answer: 42 }]);
    await again.leave();
    assert.ok(before.port > 0);
  });

  it('given another sealing key, when the cluster is opened, then it says so', async () => {
    const data = join(folder, 'data');
    const cluster = await openEmbeddedCluster(data, 'secret');
    await assert.rejects(openEmbeddedCluster(data, 'other'), /another sealing key/);
    await cluster.leave();
  });

  it('given two processes that start at once on an empty folder, then both work on one cluster', async () => {
    const data = join(folder, 'both');
    const [one, two] = await Promise.all([openEmbeddedCluster(data, 'secret'), openEmbeddedCluster(data, 'secret')]);
    assert.equal(one?.port, two?.port);
    await one?.leave();
    await two?.leave();
  });
});
