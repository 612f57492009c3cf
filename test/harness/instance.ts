/** Another instance of the product on a test file's database: with connections, memory and ears of its own. */
import supertest from 'supertest';
import { createApp } from '../../src/app.ts';
import { openStore, type Store } from '../../src/store/database.ts';
import type { TestDatabase } from './database.ts';
import type { TestServer } from './server.ts';

export interface Instance {
  readonly http: ReturnType<typeof supertest>;
  readonly store: Store;
  /** Ends it as a shutdown does; otherwise it ends with the test file. */
  close(): Promise<void>;
}

/** @param change lets a test put something of its own in the place of a part of the store */
export async function startInstance(
  server: TestServer,
  database: TestDatabase,
  change: (store: Store) => Partial<Store> = () => ({}),
): Promise<Instance> {
  const opened = await openStore(database.settings);
  const store = { ...opened, ...change(opened) };
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= opened.close());
  database.onEnd(close);
  return { http: supertest(createApp({ ...server.deps, store })), store, close };
}
