/** One database for a test file, cloned from the run's template; dropped when the file is done. */
import { randomBytes } from 'node:crypto';
import { after } from 'node:test';
import type { Settings, SettingsInput } from '../../src/settings.ts';
import { openStore, type Store } from '../../src/store/database.ts';
import type { Origin } from '../../src/store/tenant.ts';
import { asOwner, databaseUrl, startTestCluster } from './cluster.ts';
import { testSettings } from './settings.ts';

export interface TestDatabase {
  readonly store: Store;
  readonly settings: Settings;
  /** The owner's URL, for looking behind the walls. */
  readonly ownerUrl: string;
  /** Runs when the file is done, before the database goes; last come, first served. */
  onEnd(work: () => Promise<unknown>): void;
}

/** The origin of what a test arranges directly. */
export const TEST_ORIGIN: Origin = { actor: { kind: 'system', id: 'test', label: 'test' } };

/** Opens a fresh database; call it once at the top of a test file. */
export async function openTestDatabase(overrides: SettingsInput = {}): Promise<TestDatabase> {
  const { url, template, close } = await runCluster();
  const name = `drawbridge_test_${randomBytes(6).toString('hex')}`;
  await asOwner(url, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  const ownerUrl = databaseUrl(url, name);
  const settings = testSettings(ownerUrl, overrides);
  const store = await openStore(settings);
  const endings: (() => Promise<unknown>)[] = [];
  after(async () => {
    for (const end of endings.reverse()) await end();
    await store.close();
    await asOwner(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await close();
  });
  return { store, settings, ownerUrl, onEnd: (work) => void endings.push(work) };
}

async function runCluster(): Promise<{ url: string; template: string; close(): Promise<void> }> {
  const url = process.env['TEST_CLUSTER_URL'];
  const template = process.env['TEST_TEMPLATE'];
  if (url !== undefined && template !== undefined) return { url, template, close: async () => undefined };
  return startTestCluster();
}
