/** `npm test [-- FILE...]`: one cluster for the run, every test file in parallel on a database of its own. */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestCluster } from './harness/cluster.ts';

const asked = process.argv.slice(2);
const files = asked.length > 0 ? asked : globSync('test/**/*.test.ts').sort();
const cluster = await startTestCluster();
const environment = {
  ...process.env,
  TEST_CLUSTER_URL: cluster.url,
  TEST_TEMPLATE: cluster.template,
  // Every test file is a process, and starts others: each takes the modules' code from here rather than making it anew.
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(tmpdir(), 'drawbridge-test-modules'),
  NODE_ENV: 'test',
};
// Left to itself the runner spares a core; much of each file is waiting for the database.
const options = [`--test-concurrency=${availableParallelism()}`, '--test-reporter=spec'];
const runner = spawn(process.execPath, ['--test', ...options, ...files], { stdio: 'inherit', env: environment });
const code = await new Promise<number>((done) => runner.on('exit', (status) => done(status ?? 1)));
await cluster.close();
process.exit(code);
