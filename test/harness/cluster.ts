/**
 * Where the tests' databases live. `npm test` starts one embedded cluster for the whole run (see ../run.ts); a single file run by
 * hand opens (or adopts) one of its own. `TEST_DATABASE_URL`, the URL of a server's owner, uses that server instead.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { openStore } from '../../src/store/database.ts';
import { openEmbeddedCluster } from '../../src/store/embedded.ts';
import { testSettings } from './settings.ts';

const TEMPLATE = `drawbridge_template_${process.env['TEST_RUN'] ?? process.pid}`;

export interface TestCluster {
  /** Owner's URL of the cluster's maintenance database. */
  readonly url: string;
  readonly template: string;
  close(): Promise<void>;
}

/** Starts a cluster and prepares the template database that each test file clones. */
export async function startTestCluster(): Promise<TestCluster> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined) {
    await makeTemplate(given);
    return { url: given, template: TEMPLATE, close: () => dropTemplate(given) };
  }
  mkdirSync(tmpdir(), { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-test-'));
  const cluster = await openEmbeddedCluster(folder, 'test');
  const url = cluster.url('postgres');
  await makeTemplate(url);
  return {
    url,
    template: TEMPLATE,
    close: async () => {
      await cluster.leave();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs a statement as the owner, outside any test's database. */
export async function asOwner(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

export function databaseUrl(clusterUrl: string, database: string): string {
  const url = new URL(clusterUrl);
  url.pathname = `/${database}`;
  return url.toString();
}

async function makeTemplate(url: string): Promise<void> {
  await dropTemplate(url);
  await asOwner(url, `CREATE DATABASE ${TEMPLATE}`);
  const store = await openStore(testSettings(databaseUrl(url, TEMPLATE)));
  await store.close();
}

async function dropTemplate(url: string): Promise<void> {
  await asOwner(url, `DROP DATABASE IF EXISTS ${TEMPLATE} WITH (FORCE)`);
}
