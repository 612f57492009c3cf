/** `npm run bench -- NAME... [--save]`. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestCluster } from '../harness/cluster.ts';
import { startTestCluster } from '../harness/cluster.ts';
import { measureDecisions } from './decisions.ts';
import { measureOffboarding } from './offboarding.ts';
import { type Row, table } from './rounds.ts';
import { measureScim } from './scim.ts';
import { measureSignIn } from './sign-in.ts';
import { measureSync } from './sync.ts';

const BENCHES: Readonly<Record<string, (cluster: TestCluster) => Promise<Row[]>>> = {
  decisions: measureDecisions,
  offboarding: measureOffboarding,
  'sign-in': measureSignIn,
  scim: measureScim,
  sync: measureSync,
};

const asked = process.argv.slice(2);
const names = asked.filter((name) => !name.startsWith('--'));
const unknown = names.find((name) => !Object.hasOwn(BENCHES, name));
if (unknown !== undefined) {
  process.stderr.write(`There is no benchmark "${unknown}"; there are: ${Object.keys(BENCHES).join(', ')}.\n`);
  process.exit(1);
}
const cluster = await startTestCluster();
try {
  for (const name of names.length > 0 ? names : Object.keys(BENCHES)) {
    const lines = table((await BENCHES[name]?.(cluster)) ?? []);
    process.stdout.write(`\n${name}\n\n${lines.join('\n')}\n`);
    if (!asked.includes('--save')) continue;
    const head = `\n## ${new Date().toISOString().slice(0, 10)}: npm run bench -- ${name}\n\n`;
    appendFileSync(join(import.meta.dirname, 'RESULTS.md'), `${head}${lines.join('\n')}\n`);
  }
} finally {
  await cluster.close();
}
process.exit(0);
