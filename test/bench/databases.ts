/** Databases for the two sides of a benchmark, on one cluster. */
import { randomBytes } from 'node:crypto';
import { asOwner, databaseUrl, type TestCluster } from '../harness/cluster.ts';

export type { TestCluster } from '../harness/cluster.ts';

/** A fresh database, of a template; the owner's URL. */
export async function databaseFor(cluster: TestCluster, template = 'template1'): Promise<string> {
  const name = `bench_${randomBytes(4).toString('hex')}`;
  await asOwner(cluster.url, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  return databaseUrl(cluster.url, name);
}
