/** The least that a SCIM server takes: an express route with one indexed statement. It checks nothing and must never be used. */
import { randomUUID } from 'node:crypto';
import express from 'express';
import pg from 'pg';
import { serveMeasured } from '../measured.ts';

const pool = new pg.Pool({ connectionString: process.argv[2] ?? '', max: 10 });
await pool.query(`CREATE TABLE users (id uuid PRIMARY KEY, user_name text UNIQUE, active boolean NOT NULL DEFAULT true, attributes jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp());
  CREATE INDEX users_made ON users (created_at, id);`);

await serveMeasured(async () => {
  const app = express();
  app.use(express.json({ type: ['application/json', 'application/scim+json'] }));
  app.post('/Users', async (request, response) => {
    const id = randomUUID();
    await pool.query('INSERT INTO users (id, user_name, attributes) VALUES ($1, $2, $3)', [
      id,
      request.body.userName,
      request.body,
    ]);
    response.status(201).json({ id, ...request.body });
  });
  app.patch('/Users/:id', async (request, response) => {
    const { rows } = await pool.query('UPDATE users SET active = false WHERE id = $1 RETURNING attributes', [
      request.params.id,
    ]);
    response.json(rows[0]?.attributes);
  });
  app.get('/Users/:id', async (request, response) => {
    const { rows } = await pool.query('SELECT attributes FROM users WHERE id = $1', [request.params.id]);
    response.json(rows[0]?.attributes);
  });
  app.get('/Users', async (request, response) => {
    const name = /"(.*)"/.exec(String(request.query['filter'] ?? ''))?.[1];
    const { rows } =
      name === undefined
        ? await pool.query('SELECT attributes FROM users ORDER BY created_at, id LIMIT 100')
        : await pool.query('SELECT attributes FROM users WHERE user_name = $1', [name]);
    response.json({ Resources: rows.map((row) => row.attributes) });
  });
  return app;
});
