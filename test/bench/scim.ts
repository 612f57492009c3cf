/** The SCIM rows: an identity provider's requests, eight at a time, against an express route with one statement. */

import { join } from 'node:path';
import { OPERATOR_TOKEN } from '../harness/settings.ts';
import { databaseFor, type TestCluster } from './databases.ts';
import { type MeasuredServer, startMeasured } from './measured.ts';
import { type Cost, pairs, type Row } from './rounds.ts';

const AT_ONCE = 8;
const REQUESTS = 200;
const ROUNDS = 5;
const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const here = (file: string) => join(import.meta.dirname, file);

interface Side {
  readonly server: MeasuredServer;
  readonly base: string;
  readonly token: string;
}

/** Measures each request's wall time, eight side by side; people pile up as the rounds go. */
export async function measureScim(cluster: TestCluster): Promise<Row[]> {
  const ours = await startMeasured(here('ours.ts'), await databaseFor(cluster, cluster.template));
  const floor = await startMeasured(here('floors/scim.ts'), await databaseFor(cluster));
  try {
    const sides = {
      ours: { server: ours, ...(await directory(ours.url)) },
      floor: { server: floor, base: floor.url, token: '' },
    };
    const made: Record<'ours' | 'floor', string[]> = { ours: [], floor: [] };
    let count = 0;
    const both = (work: (side: Side, name: 'ours' | 'floor') => () => Promise<Cost>) => ({
      ours: work(sides.ours, 'ours'),
      floor: work(sides.floor, 'floor'),
    });
    const create = await pairs(
      'SCIM create, 8 in parallel',
      '1.6x',
      ROUNDS,
      both(
        (side, name) => () =>
          timed(async () => {
            count += 1;
            const { id } = await call(side, 'POST', '/Users', {
              schemas: [USER],
              userName: `user${count}@acme.test`,
              active: true,
            });
            made[name].push(String(id));
          }),
      ),
    );
    const pick = (name: 'ours' | 'floor') => made[name][Math.floor(Math.random() * made[name].length)] ?? '';
    const get = await pairs(
      'SCIM get by id',
      '1.4x',
      ROUNDS,
      both((side, name) => () => timed(() => call(side, 'GET', `/Users/${pick(name)}`))),
    );
    const filter = await pairs(
      'SCIM filter userName',
      '1.5x',
      ROUNDS,
      both(
        (side) => () =>
          timed(() =>
            call(
              side,
              'GET',
              `/Users?filter=${encodeURIComponent(`userName eq "user${1 + Math.floor(Math.random() * count)}@acme.test"`)}`,
            ),
          ),
      ),
    );
    const page = await pairs(
      'SCIM page of 100',
      '1.4x',
      ROUNDS,
      both((side) => () => timed(() => call(side, 'GET', '/Users?startIndex=1&count=100'))),
    );
    const off = {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', path: 'active', value: false }],
    };
    const next: Record<'ours' | 'floor', number> = { ours: 0, floor: 0 };
    const leave = await pairs(
      'SCIM PATCH active=false, with its offboarding',
      '3x',
      3,
      both(
        (side, name) => () =>
          timed(async () => {
            next[name] += 1;
            await call(side, 'PATCH', `/Users/${made[name][next[name] - 1]}`, off);
          }),
      ),
    );
    return [create, get, filter, page, leave];
  } finally {
    await ours.close();
    await floor.close();
  }
}

/** Wall time of one request, with `AT_ONCE` side by side, in milliseconds of the whole. */
async function timed(request: () => Promise<unknown>): Promise<Cost> {
  const began = performance.now();
  let left = REQUESTS;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) await request();
    }),
  );
  return { ms: (performance.now() - began) / REQUESTS, statements: 0 };
}

async function call(
  { base, token }: Side,
  method: string,
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const response = await fetch(`${base}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? {} : JSON.parse(text);
}

/** An organization's SCIM directory and its token. */
async function directory(url: string): Promise<{ base: string; token: string }> {
  const side = { server: undefined as never, base: `${url}/api/v1`, token: OPERATOR_TOKEN };
  const api = async (method: string, path: string, body: unknown) => {
    const response = await fetch(`${side.base}${path}`, {
      method,
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()) as Record<string, string>;
  };
  await api('POST', '/organizations', { slug: 'acme', model: 'fastn' });
  await api('PUT', '/organizations/acme/directories/scim', { kind: 'scim' });
  const { token = '', url: base = '' } = await api('POST', '/organizations/acme/directories/scim/tokens', {});
  return { base: base.startsWith('http') ? base : `${url}${base}`, token };
}
