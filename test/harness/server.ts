/** A whole server on a port of its own, on a test file's database. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import supertest from 'supertest';
import { loadModels } from '../../src/access/model-file.ts';
import { createApp, type Dependencies } from '../../src/app.ts';
import { openQueue } from '../../src/jobs/queue.ts';
import { openLog } from '../../src/log.ts';
import type { TestDatabase } from './database.ts';
import { OPERATOR_TOKEN } from './settings.ts';

export interface TestServer {
  readonly url: string;
  readonly deps: Dependencies;
  /** The operator's Authorization header. */
  readonly operator: string;
  /** Supertest on this server. */
  readonly http: ReturnType<typeof supertest>;
  /** Calls the administration API as the operator. */
  api(method: 'get' | 'post' | 'put' | 'patch' | 'delete', path: string): supertest.Test;
}

/** Starts a server; it stops when the test file is done. Several may share one database, as instances of a cluster do. */
export async function startTestServer(
  { store, settings, onEnd }: TestDatabase,
  more: Pick<Dependencies, 'resolveTxt'> = {},
): Promise<TestServer> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  const log = openLog(process.env['TEST_LOG'] ?? 'silent');
  const deps: Dependencies = {
    ...more,
    settings: { ...settings, http: { ...settings.http, baseUrl: url } },
    store,
    log,
    jobs: await openQueue(store.applicationUrl, log),
    models: loadModels(settings.modelsFolder),
  };
  server.on('request', createApp(deps));
  onEnd(async () => {
    await close(server);
    await deps.jobs.close();
  });
  const http = supertest(url);
  const operator = `Bearer ${OPERATOR_TOKEN}`;
  const api: TestServer['api'] = (method, path) => http[method](`/api/v1${path}`).set('Authorization', operator);
  return { url, deps, operator, http, api };
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
}
