import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';

const BIN = '/usr/lib/postgresql/15/bin';
const installed = existsSync(`${BIN}/postgres`);
const skip = !installed && !process.env['CI'] ? "Debian's postgresql-15 is not installed here" : false;

it("given Debian's PostgreSQL 15, then the walls between tenants stand there as well", { skip }, async () => {
  assert.ok(installed, 'CI installs postgresql-15 (see .ci/run)');
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-pg15-'));
  const root = process.getuid?.() === 0;
  const account = root ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  if (root) chownSync(folder, idOf('-u'), idOf('-g'));
  const cluster = join(folder, 'cluster');
  const port = await freePort();
  const run = (program: string, ...args: string[]) =>
    execFileSync(`${BIN}/${program}`, args, { ...account, stdio: 'pipe', cwd: folder });
  run('initdb', '-D', cluster, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C');
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=`;
  execFileSync(`${BIN}/pg_ctl`, ['start', '-D', cluster, '-w', '-l', join(folder, 'log'), '-o', options], {
    ...account,
    stdio: 'ignore',
  });
  try {
    const { TEST_CLUSTER_URL: _, TEST_TEMPLATE: __, NODE_TEST_CONTEXT: ___, ...environment } = process.env;
    const tests = spawnSync(process.execPath, ['--test', 'test/store/tenancy.test.ts'], {
      env: { ...environment, TEST_DATABASE_URL: `postgres://postgres@127.0.0.1:${port}/postgres` },
      encoding: 'utf8',
    });
    assert.equal(tests.status, 0, tests.stdout + tests.stderr);
    assert.match(tests.stdout, /pass 9/);
  } finally {
    run('pg_ctl', 'stop', '-D', cluster, '-m', 'immediate');
    rmSync(folder, { recursive: true, force: true });
  }
});

function idOf(flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
