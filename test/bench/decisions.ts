/** Decisions and introspections of what is hot, against an express route over a Map, bare node:http, and a query by hash. */
import { join } from 'node:path';
import { Pool } from 'undici';
import { OPERATOR_TOKEN } from '../harness/settings.ts';
import { databaseFor, type TestCluster } from './databases.ts';
import { type MeasuredServer, startMeasured } from './measured.ts';
import { type Cost, pairs, type Row } from './rounds.ts';

const REQUESTS = 4_000;
const AT_ONCE = 16;
const ROUNDS = 7;
const here = (file: string) => join(import.meta.dirname, file);

const QUESTION = JSON.stringify({
  subject: { type: 'user', id: 'bench@acme.test' },
  action: { name: 'agents.read' },
  resource: { type: 'organization', id: 'acme' },
});

interface Asked {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What the answer holds where all is well. */
  readonly yes: string;
}

/** Measures each kind of answer. */
export async function measureDecisions(cluster: TestCluster): Promise<Row[]> {
  const floorUrl = await databaseFor(cluster);
  const ours = await startMeasured(here('ours.ts'), await databaseFor(cluster, cluster.template));
  const express = await startMeasured(here('floors/decisions.ts'), floorUrl, 'express');
  const http = await startMeasured(here('floors/decisions.ts'), floorUrl, 'http');
  try {
    const { asking, presented } = await arrange(ours, express);
    const decision: Asked = { path: '/access/v1/evaluation', headers: asking, body: QUESTION, yes: '"decision":true' };
    const introspection: Asked = {
      path: '/oauth/introspect',
      headers: { ...asking, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ token: presented }).toString(),
      yes: '"active":true',
    };
    const row = (what: string, reach: string, floor: MeasuredServer, asked: Asked) =>
      pairs(what, reach, ROUNDS, { ours: costOf(ours, asked), floor: costOf(floor, asked) });
    return [
      await row('decision, to express + Map', '1.15x', express, decision),
      await row('decision, to node:http + Map', '-', http, decision),
      await row('API key introspection, to express + SHA-256 + query', '1.15x', express, introspection),
    ];
  } finally {
    for (const server of [ours, express, http]) await server.close();
  }
}

/** What one request costs the server's process, of many side by side. */
function costOf(server: MeasuredServer, { path, headers, body, yes }: Asked): () => Promise<Cost> {
  const pool = new Pool(server.url, { connections: AT_ONCE });
  const ask = async () => {
    const answer = await pool.request({ method: 'POST', path, headers, body });
    const text = await answer.body.text();
    if (!text.includes(yes)) throw new Error(`${answer.statusCode}: ${text}`);
  };
  return () =>
    server.cost(REQUESTS, async () => {
      const line = async () => {
        for (let at = 0; at < REQUESTS / AT_ONCE; at++) await ask();
      };
      await Promise.all(Array.from({ length: AT_ONCE }, line));
    });
}

/** A person with a role, the key of a platform that asks, and one that somebody presents to it. */
async function arrange(ours: MeasuredServer, floor: MeasuredServer) {
  const call = async (method: string, path: string, body: unknown) => {
    const answer = await fetch(`${ours.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(await answer.text());
    return (await answer.json()) as Record<string, string>;
  };
  await call('POST', '/organizations', { slug: 'acme', model: 'fastn' });
  await call('PUT', '/organizations/acme/directories/scim', { kind: 'scim' });
  const { token, url } = await call('POST', '/organizations/acme/directories/scim/tokens', {});
  const made = await fetch(`${url}/Users`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    body: JSON.stringify({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName: 'bench@acme.test',
      emails: [{ value: 'bench@acme.test' }],
      active: true,
    }),
  });
  if (!made.ok) throw new Error(await made.text());
  await call('POST', '/organizations/acme/memberships', {
    user: 'bench@acme.test',
    role: 'viewer',
    scope: 'organization',
    reason: 'bench',
  });
  const machine = (name: string, ...scopes: string[]) =>
    call('POST', '/organizations/acme/api-keys', { name, kind: 'project', scopes });
  const { key: asker = '' } = await machine('asker', 'access:evaluate', 'tokens:introspect');
  const { key: presented = '' } = await machine('presented', 'agents.read');
  await fetch(`${floor.url}/keys`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key: presented }),
  });
  return { asking: { authorization: `Bearer ${asker}`, 'content-type': 'application/json' }, presented };
}
