/**
 * The least that a decision and an introspection take. It checks nothing and must never be used: `decisions.ts <database URL> express|http`.
 * Express or bare node:http, a Map of answers; for a key express, SHA-256 and one query.
 */
import { createHash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import express from 'express';
import pg from 'pg';
import { serveMeasured } from '../measured.ts';

const [, , databaseUrl = '', kind = ''] = process.argv;
const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
const answers = new Map([['bench@acme.test agents.read acme', true]]);
const nameOf = (asked: { subject: { id: string }; action: { name: string }; resource: { id: string } }) =>
  `${asked.subject.id} ${asked.action.name} ${asked.resource.id}`;

await pool.query('CREATE TABLE IF NOT EXISTS keys (hash bytea PRIMARY KEY, scope text, revoked_at timestamptz)');

function withExpress(): RequestListener {
  const app = express();
  app.post('/access/v1/evaluation', express.json(), (request, response) => {
    response.json({ decision: answers.get(nameOf(request.body)) ?? false });
  });
  app.post('/keys', express.json(), async (request, response) => {
    const hash = createHash('sha256').update(request.body.key).digest();
    await pool.query("INSERT INTO keys VALUES ($1, 'agents.read')", [hash]);
    response.status(201).end();
  });
  app.post('/oauth/introspect', express.urlencoded({ extended: false }), async (request, response) => {
    const hash = createHash('sha256').update(request.body.token).digest();
    const { rows } = await pool.query('SELECT scope FROM keys WHERE hash = $1 AND revoked_at IS NULL', [hash]);
    response.json(rows.length === 0 ? { active: false } : { active: true, scope: rows[0].scope });
  });
  return app;
}

const bare: RequestListener = (request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const decision = answers.get(nameOf(JSON.parse(Buffer.concat(parts).toString()))) ?? false;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ decision }));
  });
};

await serveMeasured(async () => (kind === 'http' ? bare : withExpress()));
